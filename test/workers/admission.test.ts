import assert from "node:assert/strict";
import { test } from "node:test";
import { Admission, type AdmittedTransfer } from "../../src/server/admission.js";

/** `carried` transfers that have their sockets and `starting` ones that don't, all forgotten. */
function fill(carried: number, starting: number) {
  const admission = new Admission<AdmittedTransfer>({
    transfersMax: 4096,
    transfersPerClientMax: 4096,
    queuedRequestsMax: 1024,
  });
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

test("an address starts 32 transfers at a time: the next one when one is carried, failed or takes long", () => {
  const admission = new Admission<AdmittedTransfer>({
    transfersMax: 4096,
    transfersPerClientMax: 4096,
    queuedRequestsMax: 1024,
  });
  const transfers = Array.from({ length: 32 }, (_, index) => ({
    method: "GET" as const,
    fileKey: "f",
    clientAddress: "a",
    proven: false,
    isCarried: false,
    silence: 0,
    silentMs(): number {
      return this.silence;
    },
    evict: () => undefined,
    key: `a ${index}`,
  }));
  const [first, second, third] = transfers as [
    (typeof transfers)[0],
    (typeof transfers)[0],
    (typeof transfers)[0],
  ];
  for (const transfer of transfers) {
    assert.equal(admission.makeRoom("a"), "free");
    admission.add(transfer.key, transfer);
  }
  assert.equal(admission.makeRoom("a"), "client-starting");
  assert.equal(admission.makeRoom("b"), "free", "another address");
  first.isCarried = true;
  assert.equal(admission.makeRoom("a"), "free");
  admission.add("a x", { ...first, isCarried: false });
  second.silence = 250;
  assert.equal(admission.makeRoom("a"), "free");
  admission.add("a y", { ...first, isCarried: false });
  assert.equal(admission.makeRoom("a"), "client-starting");
  admission.releaseFile(third);
  assert.equal(admission.makeRoom("a"), "free");
});

test("where nobody can wait, nobody is made to", () => {
  const { admission } = fill(0, 0);
  admission.configure({ transfersPerClientMax: 4096, queuedRequestsMax: 0 });
  for (let index = 0; index < 100; index++) {
    assert.equal(admission.makeRoom("a"), "free");
    admission.add(`a ${index}`, {
      method: "GET",
      fileKey: "f",
      clientAddress: "a",
      proven: false,
      isCarried: false,
      silentMs: () => 0,
      evict: () => undefined,
    });
  }
});
