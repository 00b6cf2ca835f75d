import { BlockList, isIP } from "node:net";
import { join, resolve } from "node:path";
import { Neighbours } from "../io/neighbours.js";
import { isDirectory, isThere } from "../io/root-path.js";
import type { ServerSettings } from "./options.js";

/** Clients of a network, and where their files are looked for first. */
export interface SubnetRoot {
  /** As in `192.0.2.0/24` or `2001:db8::/32`. */
  readonly subnet: string;
  readonly root: string;
}

/** What of the settings decides where a client's files are. */
export type RootSettings = Pick<ServerSettings, "uniqueRoot" | "subnetRoots" | "ignoreCase">;

interface Network {
  readonly clients: BlockList;
  readonly prefixBits: number;
  readonly root: string;
}

/**
 * Chooses the directory that serves a request: a root of the client's network, before it and before the server's
 * root a directory of the client itself. A GET takes the first that has the file, a PUT the first that exists; so
 * what is not in a client's own directory comes from the one that all share.
 */
export class ClientRoots {
  readonly #settings: RootSettings;
  readonly #networks: readonly Network[];
  readonly #neighbours: Neighbours;

  constructor(settings: RootSettings, neighbours = new Neighbours()) {
    this.#settings = settings;
    this.#neighbours = neighbours;
    // The narrowest network first.
    this.#networks = settings.subnetRoots
      .map(toNetwork)
      .sort((one, other) => other.prefixBits - one.prefixBits);
  }

  /** False: the server's root it is, for everybody. */
  get areSet(): boolean {
    return this.#settings.uniqueRoot !== null || this.#networks.length > 0;
  }

  /** The directory for a request. Never rejects: what can't be looked at is not there. */
  async choose(root: string, method: "GET" | "PUT", address: string, path: string): Promise<string> {
    const [bare = ""] = address.split("%");
    const family = isIP(bare) === 6 ? "ipv6" : "ipv4";
    const roots = this.#networks
      .filter(({ clients }) => clients.check(bare, family))
      .map((found) => found.root);
    roots.push(root);
    const client = await this.#directoryOf(bare);
    const candidates = client === null ? roots : roots.flatMap((each) => [join(each, client), each]);
    for (const candidate of candidates.slice(0, -1)) {
      if (!(await isDirectory(candidate))) continue;
      if (method === "PUT" || (await isThere(candidate, path, this.#settings.ignoreCase))) return candidate;
    }
    return root;
  }

  async #directoryOf(address: string): Promise<string | null> {
    if (this.#settings.uniqueRoot === null) return null;
    return this.#settings.uniqueRoot === "ip" ? address : this.#neighbours.macOf(address);
  }
}

/** The network of `ADDRESS/BITS`. @throws RangeError with one line */
export function checkSubnetRoot({ subnet, root }: SubnetRoot): SubnetRoot {
  const [, address = "", bits = ""] = /^(.*)\/(\d{1,3})$/.exec(subnet) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 6 ? 128 : 32)) {
    throw new RangeError(`subnetRoots holds "${subnet}", which is no network as in 192.0.2.0/24`);
  }
  if (typeof root !== "string" || root === "") {
    throw new RangeError(`subnetRoots has no directory for ${subnet}`);
  }
  return { subnet, root: resolve(root) };
}

function toNetwork({ subnet, root }: SubnetRoot): Network {
  const [address = "", bits = ""] = subnet.split("/");
  const clients = new BlockList();
  clients.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
  return { clients, prefixBits: Number(bits), root };
}
