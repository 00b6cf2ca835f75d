import assert from "node:assert/strict";
import { test } from "node:test";
import { TimerQueue } from "../../src/driver/timer-queue.js";
import type { Clock } from "../../src/io/clock.js";
import { type Admittance, WaitingRoom } from "../../src/server/waiting-room.js";

const WAIT_MS = 10_000;

/** A room whose requests are names such as "a1": address and number of the client. */
function openRoom(answer: (name: string) => Admittance, sizeMax: () => number = () => 1024) {
  const log: string[] = [];
  let nowMs = 0;
  let wake: (nowMs: number) => void = () => undefined;
  const clock: Clock = {
    nowMs: () => nowMs,
    wakeAt: (_atMs, call) => {
      wake = call;
    },
  };
  const admit = (name: string): Admittance => {
    const admittance = answer(name);
    if (admittance === "settled") log.push(name);
    return admittance;
  };
  const timers = new TimerQueue(clock);
  const room = new WaitingRoom<string>(sizeMax, clock, timers, admit, (name) => log.push(`${name} goes`));
  const enter = (...names: string[]): boolean[] =>
    names.map((name) => room.enter(name, name.slice(0, 1), name));
  const pass = (ms: number): void => {
    nowMs += ms;
    wake(nowMs);
  };
  return { room, enter, pass, log };
}

test("addresses take turns, and each lets its oldest go first", () => {
  let isFull = true;
  const { room, enter, log } = openRoom(() => (isFull ? "server-full" : "settled"));
  enter("a1", "a2", "a3", "b1", "c1", "b2");
  isFull = false;
  room.callNext();
  assert.deepEqual(log, ["a1", "b1", "c1", "a2", "b2", "a3"]);
  assert.equal(room.size, 0);
});

test("with one free place at a time, addresses take turns as well", () => {
  let places = 0;
  const { room, enter, log } = openRoom(() => (places-- > 0 ? "settled" : "server-full"));
  enter("a1", "a2", "b1", "b2");
  for (let round = 0; round < 4; round++) {
    places = 1;
    room.callNext();
  }
  assert.deepEqual(log, ["a1", "b1", "a2", "b2"]);
});

test("an address at its limit, or one that waits for a file, holds nobody up", () => {
  const { room, enter, log } = openRoom((name) => {
    if (name.startsWith("a")) return "client-starting";
    return name === "b1" ? "file-taken" : "settled";
  });
  enter("a1", "a2", "b1", "b2", "c1");
  assert.deepEqual(log, ["b2", "c1"]);
  assert.equal(room.size, 3);
});

test("a full room turns the last of the largest crowd away, never an address that has fewer there", () => {
  const { room, enter, log } = openRoom(
    () => "server-full",
    () => 4,
  );
  assert.deepEqual(enter("a1", "a2", "a3", "b1", "a4"), [true, true, true, true, false]);
  assert.deepEqual(enter("c1", "b2"), [true, false]);
  assert.deepEqual(log, ["a3 goes"]);
  assert.equal(room.size, 4);
});

test("a room that became smaller sends the surplus home", () => {
  let sizeMax = 8;
  const { room, enter, log } = openRoom(
    () => "server-full",
    () => sizeMax,
  );
  enter("a1", "a2", "a3", "b1");
  sizeMax = 2;
  assert.deepEqual(enter("c1"), [false], "nobody has more than one there");
  assert.deepEqual(log, ["a3 goes", "a2 goes"]);
  assert.equal(room.size, 2);
});

test("who repeats the request keeps the turn, who does not goes home in the end", () => {
  let isFull = true;
  const { room, enter, pass, log } = openRoom(() => (isFull ? "server-full" : "settled"));
  enter("a1", "a2");
  pass(WAIT_MS - 1);
  enter("a1");
  pass(60);
  assert.deepEqual(log, ["a2 goes"]);
  isFull = false;
  pass(50);
  assert.deepEqual(log, ["a2 goes", "a1"]);
  assert.equal(room.size, 0);
});
