import assert from "node:assert/strict";
import { test } from "node:test";
import { Admission, type AdmittedTransfer } from "../../src/server/admission.js";

/** `carried` transfers that have their sockets and `starting` ones that don't, all forgotten. */
function fill(carried: number, starting: number) {
  const admission = new Admission<AdmittedTransfer>({ transfersMax: 4096, transfersPerClientMax: 4096 });
  const remove: (() => void)[] = [];
  for (let index = 0; index < carried + starting; index++) {
    const key = `client ${index}`;
    const transfer: AdmittedTransfer = {
      method: "GET",
      fileKey: "f",
      clientAddress: key,
      proven: false,
      isCarried: index < carried,
      silentMs: () => 1000,
      evict: () => drop(),
    };
    const drop = (): void => {
      admission.releaseFile(transfer);
      admission.remove(key, transfer);
    };
    admission.add(key, transfer);
    remove.push(drop);
  }
  return { admission, remove };
}

test("at a shortage, the limit is what the system carries, whatever else is about to start", () => {
  const { admission } = fill(20, 180);
  assert.equal(admission.shortOf, null);
  admission.learnShortage();
  assert.equal(admission.shortOf, 12, "eight descriptors are kept for files");
});

test("a shortage of a moment, within the limit, does not lower it; with half of the places free it is forgotten", () => {
  const { admission, remove } = fill(20, 0);
  admission.learnShortage();
  for (let left = 20; left > 11; left--) remove.pop()?.();
  for (let failures = 0; failures < 10; failures++) admission.learnShortage();
  assert.equal(admission.shortOf, 12);
  for (let left = 11; left > 5; left--) remove.pop()?.();
  assert.equal(admission.shortOf, null);
});
