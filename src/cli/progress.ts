import { SingleBar } from "cli-progress";
import { escapeControls } from "../observe/escape.js";

/** Repaints a second: every 200 ms. */
const REPAINTS_PER_SECOND = 5;

/** How long a transfer may be on its way before its line shows that nothing has come. */
const FIRST_PAINT_MS = 1000 / REPAINTS_PER_SECOND;

const NAME_WIDTH = 21;
const BAR_WIDTH = 24;

/** What one line shows. */
export interface ProgressState {
  readonly name: string;
  readonly transferredBytes: number;
  /** Null when the server did not say. */
  readonly totalBytes: number | null;
  readonly bytesPerSecond: number;
}

/**
 * One line of 80 columns, as npm `tftp` prints it:
 * `remote-file             42.2 MiB   32.6M/s 00:12 [###·····················]  13%`.
 * Without a known size the remaining time is `--:--`, and a mark wanders through the bar.
 */
export function formatProgress(state: ProgressState): string {
  const { transferredBytes, totalBytes, bytesPerSecond } = state;
  const name = fitName(state.name);
  const size = formatUnit(transferredBytes, 1024, [" B  ", " KiB", " MiB", " GiB", " TiB"]);
  const speed = formatUnit(bytesPerSecond, 1000, ["B/s", "K/s", "M/s", "G/s", "T/s"]);
  if (totalBytes === null) {
    const at = Math.floor(transferredBytes / 65_536) % BAR_WIDTH;
    const bar = `${"·".repeat(at)}#${"·".repeat(BAR_WIDTH - 1 - at)}`;
    return `${name} ${size} ${speed} --:-- [${bar}]   ?%`;
  }
  const part = totalBytes === 0 ? 1 : Math.min(1, transferredBytes / totalBytes);
  const remaining = formatRemaining(totalBytes - transferredBytes, bytesPerSecond);
  const done = Math.round(BAR_WIDTH * part);
  const bar = "#".repeat(done) + "·".repeat(BAR_WIDTH - done);
  const percent = `${Math.round(part * 100)}%`.padStart(4);
  return `${name} ${size} ${speed} ${remaining} [${bar}] ${percent}`;
}

/**
 * The repainted line of one transfer on a terminal. It appears with the first bytes, or when they are slow to come: a
 * transfer that is refused at once leaves its error and no line of zeros.
 */
export class ProgressLine {
  readonly #bar: SingleBar;
  readonly #startedMs = performance.now();
  readonly #name: string;
  #transferredBytes = 0;
  #totalBytes: number | null = null;
  #isShown = false;
  readonly #patience: NodeJS.Timeout;

  constructor(name: string, stream: NodeJS.WriteStream) {
    this.#name = name;
    this.#bar = new SingleBar({
      format: () => formatProgress(this.#state()),
      fps: REPAINTS_PER_SECOND,
      stream,
      hideCursor: true,
      // Signals are ours: an interrupted transfer has to tell its peer first.
      gracefulExit: false,
      forceRedraw: true,
    });
    this.#patience = setTimeout(() => this.#show(), FIRST_PAINT_MS);
  }

  update(transferredBytes: number, totalBytes: number | null): void {
    this.#transferredBytes = transferredBytes;
    this.#totalBytes = totalBytes;
    if (transferredBytes > 0) this.#show();
    if (this.#isShown) this.#bar.update(transferredBytes);
  }

  /** Paints the last state and ends the line. */
  done(): void {
    this.#show();
    this.failed();
  }

  /** The same, where there was a line. */
  failed(): void {
    clearTimeout(this.#patience);
    if (!this.#isShown) return;
    this.#bar.update(this.#transferredBytes);
    this.#bar.stop();
  }

  #show(): void {
    if (this.#isShown) return;
    this.#isShown = true;
    this.#bar.start(1, 0);
  }

  #state(): ProgressState {
    const seconds = Math.max(0.001, (performance.now() - this.#startedMs) / 1000);
    return {
      name: this.#name,
      transferredBytes: this.#transferredBytes,
      totalBytes: this.#totalBytes,
      bytesPerSecond: this.#transferredBytes / seconds,
    };
  }
}

/** A size for people: `42.2 MiB`. */
export function formatBytes(bytes: number): string {
  return formatUnit(bytes, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]).trim();
}

/** Six characters of number and the unit; whole numbers below the first step. */
function formatUnit(value: number, step: number, units: readonly string[]): string {
  let scaled = Math.floor(value);
  let unit = 0;
  while (scaled >= step && unit < units.length - 1) {
    scaled /= step;
    unit++;
  }
  const digits = unit === 0 ? String(scaled) : scaled.toFixed(1);
  return digits.padStart(6) + (units[unit] ?? "");
}

function formatRemaining(bytes: number, bytesPerSecond: number): string {
  if (bytes <= 0) return "00:00";
  if (bytesPerSecond <= 0) return "--:--";
  const seconds = Math.ceil(bytes / bytesPerSecond);
  if (seconds >= 86_400) return " > 1d";
  if (seconds >= 3600) return " > 1h";
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${pad(Math.floor(seconds / 60))}:${pad(seconds % 60)}`;
}

function fitName(name: string): string {
  const printable = escapeControls(name);
  return printable.length > NAME_WIDTH
    ? `${printable.slice(0, NAME_WIDTH - 3)}...`
    : printable.padEnd(NAME_WIDTH);
}
