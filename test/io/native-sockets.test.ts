import assert from "node:assert/strict";
import { test } from "node:test";
import { dgramSockets } from "../../src/io/dgram-socket.js";
import { nativeBinding } from "../../src/io/native-binding.js";
import { NativeSockets } from "../../src/io/native-socket.js";
import { testSocketContract } from "./socket-contract.js";

const { binding, reason } = nativeBinding();

// A missing addon is a failure where it was promised (CI), and said aloud elsewhere: without a compiler there is none.
test("the addon is here, or there is a reason why not", () => {
  if (process.env.NTFTP_NATIVE === "1") assert.ok(binding !== null, reason);
  assert.ok(binding !== null || reason !== "");
});

if (binding !== null) {
  const native = new NativeSockets(binding);
  const plain = new NativeSockets(binding, { segmentation: false, batches: false });
  testSocketContract("native to native", native, native);
  testSocketContract("native to dgram", native, dgramSockets);
  testSocketContract("dgram to native", dgramSockets, native);
  testSocketContract("native without GSO and batches to native", plain, native);
}
