import { element, escapeText } from "./svg.js";

/** One line of a chart. */
export interface Series {
  readonly title: string;
  /** Drawn in front and thick: what the chart is about. */
  readonly isEmphasized: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly series: readonly Series[];
}

const WIDTH = 760;
const HEIGHT = 440;
const LEFT = 70;
const RIGHT = 210;
const TOP = 48;
const BOTTOM = 56;
const FONT = "font-family:system-ui,sans-serif";

/** Colours that people who see red and green alike can tell apart (Okabe and Ito). */
const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8a8a8a"];

/** Room between the names of two lines that end at the same height. */
const LABEL_PIXELS = 17;

/** A chart with both axes logarithmic: a factor is a distance, everywhere. */
export function drawChart({ title, xTitle, yTitle, series }: Chart): string {
  const points = series.flatMap((one) => one.points);
  const xs = [...new Set(points.map(([x]) => x))].sort((a, b) => a - b);
  const x = logScale(xs[0] ?? 1, xs.at(-1) ?? 1, LEFT, WIDTH - RIGHT);
  const ticks = decadeTicks(points.map(([, y]) => y));
  const y = logScale(ticks[0] ?? 1, ticks.at(-1) ?? 1, HEIGHT - BOTTOM, TOP);
  const grid = ticks.map((value) => [
    element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), stroke: "#dddddd" }),
    text(String(value), LEFT - 8, y(value) + 4, "end"),
  ]);
  const marks = xs.map((value) => [
    element("line", {
      x1: x(value),
      x2: x(value),
      y1: HEIGHT - BOTTOM,
      y2: HEIGHT - BOTTOM + 5,
      stroke: "#555555",
    }),
    text(String(value), x(value), HEIGHT - BOTTOM + 20, "middle"),
  ]);
  const frame = [
    element("rect", { width: WIDTH, height: HEIGHT, fill: "#ffffff" }),
    element(
      "text",
      { x: LEFT, y: 26, "font-size": 16, "font-weight": "bold", style: FONT },
      escapeText(title),
    ),
    text(xTitle, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "middle"),
    element(
      "text",
      {
        transform: `translate(18 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`,
        "text-anchor": "middle",
        "font-size": 12,
        style: FONT,
      },
      escapeText(yTitle),
    ),
  ];
  const body = [...frame, ...grid.flat(), ...marks.flat(), ...drawSeries(series, x, y)];
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    width: WIDTH,
    height: HEIGHT,
  };
  return `${element("svg", root, "\n", ...body.map((one) => `${one}\n`))}\n`;
}

type Scale = (value: number) => number;

function logScale(lowest: number, highest: number, from: number, to: number): Scale {
  const span = Math.log(highest / lowest) || 1;
  return (value) => Math.round((from + (Math.log(value / lowest) / span) * (to - from)) * 10) / 10;
}

/** 1, 2, 5 of each power of ten, from below the smallest value to above the largest. */
function decadeTicks(values: readonly number[]): number[] {
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(lowest)); power <= Math.ceil(Math.log10(highest)); power++) {
    for (const step of [1, 2, 5]) ticks.push(Number((step * 10 ** power).toPrecision(1)));
  }
  const first = Math.max(
    0,
    ticks.findLastIndex((tick) => tick <= lowest),
  );
  const last = ticks.findIndex((tick) => tick >= highest);
  return ticks.slice(first, last + 1);
}

function drawSeries(series: readonly Series[], x: Scale, y: Scale): string[] {
  const labels = placeLabels(series.map(({ points }) => y(points.at(-1)?.[1] ?? 1)));
  const drawn = series.map(({ title, points, isEmphasized }, index) => {
    const color = COLORS[index % COLORS.length] as string;
    const width = isEmphasized ? 3 : 1.5;
    const path = points.map(([px, py]) => `${x(px)},${y(py)}`).join(" ");
    const [endX = 1, endY = 1] = points.at(-1) ?? [];
    const labelY = labels[index] as number;
    const leader = `${x(endX) + 5},${y(endY)} ${WIDTH - RIGHT + 14},${labelY}`;
    return [
      element("polyline", { points: path, fill: "none", stroke: color, "stroke-width": width }),
      ...points.map(([px, py]) =>
        element("circle", { cx: x(px), cy: y(py), r: isEmphasized ? 4 : 3, fill: color }),
      ),
      element("polyline", { points: leader, fill: "none", stroke: color, "stroke-width": 0.7, opacity: 0.6 }),
      text(title, WIDTH - RIGHT + 18, labelY + 4, "start", color, isEmphasized),
    ];
  });
  // What matters lies on top.
  const order = series.map((_, index) => index).sort((a, b) => emphasis(series[a]) - emphasis(series[b]));
  return order.flatMap((index) => drawn[index] as string[]);
}

function emphasis(series: Series | undefined): number {
  return series?.isEmphasized === true ? 1 : 0;
}

/** Moves names apart that would lie on each other; their order stays. */
function placeLabels(wanted: readonly number[]): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => (wanted[a] as number) - (wanted[b] as number));
  const places = [...wanted];
  let lowest = TOP;
  for (const index of order) {
    places[index] = Math.max(lowest, wanted[index] as number);
    lowest = (places[index] as number) + LABEL_PIXELS;
  }
  const overflow = Math.max(0, lowest - LABEL_PIXELS - (HEIGHT - BOTTOM));
  return places.map((place) => place - overflow);
}

function text(
  content: string,
  x: number,
  y: number,
  anchor: string,
  fill = "#333333",
  isBold = false,
): string {
  const weight = isBold ? "bold" : "normal";
  const attributes = {
    x,
    y,
    "text-anchor": anchor,
    "font-size": 12,
    "font-weight": weight,
    fill,
    style: FONT,
  };
  return element("text", attributes, escapeText(content));
}
