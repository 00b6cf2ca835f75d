import type { LiveHello, LiveTick } from "../src/observe/live-messages.js";
import { EndedTable } from "./ended-table.js";
import { byId, formatClock, setText } from "./format.js";
import { Plot } from "./plot.js";
import { RunningTable } from "./running-table.js";
import { Summary } from "./summary.js";

const summary = new Summary();
const plot = new Plot();
const running = new RunningTable();
const ended = new EndedTable();
const filter = byId("filter") as HTMLInputElement;
let newest: LiveTick | null = null;

/** Every word of the filter has to be in the name or the client. */
function matches(row: { readonly file: string; readonly client: string }): boolean {
  const text = `${row.file} ${row.client}`.toLowerCase();
  return filter.value
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function show(tick: LiveTick): void {
  newest = tick;
  summary.show(tick);
  running.show(tick, matches);
  setText(
    document.querySelector("title") as Element,
    tick.active > 0 ? `${tick.active} running – ntftp` : "ntftp",
  );
}

function setConnection(text: string, isLive: boolean): void {
  const status = byId("connection");
  setText(status, text);
  status.classList.toggle("live", isLive);
}

const source = new EventSource("/events");
source.addEventListener("hello", (event) => {
  const hello = JSON.parse((event as MessageEvent<string>).data) as LiveHello;
  setConnection("live", true);
  const day = new Date(hello.startedAtMs).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  setText(byId("since"), `counting since ${day}, ${formatClock(hello.startedAtMs)}`);
  plot.reset(hello.history);
  ended.reset(hello.ended, matches);
  show(hello);
});
source.addEventListener("tick", (event) => {
  const tick = JSON.parse((event as MessageEvent<string>).data) as LiveTick;
  plot.add(tick.point);
  if (tick.ended.length > 0) ended.add(tick.ended, matches);
  show(tick);
});
source.addEventListener("error", () => {
  // The browser tries again by itself, unless it was told to go away: 503 when too many pages watch.
  const isClosed = source.readyState === EventSource.CLOSED;
  setConnection(isClosed ? "not connected: reload the page" : "reconnecting", false);
});
filter.addEventListener("input", () => {
  if (newest !== null) running.show(newest, matches);
  ended.filter(matches);
});
