import { EventEmitter } from "node:events";
import { inWords, rrq } from "../packets.js";
import type { Scenario } from "../scenario.js";

const NAMES =
  "ENOENT EACCESS ENOSPC EBADOP ETID EEXIST ENOUSER EDENY ESOCKET EBADMSG EABORT EFBIG ETIME EBADMODE EBADNAME EIO ENOGET ENOPUT ERBIG ECONPUT ECURPUT ECURGET".split(
    " ",
  );

/** What `require` gives. */
export const moduleScenarios: readonly Scenario[] = [
  {
    name: "the 24 names of the module",
    async play(tftp, world) {
      for (const name of NAMES) world.note(`${name} = ${tftp[name]}`);
      world.note(`${typeof tftp.createClient} ${typeof tftp.createServer}`);
    },
  },
  {
    name: "names of the module beyond these",
    differs: {
      because: ["additions"],
      original: ["others: ", "the end"],
      ours: ["others: TftpError,startMonitor", "the end"],
    },
    async play(tftp, world) {
      const known = new Set([...NAMES, "createClient", "createServer"]);
      const others = Object.keys(tftp).filter((name) => !known.has(name));
      world.note(`others: ${others.join()}`);
    },
  },
  {
    name: "import of the module: the default export and the two factories",
    async play(_tftp, world) {
      const imported = await import(world.specifier);
      world.note(`${typeof imported.default.createClient} ${typeof imported.default.createServer}`);
      world.note(`${imported.createClient === imported.default.createClient}`);
      world.note(`${imported.createServer === imported.default.createServer}`);
      world.note(imported.default.ENOENT);
    },
  },
  {
    name: "the TFTP number that each error text travels with",
    async play(tftp, world) {
      let text = "";
      const { port } = await world.server(tftp, {}, (req) => req.abort(text));
      for (text of [...NAMES.map((name) => tftp[name]), "anything else"]) {
        const peer = await world.peer();
        peer.send(rrq("f"), port);
        world.note(inWords((await peer.next()).bytes));
        peer.close();
      }
    },
  },
  {
    name: "what clients and servers are",
    async play(tftp, world) {
      const client = tftp.createClient();
      world.note(`client: ${typeof client.on}, ${client instanceof EventEmitter}`);
      for (const method of ["createGetStream", "createPutStream", "get", "put"]) {
        world.note(`client.${method}: ${typeof client[method]}`);
      }
      const server = tftp.createServer();
      world.note(`server: ${server instanceof EventEmitter}`);
      for (const method of ["listen", "close", "requestListener"]) {
        const isOfPrototype = !Object.hasOwn(server, method);
        world.note(`server.${method}: ${typeof server[method]}, of the prototype: ${isOfPrototype}`);
      }
      world.note(`the default listener: ${server.listeners("request")[0] === server.requestListener}`);
    },
  },
];
