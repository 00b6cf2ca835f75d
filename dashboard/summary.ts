import type { LiveTick } from "../src/observe/live-messages.js";
import { byId, element, formatBytes, formatCount, formatRate, setText } from "./format.js";

/** Outcomes that are no failure of anybody. */
const CALM: ReadonlySet<string> = new Set([
  "done",
  "last-ack-missing",
  "probe",
  "not-found",
  "superseded",
  "aborted-by-client",
]);

interface Shown {
  readonly value: string;
  readonly detail?: string;
  /** Without rounding, for whoever points at it. */
  readonly exact?: string;
  readonly isBad?: boolean;
}

/** Name and content of each card, in their order. */
const CARDS: readonly { readonly id: string; readonly name: string; read(tick: LiveTick): Shown }[] = [
  {
    id: "active",
    name: "Running",
    read: ({ active, queued }) => ({
      value: formatCount(active),
      detail: queued > 0 ? `${formatCount(queued)} waiting` : "none waiting",
    }),
  },
  {
    id: "rate",
    name: "Throughput",
    read: ({ point }) => ({
      value: formatRate(point.getBytesPerSecond + point.putBytesPerSecond),
      detail: "in the last second",
    }),
  },
  {
    id: "bytes",
    name: "Moved",
    read: ({ totals: { getBytes, putBytes } }) => ({
      value: formatBytes(getBytes + putBytes),
      exact: `${formatCount(getBytes)} bytes downloaded, ${formatCount(putBytes)} bytes uploaded`,
      detail:
        putBytes > 0
          ? `${formatBytes(putBytes)} of it uploads`
          : getBytes > 0
            ? "all of it downloads"
            : "nothing yet",
    }),
  },
  {
    id: "done",
    name: "Done",
    read: ({ totals: { outcomes, ended } }) => ({
      value: formatCount(outcomes.done + outcomes["last-ack-missing"]),
      detail: `of ${formatCount(ended)} that ended`,
    }),
  },
  {
    id: "calm",
    name: "Probes, not found",
    read: ({ totals: { outcomes } }) => ({
      value: formatCount(outcomes.probe + outcomes["not-found"]),
      detail: `probes ${formatCount(outcomes.probe)}, not found ${formatCount(outcomes["not-found"])}`,
    }),
  },
  {
    id: "failed",
    name: "Failed",
    read: ({ totals: { outcomes } }) => {
      const failures = Object.entries(outcomes).filter(([name, count]) => !CALM.has(name) && count > 0);
      failures.sort(([, a], [, b]) => b - a);
      const count = failures.reduce((sum, [, number]) => sum + number, 0);
      const detail = failures.slice(0, 2).map(([name, number]) => `${formatCount(number)} ${name}`);
      return { value: formatCount(count), detail: detail.join(", ") || "nothing", isBad: count > 0 };
    },
  },
  {
    id: "repeated",
    name: "Sent again",
    read: ({ totals: { blocksSent, retransmissions } }) => ({
      value: blocksSent === 0 ? "–" : `${((retransmissions / blocksSent) * 100).toFixed(2)} %`,
      detail: `${formatCount(retransmissions)} packets`,
    }),
  },
  {
    id: "threads",
    name: "Load",
    read: ({ threads }) => {
      const highest = Math.max(0, ...threads.map(({ load }) => load));
      const loads = threads.slice(0, 4).map(({ name, load }) => `${name}: ${Math.round(load * 100)} %`);
      return {
        value: `${Math.round(highest * 100)} %`,
        detail: threads.length > 4 ? `busiest of ${threads.length} threads` : loads.join(", "),
      };
    },
  },
];

/** The totals on top of the page. */
export class Summary {
  readonly #cards = CARDS.map((card) => {
    const box = element("div", "card");
    box.id = `card-${card.id}`;
    const value = element("div", "value", "–");
    const detail = element("div", "detail");
    box.append(element("div", "name", card.name), value, detail);
    byId("summary").append(box);
    return { card, box, value, detail };
  });

  show(tick: LiveTick): void {
    for (const { card, box, value, detail } of this.#cards) {
      const shown = card.read(tick);
      setText(value, shown.value);
      setText(detail, shown.detail ?? "");
      box.title = shown.exact ?? "";
      box.classList.toggle("bad", shown.isBad ?? false);
    }
  }
}
