import type { Option, Packet } from "./codec.js";
import { PLAIN_PUT_BYTES_MAX } from "./constants.js";
import type { ViolationName } from "./effects.js";
import { type AcceptedOack, acceptOack, PLAIN_PARAMETERS } from "./negotiation.js";

/** How a client reads a packet while its request waits for an answer. */
export type FirstAnswer =
  /** The transfer begins. `oack` false: the server knows no options, and this packet is part of the data phase. */
  | { readonly kind: "begin"; readonly accepted: AcceptedOack; readonly oack: boolean }
  /** Ends the transfer; the server is told. */
  | { readonly kind: "refuse"; readonly name: ViolationName; readonly detail: string }
  /** Not an answer to this request: perhaps a stray packet, so better ones are waited for. */
  | { readonly kind: "suspect"; readonly name: ViolationName; readonly detail: string };

/**
 * Judges the first packet that a client gets from its server's address (RFC 1350 §4, RFC 2347):
 * OACK, or DATA 1 (GET) or ACK 0 (PUT) from a server without options. ERROR packets are not seen here.
 *
 * @param asked - the options of the request
 * @param putBytes - what a PUT is going to send
 */
export function readFirstAnswer(
  method: "GET" | "PUT",
  asked: readonly Option[],
  putBytes: number,
  packet: Packet,
): FirstAnswer {
  if (packet.kind === "oack") {
    const accepted = asked.length > 0 ? acceptOack(method, asked, packet.options) : null;
    if (accepted !== null) return { kind: "begin", accepted, oack: true };
    return { kind: "refuse", name: "EDENY", detail: `refused OACK ${describeOptions(packet.options)}` };
  }
  if (method === "GET" && packet.kind === "data") {
    return packet.wireBlock === 1
      ? plainBegin()
      : { kind: "suspect", name: "EBADMSG", detail: `DATA ${packet.wireBlock} as the first answer` };
  }
  if (method === "PUT" && packet.kind === "ack") {
    if (packet.wireBlock !== 0) {
      return { kind: "suspect", name: "EBADMSG", detail: `ACK ${packet.wireBlock} as the first answer` };
    }
    if (putBytes > PLAIN_PUT_BYTES_MAX) {
      const detail = `${putBytes} bytes for a server without options`;
      return { kind: "refuse", name: "EFBIG", detail };
    }
    return plainBegin();
  }
  return { kind: "suspect", name: "EBADOP", detail: `${packet.kind.toUpperCase()} as the first answer` };
}

function plainBegin(): FirstAnswer {
  const accepted = {
    parameters: PLAIN_PARAMETERS,
    sizeBytes: null,
    userExtensions: new Map<string, string>(),
  };
  return { kind: "begin", accepted, oack: false };
}

function describeOptions(options: readonly Option[]): string {
  return options
    .map((option) => `${option.name}=${option.value}`)
    .join(" ")
    .slice(0, 200);
}
