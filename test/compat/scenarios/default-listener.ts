import { mkdirSync } from "node:fs";
import { rrq, wrq } from "../packets.js";
import type { Scenario } from "../scenario.js";
import { pause } from "../world.js";
import { fetchByHand, uploadByHand, watchedServer } from "./by-hand.js";

/** What the default listener makes of requests. */
export const defaultListenerScenarios: readonly Scenario[] = [
  {
    name: "a GET from a file: what is on the wire, req close, res finish",
    async play(tftp, world) {
      world.file("f", 1100);
      const { port } = await watchedServer(world, tftp);
      const heard = await fetchByHand(world, port, rrq("f"));
      await world.quiet();
      world.note(heard);
    },
  },
  {
    name: "a GET with options: only those that were asked come back, cut to what the server has",
    async play(tftp, world) {
      world.file("f", 300);
      world.file("empty", 0);
      const { port } = await world.server(tftp, { blockSize: 1000, windowSize: 3 });
      for (const request of [
        rrq("f", "blksize", "512"),
        rrq("f", "blksize", "1001"),
        rrq("f", "windowsize", "2"),
        rrq("f", "windowsize", "65535"),
        rrq("f", "tsize", "0"),
        rrq("empty", "tsize", "0"),
        rrq("f", "rollover", "0"),
        rrq("f", "blksize", "600", "windowsize", "1", "tsize", "0", "rollover", "0", "mine", "1"),
      ]) {
        world.note(await fetchByHand(world, port, request));
      }
    },
  },
  {
    name: "the order of the options in an OACK",
    differs: {
      because: ["oack-order"],
      original: ["OACK blksize 600 windowsize 1 tsize 300 rollover 0, DATA 1 (300)", "the end"],
      ours: ["OACK rollover 0 tsize 300 windowsize 1 blksize 600, DATA 1 (300)", "the end"],
    },
    async play(tftp, world) {
      world.file("f", 300);
      const { port } = await world.server(tftp);
      const request = rrq("f", "rollover", "0", "tsize", "0", "windowsize", "1", "blksize", "600");
      world.note(await fetchByHand(world, port, request));
    },
  },
  {
    name: "an OACK with nothing in it",
    async play(tftp, world) {
      world.file("f", 300);
      const { port } = await world.server(tftp);
      world.note(await fetchByHand(world, port, rrq("f", "mine", "1")));
    },
  },
  {
    name: "empty files and files of whole blocks end with an empty block",
    async play(tftp, world) {
      const { port } = await world.server(tftp);
      for (const size of [0, 1, 511, 512, 513, 1024]) {
        world.file(`f${size}`, size);
        world.note(`${size}: ${await fetchByHand(world, port, rrq(`f${size}`))}`);
      }
    },
  },
  {
    name: "a GET of a missing file: ERROR 1; req close, abort, error ENOENT",
    async play(tftp, world) {
      const { port } = await watchedServer(world, tftp);
      const heard = await fetchByHand(world, port, rrq("none"));
      await world.quiet();
      world.note(heard);
    },
  },
  {
    name: "a GET of a directory: req close, abort, error EISDIR",
    differs: {
      because: ["refused-first"],
      original: [
        "req close",
        "req abort",
        "req error  EISDIR",
        "OACK tsize #, ERROR 1 File not found",
        "the end",
      ],
      ours: ["req close", "req abort", "req error  EISDIR", "ERROR 1 File not found", "the end"],
    },
    async play(tftp, world) {
      mkdirSync(world.path("dir"));
      const { port } = await watchedServer(world, tftp);
      const heard = await fetchByHand(world, port, rrq("dir", "tsize", "0"));
      await world.quiet();
      world.note(heard.replace(/tsize \d+/, "tsize #"));
    },
  },
  {
    name: "a PUT into a file: what is on the wire, req close",
    async play(tftp, world) {
      const { port } = await watchedServer(world, tftp);
      const heard = await uploadByHand(world, port, wrq("up"));
      await world.quiet();
      world.note(heard);
      const content = world.content("up");
      world.note(`${content.length} bytes, ${content.slice(510, 514)}`);
    },
  },
  {
    name: "a PUT with options: the OACK stands for ACK 0, tsize comes back",
    async play(tftp, world) {
      const { port } = await world.server(tftp, { blockSize: 1000, windowSize: 3, timeout: 3000 });
      for (const options of [
        ["tsize", "600"],
        ["tsize", "0"],
        ["blksize", "512", "windowsize", "1", "tsize", "600", "rollover", "0", "mine", "1"],
        ["mine", "1"],
      ]) {
        const peer = await world.peer();
        const first = await peer.ask(port, wrq(`up ${options.join(" ")}`, ...options));
        world.note(`${options.join(" ")}: ${first}`);
      }
    },
  },
  {
    name: "a PUT over a file replaces it",
    async play(tftp, world) {
      world.file("up", 5000);
      const { port } = await world.server(tftp);
      world.note(await uploadByHand(world, port, wrq("up")));
      await pause(50);
      world.note(`${world.content("up").length} bytes`);
    },
  },
  {
    name: "a PUT into a directory that is not there: none is made; req close, abort, error ENOENT",
    differs: {
      because: ["wire-numbers", "refused-first"],
      original: [
        "req close",
        "req abort",
        "req error  ENOENT",
        "ACK 0,ERROR 0 I/O error",
        "made: gone",
        "the end",
      ],
      ours: [
        "req close",
        "req abort",
        "req error  ENOENT",
        "ERROR 1 File not found",
        "made: gone",
        "the end",
      ],
    },
    async play(tftp, world) {
      const { port } = await watchedServer(world, tftp);
      const peer = await world.peer();
      peer.send(wrq("none/up"), port);
      const heard = await peer.hear(200);
      await world.quiet();
      world.note(heard.join());
      world.note(`made: ${world.content("none/up")}`);
    },
  },
  {
    name: "names of directories, for a GET and for a PUT",
    differs: {
      because: ["wire-numbers", "refused-first"],
      original: [
        "ERROR 1 File not found",
        "ERROR 1 File not found",
        "ERROR 1 File not found",
        "ERROR 1 File not found",
        "ACK 0, ERROR 0 I/O error",
        "ACK 0, ERROR 0 I/O error",
        "the end",
      ],
      ours: [
        "ERROR 1 File not found",
        "ERROR 1 File not found",
        "ERROR 1 File not found",
        "ERROR 1 File not found",
        "ERROR 1 File not found",
        "ERROR 1 File not found",
        "the end",
      ],
    },
    async play(tftp, world) {
      mkdirSync(world.path("dir"));
      const { port } = await world.server(tftp);
      for (const request of [rrq("dir"), rrq("dir/"), rrq(""), rrq("/"), wrq("dir"), wrq("dir/")]) {
        const peer = await world.peer();
        peer.send(request, port);
        world.note((await peer.hear(150)).join(", "));
      }
    },
  },
  {
    name: "a PUT into a directory that is there",
    async play(tftp, world) {
      mkdirSync(world.path("dir"));
      const { port } = await world.server(tftp);
      world.note(await uploadByHand(world, port, wrq("/dir//up")));
      await pause(50);
      world.note(`${world.content("dir/up").length} bytes`);
    },
  },
  {
    name: "a server without a root serves the current directory",
    async play(tftp, world) {
      world.file("f", 10);
      process.chdir(world.folder);
      const { port } = await world.server(tftp, { root: undefined });
      world.note(await fetchByHand(world, port, rrq("f")));
    },
  },
];
