import type { EndedRow } from "../src/observe/live-messages.js";
import {
  byId,
  element,
  formatBytes,
  formatClock,
  formatDuration,
  formatRate,
  setText,
  visible,
} from "./format.js";

/** Rows that are kept and shown. */
const ROWS_MAX = 200;

/** How an outcome looks; what does not stand here is calm. */
const LOOKS: Partial<Record<EndedRow["outcome"], "good" | "warn" | "bad">> = {
  done: "good",
  "last-ack-missing": "good",
  denied: "warn",
  refused: "warn",
  "timed-out": "warn",
  "peer-gone": "warn",
  "protocol-error": "warn",
  aborted: "warn",
  evicted: "warn",
  "network-error": "bad",
  "disk-full": "bad",
  "disk-error": "bad",
  "no-socket": "bad",
  "worker-crash": "bad",
};

/** The transfers that ended, newest first. */
export class EndedTable {
  readonly #body = byId("ended").querySelector("tbody") as HTMLElement;
  /** Newest first. */
  #rows: { readonly row: EndedRow; readonly tr: HTMLElement }[] = [];

  reset(rows: readonly EndedRow[], matches: (row: EndedRow) => boolean): void {
    this.#rows = [];
    this.#body.replaceChildren();
    this.add(rows, matches);
  }

  /** @param rows - oldest first */
  add(rows: readonly EndedRow[], matches: (row: EndedRow) => boolean): void {
    const known = new Set(this.#rows.map(({ row }) => row.id));
    for (const row of rows) {
      // What ended just before a page came is in the past that it is shown, and in the next tick.
      if (known.has(row.id)) continue;
      const tr = makeRow(row);
      this.#rows.unshift({ row, tr });
      this.#body.prepend(tr);
    }
    for (const { tr } of this.#rows.splice(ROWS_MAX)) tr.remove();
    this.filter(matches);
  }

  filter(matches: (row: EndedRow) => boolean): void {
    let shown = 0;
    for (const { row, tr } of this.#rows) {
      tr.hidden = !matches(row);
      if (!tr.hidden) shown++;
    }
    byId("ended").hidden = shown === 0;
    const empty = byId("ended-empty");
    empty.hidden = shown > 0;
    setText(
      empty,
      this.#rows.length > 0 ? "No transfer that ended matches the filter." : "No transfer has ended yet.",
    );
    const all = this.#rows.length;
    setText(
      byId("ended-note"),
      shown < all ? `${shown} of the last ${all}` : all === 0 ? "" : `the last ${all}`,
    );
  }
}

function makeRow(row: EndedRow): HTMLElement {
  const { outcome, error, method, client, sizeBytes, bytes } = row;
  const tr = document.createElement("tr");
  const badge = element("span", `outcome ${LOOKS[outcome] ?? ""}`, outcome);
  if (error !== null) badge.title = visible(error);
  const outcomeCell = element("td", "outcome-cell");
  outcomeCell.append(badge);
  const name = element("td", "file");
  const shownName = visible(row.file);
  name.title = `${shownName}\nblksize ${row.blockSize}, windowsize ${row.windowSize}`;
  name.append(element("span", `method ${method.toLowerCase()}`, method), ` ${shownName}`);
  const isWhole = sizeBytes === null || sizeBytes === bytes || bytes === 0;
  const size = isWhole
    ? formatBytes(sizeBytes ?? bytes)
    : `${formatBytes(bytes)} of ${formatBytes(sizeBytes)}`;
  tr.append(
    outcomeCell,
    name,
    element("td", "client", visible(client)),
    number("Size", sizeBytes === null && bytes === 0 ? "–" : size),
    number("Time", formatDuration(row.durationMs)),
    number("Rate", bytes === 0 ? "–" : formatRate(row.bytesPerSecond)),
    number("Repeated", row.retransmissions === 0 ? "–" : String(row.retransmissions)),
    number("Ended", formatClock(row.endedAtMs)),
  );
  return tr;
}

function number(label: string, text: string): HTMLElement {
  const cell = element("td", "number", text);
  cell.dataset["label"] = label;
  return cell;
}
