import { Readable, Writable } from "node:stream";
import { rrq, wrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause, type TftpModule } from "../world.js";
import { fetchByHand, uploadByHand } from "./by-hand.js";

/** Requests as listeners see them. */
export const serverRequestScenarios: readonly Scenario[] = [
  {
    name: "the request event: this, req and res",
    async play(tftp, world) {
      const { server, port } = await world.server(
        tftp,
        {},
        function (this: unknown, ...values: TftpModule[]) {
          const [req, res] = values;
          world.note(`${values.length} arguments, this is the server: ${this === server}`);
          world.note(`${req.method} ${req.file}, readable ${req instanceof Readable}`);
          world.note(`res of a GET is writable: ${req.method === "GET" ? res instanceof Writable : "-"}`);
          for (const method of ["abort", "close"]) world.note(`req.${method}: ${typeof req[method]}`);
          for (const method of ["setSize", "setUserExtensions"]) {
            world.note(`res.${method}: ${typeof res[method]}`);
          }
          req.abort();
        },
      );
      for (const request of [rrq("./dir//x"), rrq("/abs"), wrq("up"), wrq("/dir/../up"), rrq("a\\b")]) {
        const first = await (await world.peer()).ask(port, request);
        world.note(first.replace("ACK 0", "ERROR 0 Aborted"));
      }
      await world.quiet();
    },
  },
  {
    name: "req.stats before anything is sent",
    async play(tftp, world) {
      const peer = await world.peer();
      const { port } = await world.server(tftp, { timeout: 700, retries: 5 }, (req) => {
        const { localAddress, localPort, remotePort, ...others } = req.stats;
        const ports = `${localPort > 0} ${remotePort === peer.port}`;
        world.note(`${JSON.stringify(others)} ${typeof localAddress} ${ports}`);
        req.close();
      });
      for (const request of [
        rrq("f"),
        rrq("f", "tsize", "0", "blksize", "100", "windowsize", "9", "mine", "7", "Other", ""),
        rrq("f", "blksize", "9000", "windowsize", "65535", "rollover", "0"),
        wrq("f"),
        wrq("f", "tsize", "0"),
        wrq("f", "tsize", "12345", "windowsize", "2"),
      ]) {
        peer.send(request, port);
        await pause(50);
        await world.quiet();
      }
    },
  },
  {
    name: "a listener of the factory takes the default listener's place, others are added behind it",
    async play(tftp, world) {
      world.file("f", 10);
      const { server, port } = await world.server(tftp, {}, () => world.note("mine"));
      server.on("request", function (this: TftpModule, req: TftpModule, res: TftpModule) {
        world.note("added");
        this.requestListener(req, res);
      });
      world.note(await fetchByHand(world, port, rrq("f")));
      const other = await world.server(tftp);
      other.server.on("request", () => world.note("added to the default listener"));
      world.note(await fetchByHand(world, other.port, rrq("f")));
    },
  },
  {
    name: "requestListener twice, or after abort, does nothing",
    async play(tftp, world) {
      world.file("f", 10);
      const twice = await world.server(tftp, {}, function (req, res) {
        world.call("once", () => this.requestListener(req, res));
        world.call("twice", () => this.requestListener(req, res));
      });
      world.note(await fetchByHand(world, twice.port, rrq("f")));
      world.note(await uploadByHand(world, twice.port, wrq("up")));
      const aborted = await world.server(tftp, {}, function (req, res) {
        req.abort("not for you");
        world.call("after abort", () => this.requestListener(req, res));
      });
      world.note(await fetchByHand(world, aborted.port, rrq("f")));
      await world.quiet();
    },
  },
  {
    name: "requestListener after a while, for a GET",
    async play(tftp, world) {
      world.file("f", 10);
      const { port } = await world.server(tftp, { timeout: 2000 }, function (req, res) {
        setTimeout(() => this.requestListener(req, res), 100);
      });
      world.note(await fetchByHand(world, port, rrq("f")));
    },
  },
  {
    name: "requestListener after server.close()",
    differs: {
      because: ["B21"],
      original: ["silence", "the end"],
      ours: ["req close", "req abort", "ERROR 0 Aborted", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 10);
      const { port } = await world.server(tftp, { timeout: 2000 }, function (req, res) {
        for (const event of ["close", "abort"]) req.once(event, () => world.note(`req ${event}`));
        this.close();
        this.requestListener(req, res);
      });
      world.note(await (await world.peer()).ask(port, rrq("f"), 300));
      await world.quiet();
    },
  },
  {
    name: "errors of requests that nobody listens for, default listener",
    differs: {
      because: ["no-crash"],
      original: ["process died: 'ENOENT: no such file or directory, stat 'FOLDER/none'' (ENOENT)"],
      ours: ["ERROR 1 File not found", "DATA 1 (10)", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 10);
      const port = await world.freePort();
      const server = tftp.createServer({ host: "127.0.0.1", port, root: world.folder });
      server.listen();
      await world.settle(server, ["listening"]);
      world.note(await (await world.peer()).ask(port, rrq("none")));
      await pause(100);
      world.note(await (await world.peer()).ask(port, rrq("f")));
      server.close();
    },
  },
  {
    name: "errors of requests that nobody listens for, custom listener: they end the process",
    differs: {
      because: ["D6"],
      original: ["DATA 1 (3)", "process died: 'Timed out'"],
      ours: ["DATA 1 (3)", "process died: 'Timed out' (ETIME)"],
    },
    async play(tftp, world) {
      const port = await world.freePort();
      const server = tftp.createServer(
        { host: "127.0.0.1", port, root: world.folder, timeout: 100, retries: 1 },
        (_req: TftpModule, res: TftpModule) => {
          res.setSize(3);
          res.end("abc");
        },
      );
      server.listen();
      await world.settle(server, ["listening"]);
      world.note(await (await world.peer()).ask(port, rrq("f")));
      await pause(2500);
    },
  },
  {
    name: "requestListener after a while, for a PUT whose bytes are all there by then",
    async play(tftp, world) {
      const { port } = await world.server(tftp, { timeout: 2000 }, function (req, res) {
        setTimeout(() => this.requestListener(req, res), 100);
      });
      const over = uploadByHand(world, port, wrq("up"));
      await pause(300);
      await over;
      world.note(`${world.content("up").length} bytes`);
    },
  },
];
