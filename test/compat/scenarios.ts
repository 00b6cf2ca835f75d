import type { Scenario } from "./scenario.js";
import { abortScenarios } from "./scenarios/abort.js";
import { clientBugScenarios } from "./scenarios/client-bugs.js";
import { clientErrorScenarios } from "./scenarios/client-errors.js";
import { clientJunkScenarios } from "./scenarios/client-junk.js";
import { clientNetworkBugScenarios } from "./scenarios/client-network-bugs.js";
import { defaultListenerScenarios } from "./scenarios/default-listener.js";
import { failingClientScenarios } from "./scenarios/failing-clients.js";
import { fileScenarios } from "./scenarios/files.js";
import { getStreamScenarios } from "./scenarios/get-stream.js";
import { moduleScenarios } from "./scenarios/module.js";
import { nodeBreakScenarios } from "./scenarios/node-breaks.js";
import { oackScenarios } from "./scenarios/oack.js";
import { optionScenarios } from "./scenarios/options.js";
import { putStreamScenarios } from "./scenarios/put-stream.js";
import { refusalScenarios } from "./scenarios/refusals.js";
import { requestScenarios } from "./scenarios/requests.js";
import { serverScenarios } from "./scenarios/server.js";
import { serverAnswerScenarios } from "./scenarios/server-answers.js";
import { serverBugScenarios } from "./scenarios/server-bugs.js";
import { serverNameScenarios } from "./scenarios/server-names.js";
import { serverNetworkBugScenarios } from "./scenarios/server-network-bugs.js";
import { serverOptionScenarios } from "./scenarios/server-options.js";
import { serverRequestScenarios } from "./scenarios/server-requests.js";

/** The API first, then what is broken in the original. */
export const scenarios: readonly Scenario[] = [
  ...moduleScenarios,
  ...optionScenarios,
  ...requestScenarios,
  ...getStreamScenarios,
  ...putStreamScenarios,
  ...abortScenarios,
  ...fileScenarios,
  ...clientErrorScenarios,
  ...clientJunkScenarios,
  ...oackScenarios,
  ...serverScenarios,
  ...serverRequestScenarios,
  ...defaultListenerScenarios,
  ...failingClientScenarios,
  ...serverAnswerScenarios,
  ...refusalScenarios,
  ...serverNameScenarios,
  ...serverOptionScenarios,
  ...clientBugScenarios,
  ...clientNetworkBugScenarios,
  ...serverBugScenarios,
  ...serverNetworkBugScenarios,
  ...nodeBreakScenarios,
];
