import type { LivePoint } from "../src/observe/live-messages.js";
import { byId, formatClock, formatRate } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
/** Where the page is not laid out yet. */
const WIDTH = 1000;
const HEIGHT = 165;
const LEFT = 84;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 22;
/** Seconds from the left edge to the right. */
const SPAN_S = 300;
/** The scale does not fall below this: an idle server is a flat line at the bottom. */
const SCALE_MIN = 64 * 1024;

/** The last minutes of traffic in both directions. */
export class Plot {
  readonly #points: LivePoint[] = [];
  readonly #svg = document.createElementNS(SVG, "svg");

  constructor() {
    this.#svg.setAttribute("role", "img");
    this.#svg.setAttribute("aria-label", "Bytes per second in the last five minutes");
    byId("plot").append(this.#svg);
    addEventListener("resize", () => this.#draw());
  }

  reset(points: readonly LivePoint[]): void {
    this.#points.splice(0, this.#points.length, ...points);
    this.#draw();
  }

  add(point: LivePoint): void {
    this.#points.push(point);
    if (this.#points.length > SPAN_S) this.#points.shift();
    this.#draw();
  }

  #draw(): void {
    const width = this.#svg.clientWidth || WIDTH;
    const height = this.#svg.clientHeight || HEIGHT;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const endMs = this.#points.at(-1)?.atMs ?? Date.now();
    const highest = Math.max(
      SCALE_MIN,
      ...this.#points.map((point) => Math.max(point.getBytesPerSecond, point.putBytesPerSecond)),
    );
    const step = niceStep(highest / 3);
    const top = Math.ceil(highest / step) * step;
    const x = (atMs: number): number => LEFT + (width - LEFT - RIGHT) * (1 - (endMs - atMs) / 1000 / SPAN_S);
    const y = (value: number): number => TOP + (height - TOP - BOTTOM) * (1 - value / top);
    const parts: SVGElement[] = [];
    for (let value = 0; value <= top; value += step) {
      parts.push(shape("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
      parts.push(label(LEFT - 8, y(value) + 4, "end", formatRate(value)));
    }
    for (let minutes = 5; minutes >= 0; minutes--) {
      const atMs = endMs - minutes * 60_000;
      const anchor = minutes === 0 ? "end" : minutes === 5 ? "start" : "middle";
      if (width > 600 || minutes === 0 || minutes === 5)
        parts.push(label(x(atMs), height - 6, anchor, minutes === 0 ? formatClock(atMs) : `−${minutes} min`));
    }
    const shown = this.#points.filter((point) => x(point.atMs) >= LEFT);
    for (const [name, read] of [
      ["put", (point: LivePoint) => point.putBytesPerSecond],
      ["get", (point: LivePoint) => point.getBytesPerSecond],
    ] as const) {
      if (shown.length < 2) continue;
      const line = shown.map((point) => `${x(point.atMs).toFixed(1)},${y(read(point)).toFixed(1)}`).join("L");
      const [first, last] = [shown[0] as LivePoint, shown.at(-1) as LivePoint];
      const area = `M${x(first.atMs).toFixed(1)},${y(0)}L${line}L${x(last.atMs).toFixed(1)},${y(0)}Z`;
      parts.push(shape("path", { class: `area ${name}`, d: area }));
      parts.push(shape("path", { class: `line ${name}`, d: `M${line}` }));
    }
    this.#svg.replaceChildren(...parts);
  }
}

/** The smallest of 1, 2, 4, ... 512 times a binary unit that is not below. */
function niceStep(least: number): number {
  let step = 1024;
  while (step < least) step *= 2;
  return step;
}

function shape(tag: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, tag) as SVGElement;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

function label(x: number, y: number, anchor: string, text: string): SVGElement {
  const made = shape("text", { x, y, "text-anchor": anchor });
  made.textContent = text;
  return made;
}
