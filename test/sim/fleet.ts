import { TimerQueue } from "../../src/driver/timer-queue.js";
import { encodeAck, encodeData, encodeError, encodeNetascii, encodeRequest } from "../../src/engine/index.js";
import type { Peer, SocketFactory } from "../../src/io/socket.js";
import type { Runtime } from "../../src/runtime.js";
import { Dispatcher } from "../../src/server/dispatcher.js";
import { LocalPlacement } from "../../src/server/local-placement.js";
import { fillServerOptions } from "../../src/server/options.js";
import type { Placement } from "../../src/server/placement.js";
import type { ServerTransfer } from "../../src/server/server-transfer.js";
import type { HostThread } from "../../src/server/transfer-host.js";
import { type FleetPlan, planFleet } from "./fleet-plan.js";
import { checkAlone, checkDelivered, checkGaveWay, checkNothingLeft, Invariants } from "./invariants.js";
import { Random } from "./random.js";
import { SimClient } from "./sim-client.js";
import { SimFiles } from "./sim-files.js";
import { SimWorkers } from "./sim-workers.js";
import { type Fate, World } from "./world.js";

const SERVER: Peer = { address: "10.0.0.1", port: 69 };
/** A name that no file has. */
const MISSING = "missing";
const STRANGER = "10.9.9.9";

/** Promise chains of opening a file and a socket are shorter. */
const MICROTASKS = 24;

/** Datagrams of strangers in one run: more would only repeat themselves. */
const NOISE_MAX = 100;

/** Longer than any patience: 20 pauses of the slowest model, and of the server. */
const PATIENCE_MS = 400_000;

export interface FleetResult {
  readonly plan: FleetPlan;
  /** What was seen in this run, for the "sometimes" assertions. */
  readonly seen: ReadonlySet<string>;
  readonly traceHash: number;
  readonly dataSent: number;
  readonly sentCount: number;
  /** How long the slowest client took. */
  readonly slowestMs: number;
}

/** Runs one seed: a whole server and everybody who wants something from it. @throws Error with the broken rule */
export function simulateFleet(seed: bigint): Promise<FleetResult> {
  const random = new Random(seed);
  return new Fleet(random, planFleet(random)).run();
}

/** Runs a plan in a world where nothing is left to chance but what `fateOf` says. */
export function simulateFleetPlan(
  plan: FleetPlan,
  fateOf: (index: number) => Fate | null,
): Promise<FleetResult> {
  return new Fleet(new Random(0n), plan, fateOf).run();
}

/** A file as it travels to or from a client. */
function onWire({ mode }: SimClient["model"], content: Uint8Array): Uint8Array {
  return mode === "netascii" ? encodeNetascii(content) : content;
}

class Fleet {
  readonly #random: Random;
  readonly #plan: FleetPlan;
  readonly #world: World;
  readonly #invariants: Invariants;
  readonly #files: SimFiles;
  readonly #timers: TimerQueue;
  readonly #dispatcher: Dispatcher;
  readonly #workers: SimWorkers | null;
  readonly #clients: SimClient[] = [];
  readonly #uploads = new Map<string, Uint8Array>();
  readonly #seen = new Set<string>();
  /** Transfers whose data has not ended. */
  readonly #running = new Set<ServerTransfer>();
  #started = 0;
  #ended = 0;
  #openSockets = 0;

  constructor(random: Random, plan: FleetPlan, fateOf: ((index: number) => Fate | null) | null = null) {
    this.#random = random;
    this.#plan = plan;
    this.#invariants = new Invariants({
      ours: new Set([SERVER.address]),
      serverAddress: SERVER.address,
      contentOf: (_, { address, port }) => this.#files.served.get(`${address}:${port}`) ?? null,
    });
    this.#world = new World(this.#random, this.#plan.network, this.#invariants);
    this.#world.fateOf = fateOf;
    this.#files = new SimFiles(this.#world, this.#plan.files, (what) => this.#seen.add(what));
    const clock = this.#world.createClock();
    this.#timers = new TimerQueue(clock);
    const runtime = { clock, timers: this.#timers, sockets: this.#socketFactory() } as Runtime;
    const settings = {
      ...fillServerOptions({ host: SERVER.address, workers: 0, ...this.#plan.limits }),
      timeoutMs: 1000,
      windowSize: 64,
    };
    const thread = { runtime, settings, files: this.#files } as unknown as HostThread;
    this.#workers =
      this.#plan.workerDelayMs === null
        ? null
        : new SimWorkers(this.#world, thread, this.#plan.workerDelayMs);
    this.#dispatcher = this.#makeDispatcher(runtime, settings);
    const placement: Placement = this.#workers ?? new LocalPlacement(thread);
    this.#dispatcher.setPlacement(placement);
  }

  async run(): Promise<FleetResult> {
    const { healAtMs } = this.#plan;
    this.#openRequestPort();
    this.#plantFiles();
    this.#plantClients();
    this.#plantNoise();
    this.#plantCrashes();
    this.#world.after(healAtMs, () => {
      this.#world.faults = { loss: 0, duplicate: 0, delayMs: 1, jitterMs: 0 };
    });
    const limitMs = healAtMs + PATIENCE_MS;
    while (this.#world.step(limitMs)) {
      if (!this.#world.unsettled) continue;
      this.#world.unsettled = false;
      for (let turn = 0; turn < MICROTASKS; turn++) await null;
    }
    return this.#judge();
  }

  #makeDispatcher(runtime: Runtime, settings: ConstructorParameters<typeof Dispatcher>[1]): Dispatcher {
    return new Dispatcher(runtime, settings, {
      root: () => "/",
      answerMode: () => "files",
      onRequest: () => undefined,
      onTransferStart: (transfer) => {
        this.#started++;
        checkAlone(transfer, this.#running);
        this.#running.add(transfer);
      },
      onTransferEnd: (transfer, { failure, lastAckMissing }) => {
        this.#ended++;
        this.#running.delete(transfer);
        if (failure?.kind === "superseded" && failure.by === "limit") checkGaveWay(transfer);
        this.#seen.add(`server ${failure?.kind ?? (lastAckMissing ? "last ACK missing" : "completed")}`);
        if (failure?.kind === "superseded") this.#seen.add(`superseded by ${failure.by}`);
      },
      onRefused: ({ reason }) => this.#seen.add(`request ${reason}`),
      openSink: (root, request) => this.#files.openSink(root, request),
      uploadBlockSizeMax: () => Number.POSITIVE_INFINITY,
      uploadTag: () => "tag",
    });
  }

  #socketFactory(): SocketFactory {
    return {
      kind: "simulated",
      reportsLocalAddress: true,
      open: async ({ address }, handlers) => {
        this.#world.unsettled = true;
        if (this.#random.chance(this.#plan.noSocket)) {
          this.#seen.add("no socket");
          throw Object.assign(new Error("simulated"), { code: "EMFILE" });
        }
        this.#openSockets++;
        if (this.#plan.socketDelayMs > 0)
          await this.#pass(this.#random.fraction() * this.#plan.socketDelayMs);
        const socket = this.#world.open(address, 0, handlers);
        socket.onClose = () => this.#openSockets--;
        return socket;
      },
    };
  }

  #pass(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.after(delayMs, () => {
        this.#world.unsettled = true;
        resolve();
      });
    });
  }

  #openRequestPort(): void {
    const socket = this.#world.open(SERVER.address, SERVER.port, {
      onDatagram: (bytes, peer, localAddress) => {
        this.#dispatcher.handleRequest({ bytes, peer, localAddress }, socket);
        this.#world.unsettled = true;
      },
      onError: () => undefined,
    });
  }

  #plantFiles(): void {
    for (const [index, size] of this.#plan.fileSizes.entries())
      this.#files.publish(`f${index}`, this.#random.bytes(size));
  }

  #plantClients(): void {
    this.#plan.clients.forEach(({ model, fileIndex, sizeBytes, startMs }, index) => {
      const isUpload = model.method === "PUT";
      const name = isUpload ? `u${fileIndex}` : fileIndex < 0 ? MISSING : `f${fileIndex}`;
      const upload = isUpload ? this.#random.bytes(sizeBytes) : new Uint8Array(0);
      const address = `10.0.1.${1 + (index % this.#plan.addresses)}`;
      const client = new SimClient(this.#world, model, address, SERVER, name, upload);
      if (isUpload) this.#uploads.set(`${name} ${index}`, upload);
      this.#clients.push(client);
      this.#world.after(startMs, () => client.start());
    });
  }

  /** Datagrams of nobody in particular, to the request port and to transfer ports. */
  #plantNoise(): void {
    const { noisePerSecond, healAtMs } = this.#plan;
    if (noisePerSecond === 0) return;
    let left = NOISE_MAX;
    const make = (): void => {
      if (this.#world.nowMs > healAtMs || left-- === 0) return;
      const from = { address: STRANGER, port: this.#random.between(1024, 65_535) };
      const port = this.#random.chance(0.5) ? SERVER.port : 40_000 + this.#random.between(0, 40);
      this.#world.transmit(from, { address: SERVER.address, port }, this.#noise());
      this.#seen.add("noise");
      this.#world.after((this.#random.fraction() * 2000) / noisePerSecond, make);
    };
    this.#world.after(0, make);
  }

  #noise(): Uint8Array {
    const random = this.#random;
    const number = random.between(0, 20);
    const request = encodeRequest({ method: "GET", fileName: "f0", mode: "octet", options: [] });
    const packet = random.pick([
      encodeAck(number),
      encodeData(number, random.bytes(random.between(0, 64))),
      encodeError(number % 9, "noise"),
      request,
      random.bytes(random.between(0, 40)),
    ]);
    // A mutated capture: a bit or a length is wrong.
    const mutated = packet.slice(0, random.chance(0.3) ? random.between(0, packet.length) : packet.length);
    if (mutated.length > 0 && random.chance(0.3))
      mutated[random.between(0, mutated.length - 1)] = random.between(0, 255);
    return mutated;
  }

  #plantCrashes(): void {
    for (const atMs of this.#plan.crashesAtMs) {
      this.#world.after(atMs, () => {
        this.#workers?.crash();
        if ((this.#workers?.crashes ?? 0) > 0) this.#seen.add("worker crash");
      });
    }
  }

  #judge(): FleetResult {
    for (const client of this.#clients) this.#checkClient(client);
    if (this.#started !== this.#ended) {
      throw new Error(`${this.#started} transfers began, ${this.#ended} ended`);
    }
    checkNothingLeft({
      sockets: this.#openSockets,
      timers: this.#timers.size,
      transfers: this.#dispatcher.transferCount,
      queuedRequests: this.#dispatcher.queuedCount,
      openFiles: this.#files.openFiles,
      temporaryFiles: this.#files.temporaryFiles,
    });
    this.#checkPublished();
    for (const code of this.#invariants.errorCodes) this.#seen.add(`sent ERROR ${code}`);
    if ((this.#workers?.crashedUploads ?? 0) > 0) this.#seen.add("worker crash with an open upload");
    const { traceHash, sentCount } = this.#world;
    const { dataSent } = this.#invariants;
    const took = this.#clients.map(
      ({ endedMs }, index) => endedMs - (this.#plan.clients[index]?.startMs ?? 0),
    );
    const slowestMs = Math.max(...took);
    return { plan: this.#plan, seen: this.#seen, traceHash, dataSent, sentCount, slowestMs };
  }

  #checkClient(client: SimClient): void {
    const { model, outcome, errorCode, name } = client;
    const who = `${model.name} (${model.method} ${name})`;
    this.#seen.add(`client ${outcome}`);
    if (outcome === "told ERROR") this.#seen.add(`ERROR ${errorCode}`);
    if (outcome === "running") throw new Error(`${who} is still at it`);
    if (model.vice !== undefined) {
      this.#seen.add(`${model.vice}: ${outcome}`);
      return;
    }
    // The network doubled an OACK, or kept it too long. That it was no OACK too many of ours is the wire's rule.
    if (client.hasLeftOut) {
      this.#seen.add("a block was left out");
      return;
    }
    if (outcome === "done") {
      this.#seen.add(`${model.name} ${model.method} done`);
      if (this.#plan.network.loss > 0) this.#seen.add("done under loss");
      if (this.#plan.network.awayMs !== undefined) this.#seen.add("done across a dead link");
      const stored = (model.method === "GET" ? this.#files.versions.get(name) : undefined) ?? [];
      const versions = stored.length > 0 ? stored.map((version) => onWire(model, version)) : [client.content];
      const match = versions.find((version) => version.length === client.content.length) ?? versions[0];
      checkDelivered(who, client.content, match as Uint8Array, true);
      if (model.method === "PUT" && !this.#wasPublished(name, client.upload))
        throw new Error(`${who} was told that a file is stored that isn't`);
    }
    if (outcome === "refused the OACK") throw new Error(`${who} can't live with the OACK`);
    if (name === MISSING) {
      if (this.#plan.isCalm && errorCode !== 1) throw new Error(`${who}: ${outcome} ${errorCode}`);
      return;
    }
    if (this.#plan.isCalm && outcome !== "done")
      throw new Error(`${who} in calm weather: ${outcome} ${errorCode}`);
    const { loss, duplicate, delayMs, jitterMs } = this.#plan.network;
    const isQuiet =
      this.#plan.isCalm && this.#world.fateOf === null && loss + duplicate === 0 && delayMs + jitterMs < 5;
    if (model.hangsOnRepeatedData && isQuiet && client.repeatedData > 0)
      throw new Error(`${who} got DATA twice without a cause`);
  }

  #wasPublished(name: string, content: Uint8Array): boolean {
    return (this.#files.versions.get(name) ?? []).some(
      (version) => version.length === content.length && version.every((byte, at) => byte === content[at]),
    );
  }

  /** Under the name of an upload there is one of the uploads, whole, or nothing. */
  #checkPublished(): void {
    for (const [name, content] of this.#files.published) {
      if (!name.startsWith("u")) continue;
      const offered = [...this.#uploads]
        .filter(([key]) => key.startsWith(`${name} `))
        .map(([, upload]) => upload);
      const isWhole = offered.some(
        (upload) => upload.length === content.length && upload.every((byte, at) => byte === content[at]),
      );
      const mayBeOdd = this.#plan.clients.some(
        ({ model }) => model.method === "PUT" && model.vice === "liar",
      );
      // A block was left out and the one before got lost, of a file whose size nobody told: two faults that leave no sign.
      const hasUnseenGap = this.#clients.some(
        (client) =>
          client.name === name &&
          client.hasLeftOut &&
          client.model.announcesNothing &&
          this.#world.fateOf === null,
      );
      if (!isWhole && !mayBeOdd && !hasUnseenGap)
        throw new Error(`${name} holds ${content.length} bytes that nobody sent`);
    }
  }
}
