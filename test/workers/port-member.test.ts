import assert from "node:assert/strict";
import { test } from "node:test";
import type { DatagramSocket, GroupMember, SocketFactory } from "../../src/io/socket.js";
import { PortMember } from "../../src/server/port-member.js";
import { RelayDesk } from "../../src/server/relay-desk.js";
import type { WorkerLink } from "../../src/server/worker-link.js";
import type { FromWorker, HeardReport, ToWorker } from "../../src/server/worker-messages.js";
import { eventually } from "../helpers/eventually.js";

/** A link that keeps what is posted. */
function keepingLink() {
  const posted: FromWorker[] = [];
  const link = { post: (message: FromWorker) => posted.push(message) };
  return { posted, link: link as unknown as WorkerLink<FromWorker, ToWorker> };
}

const memberAt = (address: string, descriptor: number): GroupMember => ({
  descriptor,
  address,
  port: 69,
  datagramBytes: 1024,
  receivesWindows: false,
});

const peer = { address: "192.0.2.7", port: 2000 };

const datagram = (length: number) => ({ bytes: new Uint8Array(length), peer, localAddress: "192.0.2.1" });

test("a worker passes on no more than the server's thread keeps up with", () => {
  const { posted, link } = keepingLink();
  const member = new PortMember({} as SocketFactory, link);
  for (let i = 0; i < 10_000; i++) member.relay(datagram(20));
  assert.equal(posted.length, 4096);
  member.settle(96, 96 * 20);
  for (let i = 0; i < 200; i++) member.relay(datagram(20));
  assert.equal(posted.length, 4096 + 96);
  member.settle(4096, 4096 * 20);
  // Large ones are bounded by their bytes.
  for (let i = 0; i < 200; i++) member.relay(datagram(65_000));
  assert.equal(posted.length, 4096 + 96 + Math.floor(4_194_304 / 65_000));
});

test("what was looked at is told to each worker once per turn", async () => {
  const settled: number[][] = [];
  const heard: (number | undefined)[] = [];
  const desk = new RelayDesk(
    ({ heardBy }) => heard.push(heardBy),
    (...account) => settled.push(account),
  );
  const report: HeardReport = { kind: "heard", id: -1, ...datagram(5) };
  for (const worker of [0, 1, 1]) desk.take(worker, report);
  assert.deepEqual(heard, [0, 1, 1]);
  await eventually("a turn", () => settled.length > 0);
  desk.take(0, report);
  await eventually("another one", () => settled.length > 2);
  assert.deepEqual(settled, [
    [0, 1, 5],
    [1, 2, 10],
    [0, 1, 5],
  ]);
});

test("a worker hears the sockets that it was told last, and joins what it could not once it can", async () => {
  const { posted, link } = keepingLink();
  const open = new Set<string>();
  let isShort = false;
  const join = ({ address, descriptor }: GroupMember): DatagramSocket => {
    if (isShort) throw Object.assign(new Error("fcntl EMFILE"), { code: "EMFILE" });
    const name = `${address} ${descriptor}`;
    open.add(name);
    return { close: () => void open.delete(name) } as DatagramSocket;
  };
  const member = new PortMember({ join } as unknown as SocketFactory, link);
  member.join([memberAt("a", 5), memberAt("b", 6)]);
  assert.deepEqual([...open], ["a 5", "b 6"]);
  assert.ok(member.at("a") !== undefined && member.at("c") === undefined);
  // The server has closed one and bound it anew.
  member.join([memberAt("b", 7)]);
  assert.deepEqual([...open], ["b 7"]);
  isShort = true;
  member.join([memberAt("b", 7), memberAt("c", 8)]);
  assert.deepEqual(
    posted.map(({ kind }) => kind),
    ["worker-error"],
  );
  isShort = false;
  await eventually("it has descriptors again", () => open.has("c 8"));
  member.join([]);
  assert.equal(open.size, 0);
});
