/*
 * The price of small things, with what each allocates. `npm run bench:micro`; a word selects by name:
 * `npm run bench:micro -- "an ACK in"`. `--json` prints one object instead.
 *
 * Relative figures of one run: a change shows with both versions on the same machine in turn (bench:base).
 */
import { run } from "mitata";
import { definePackets } from "./packets.mjs";
import { defineSockets } from "./sockets.mjs";
import { defineStores } from "./stores.mjs";
import { defineTurns } from "./turns.mjs";

const words = process.argv.slice(2);
const isJson = words.includes("--json");
const filter = words.filter((word) => word !== "--json").join(" ");

definePackets();
defineTurns();
const closeStores = await defineStores();
const closeSockets = await defineSockets();
await run({
  throw: true,
  colors: process.stdout.isTTY === true,
  format: isJson ? { json: { debug: false, samples: false } } : "mitata",
  ...(filter === "" ? {} : { filter: new RegExp(filter) }),
});
closeSockets();
await closeStores();
