import { logLevels } from "../../observe/log-levels.js";
import type { OptionRow } from "../option-row.js";
import { listenAddress, oneOf, wholeNumber } from "../value-kinds.js";

/** How the server tells what happens. */
export const logOptions = [
  {
    name: "log-format",
    kind: oneOf("classic", "text", "json"),
    placeholder: "form",
    help: "classic (lines of npm tftp), text (one line per transfer) or json",
    default: "classic",
    group: "Server",
  },
  {
    name: "log-level",
    kind: oneOf(...logLevels),
    placeholder: "level",
    help: "error, warn, info or debug",
    default: "info",
    group: "Server",
  },
  {
    name: "log-rate",
    kind: wholeNumber(0, 1_000_000),
    placeholder: "lines",
    help: "lines per second before some are left out, 0 for no limit",
    default: "100",
    group: "Server",
  },
  {
    name: "metrics",
    kind: listenAddress,
    placeholder: "[host:]port",
    help: "metrics for Prometheus over HTTP; host 127.0.0.1 unless given",
    group: "Server",
  },
  {
    name: "dashboard",
    kind: listenAddress,
    placeholder: "[host:]port",
    help: "live page over HTTP; host 127.0.0.1 unless given",
    group: "Server",
  },
] as const satisfies readonly OptionRow[];
