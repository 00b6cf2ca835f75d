import type { LiveTick, RunningRow } from "../src/observe/live-messages.js";
import {
  byId,
  element,
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  setText,
  visible,
} from "./format.js";

/** Rows on the page; more would only be scrolled past. */
const ROWS_MAX = 200;

/** How much a new second counts in a rate: it follows within a few, and does not jump. */
const SMOOTHING = 0.4;

interface Known {
  bytes: number;
  atMs: number;
  bytesPerSecond: number;
}

interface Row {
  readonly tr: HTMLTableRowElement;
  readonly fill: HTMLElement;
  readonly bar: HTMLElement;
  readonly percent: HTMLElement;
  readonly size: HTMLElement;
  readonly rate: HTMLElement;
  readonly left: HTMLElement;
}

/** The transfers whose data is moving. Rows are kept, so that their bars glide. */
export class RunningTable {
  readonly #body = byId("running").querySelector("tbody") as HTMLElement;
  readonly #rows = new Map<number, Row>();
  readonly #known = new Map<number, Known>();

  show(tick: LiveTick, matches: (row: RunningRow) => boolean): void {
    this.#measure(tick);
    const wanted = tick.running.filter(matches);
    const shown = wanted.slice(0, ROWS_MAX);
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, { tr }] of this.#rows) {
      if (ids.has(id)) continue;
      tr.remove();
      this.#rows.delete(id);
    }
    for (const row of shown) {
      let known = this.#rows.get(row.id);
      if (known === undefined) {
        known = makeRow(row);
        this.#rows.set(row.id, known);
        this.#body.append(known.tr);
      }
      update(known, row, this.#known.get(row.id)?.bytesPerSecond ?? 0);
    }
    byId("running").hidden = shown.length === 0;
    const empty = byId("running-empty");
    empty.hidden = shown.length > 0;
    setText(
      empty,
      tick.running.length > 0 ? "No running transfer matches the filter." : "No transfer is running.",
    );
    setText(byId("running-note"), noteFor(tick, wanted.length, shown.length));
  }

  /** Rates of all that run, shown or not, so that a filter does not begin at nothing. */
  #measure({ running, atMs }: LiveTick): void {
    const ids = new Set<number>();
    for (const { id, bytes, startedAtMs } of running) {
      ids.add(id);
      const last = this.#known.get(id);
      const sinceMs = atMs - (last?.atMs ?? startedAtMs);
      if (sinceMs <= 0) continue;
      const now = Math.max(0, ((bytes - (last?.bytes ?? 0)) * 1000) / sinceMs);
      const bytesPerSecond =
        last === undefined ? now : last.bytesPerSecond + SMOOTHING * (now - last.bytesPerSecond);
      this.#known.set(id, { bytes, atMs, bytesPerSecond });
    }
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
  }
}

function noteFor({ active, running }: LiveTick, wanted: number, shown: number): string {
  if (shown < wanted) return `${formatCount(wanted)} match, ${shown} shown`;
  if (running.length < active) return `the oldest ${formatCount(running.length)} of ${formatCount(active)}`;
  return wanted < running.length ? `${formatCount(wanted)} of ${formatCount(active)}` : formatCount(active);
}

function makeRow({ method, file, client }: RunningRow): Row {
  const tr = document.createElement("tr");
  tr.className = method === "PUT" ? "put" : "get";
  const name = element("td", "file");
  const shownName = visible(file);
  name.title = shownName;
  name.append(element("span", `method ${tr.className}`, method), ` ${shownName}`);
  const bar = element("div", "bar");
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-valuemin", "0");
  bar.setAttribute("aria-valuemax", "100");
  const fill = element("div", "fill");
  bar.append(fill);
  const percent = element("span", "percent");
  const progress = element("div", "progress");
  progress.append(bar, percent);
  const cell = element("td", "progress-cell");
  cell.append(progress);
  const [size, rate, left] = ["Size", "Rate", "Left"].map((text) => {
    const number = element("td", "number");
    number.dataset["label"] = text;
    return number;
  }) as [HTMLElement, HTMLElement, HTMLElement];
  tr.append(name, element("td", "client", visible(client)), cell, size, rate, left);
  return { tr, fill, bar, percent, size, rate, left };
}

function update(row: Row, { sizeBytes, bytes }: RunningRow, bytesPerSecond: number): void {
  const part = sizeBytes === null ? null : sizeBytes === 0 ? 1 : Math.min(1, bytes / sizeBytes);
  row.bar.classList.toggle("unknown", part === null);
  if (part === null) {
    row.bar.removeAttribute("aria-valuenow");
    setText(row.percent, "");
  } else {
    const percent = Math.floor(part * 100);
    row.fill.style.width = `${(part * 100).toFixed(2)}%`;
    row.bar.setAttribute("aria-valuenow", String(percent));
    setText(row.percent, `${percent} %`);
  }
  setText(row.size, sizeBytes === null ? formatBytes(bytes) : formatBytes(sizeBytes));
  setText(row.rate, formatRate(bytesPerSecond));
  const left =
    sizeBytes === null || bytesPerSecond < 1 ? null : ((sizeBytes - bytes) / bytesPerSecond) * 1000;
  setText(row.left, left === null ? "–" : formatDuration(left));
}
