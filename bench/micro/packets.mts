import { bench, do_not_optimize, group } from "mitata";
import {
  completeOffer,
  decode,
  encodeAck,
  encodeOack,
  encodeRequest,
  fromWireBlock,
  type Option,
  readOffer,
  toWireBlock,
} from "../../src/engine/index.js";

const OPTIONS: readonly Option[] = [
  { name: "tsize", value: "0" },
  { name: "blksize", value: "1428" },
  { name: "windowsize", value: "16" },
];
const REQUEST = { method: "GET", fileName: "images/initrd.img", mode: "octet", options: OPTIONS } as const;
const POLICY = { blockSizeMax: 65_464, windowSizeMax: 64 };

/** Bytes to packets and back, negotiation, and block numbers. */
export function definePackets(): void {
  const request = encodeRequest(REQUEST);
  const ack = encodeAck(4711);
  const data = new Uint8Array(1432);
  data[1] = 3;
  const oack = encodeOack(OPTIONS);

  group("codec", () => {
    bench("decode an RRQ with three options", () => do_not_optimize(decode(request)));
    bench("decode an ACK", () => do_not_optimize(decode(ack)));
    bench("decode a DATA block of 1428 bytes", () => do_not_optimize(decode(data)));
    bench("decode an OACK", () => do_not_optimize(decode(oack)));
    bench("encode an RRQ", () => do_not_optimize(encodeRequest(REQUEST)));
    bench("encode an ACK", () => do_not_optimize(encodeAck(4711)));
    bench("encode an OACK", () => do_not_optimize(encodeOack(OPTIONS)));
  });

  group("negotiation", () => {
    const completion = { sizeBytes: 1_048_576, userExtensions: new Map<string, string>() };
    bench("options of a request to the answer's", () => {
      const offer = readOffer("GET", OPTIONS, POLICY);
      do_not_optimize(completeOffer(offer, completion));
    });
  });

  group("block numbers", () => {
    let blockIndex = 1;
    bench("absolute to wire", () => {
      blockIndex = blockIndex > 10_000_000 ? 1 : blockIndex + 1;
      do_not_optimize(toWireBlock(blockIndex, 0));
    });
    bench("wire to absolute, within a window", () => {
      blockIndex = blockIndex > 10_000_000 ? 1 : blockIndex + 1;
      do_not_optimize(fromWireBlock(blockIndex % 65_536, blockIndex - 8, blockIndex + 8, 0));
    });
  });
}
