import { NetasciiSink, NetasciiSource } from "../../src/driver/netascii-store.js";
import { TimerQueue } from "../../src/driver/timer-queue.js";
import { TransferDriver } from "../../src/driver/transfer-driver.js";
import {
  ACKS_AHEAD_BYTES_MAX,
  decode,
  encodeAck,
  encodeData,
  encodeError,
  encodeNetascii,
  encodeRequest,
  type Fault,
  type Option,
  readOffer,
  requestOptions,
  Transfer,
} from "../../src/engine/index.js";
import type { Peer, SocketHandlers } from "../../src/io/socket.js";
import { checkDelivered, checkNothingLeft, Invariants } from "./invariants.js";
import { type Plan, planFor } from "./plan.js";
import { Random } from "./random.js";
import { Sleeper } from "./sleeper.js";
import { SimSink, SimSource } from "./stores.js";
import { type Fate, type NetworkFaults, type SimSocket, World } from "./world.js";

const CLIENT = "10.0.0.2";
const SERVER = "10.0.0.1";
const STRANGER = "10.0.0.66";

/** The network where all is well. */
const CALM: NetworkFaults = { loss: 0, duplicate: 0, delayMs: 0.01, jitterMs: 0 };

/** Who is overtaken by less has no gap to report yet. */
const OVERTAKING_MS = 1;

/** 65,536 blocks in lock-step take less in a {@link CALM} network. */
const CALM_MS_MAX = 5_000;

/** How one side ended. */
export type Outcome = "completed" | "last ACK missing" | "ended by its death" | Fault["kind"] | "never ended";

export interface SimulationResult {
  readonly plan: Plan;
  readonly client: Outcome;
  /** Outcomes of all transfers that the server started for the client's request. */
  readonly server: readonly Outcome[];
  readonly traceHash: number;
  readonly virtualMs: number;
  /** When the client knew how it went. */
  readonly clientEndedMs: number;
  /** Datagrams in all, and those with DATA. */
  readonly sentCount: number;
  readonly dataSent: number;
  readonly errorCodes: ReadonlySet<number>;
  readonly lostAtRollover: boolean;
  /** DATA packets that were acknowledged in advance. */
  readonly acksAhead: number;
}

/** Runs one seed to its end. @throws Error saying which rule was broken */
export function simulate(seed: bigint): SimulationResult {
  const random = new Random(seed);
  return new Simulation(random, planFor(random, new Random(~seed))).run();
}

/** Runs a plan in a world where nothing is left to chance but what `fateOf` says. */
export function simulatePlan(plan: Plan, fateOf: (index: number) => Fate | null): SimulationResult {
  return new Simulation(new Random(0n), plan, fateOf).run();
}

interface Side {
  outcome: Outcome;
  endedMs: number;
  driver: TransferDriver;
  sink: SimSink | null;
  source: SimSource | null;
}

class Simulation {
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #world: World;
  readonly #invariants: Invariants;
  /** The file as it is stored, and as it travels. */
  readonly #file: Uint8Array;
  #client: Side | null = null;
  readonly #servers = new Map<string, Side>();
  readonly #allServers: Side[] = [];
  readonly #timers: TimerQueue[] = [];
  readonly #sleepers: Sleeper[] = [];
  #serverDead = false;
  /** From here on the network is perfect. */
  #healsAtMs = Number.POSITIVE_INFINITY;

  constructor(random: Random, plan: Plan, fateOf: ((index: number) => Fate | null) | null = null) {
    this.#random = random;
    this.#plan = plan;
    this.#file = this.#makeFile();
    const onWire = this.#plan.mode === "netascii" ? encodeNetascii(this.#file) : this.#file;
    const senderAddress = this.#plan.method === "GET" ? SERVER : CLIENT;
    this.#invariants = new Invariants({
      ours: new Set([CLIENT, SERVER]),
      serverAddress: SERVER,
      contentOf: (sender) => (sender.address === senderAddress ? onWire : null),
      isStored: (receiver) => this.#isStored(receiver),
    });
    this.#world = new World(this.#random, CALM, this.#invariants);
    this.#world.fateOf = fateOf;
  }

  run(): SimulationResult {
    const { deathAtMs, deadSide, strangersPerSecond, faultsFromBlock } = this.#plan;
    this.#startServer();
    this.#startClient();
    if (faultsFromBlock === 0) this.#beginFaults();
    else this.#awaitFaults();
    if (deadSide !== null) this.#world.after(deathAtMs, () => this.#kill(deadSide));
    if (strangersPerSecond > 0) this.#plantStranger(1000 / strangersPerSecond);
    const { healAtMs, timeoutMs, retries } = this.#plan;
    this.#world.run(CALM_MS_MAX + healAtMs + 20 * timeoutMs * (retries + 1) + 60_000);
    return this.#judge();
  }

  #beginFaults(): void {
    this.#world.faults = this.#plan.network;
    this.#healsAtMs = this.#world.nowMs + this.#plan.healAtMs;
    this.#world.after(this.#plan.healAtMs, () => {
      this.#world.faults = { loss: 0, duplicate: 0, delayMs: 1, jitterMs: 0 };
    });
  }

  /** Looks every few round trips whether the place has come where the network is to turn bad. */
  #awaitFaults(): void {
    if (this.#client?.outcome !== "never ended") return;
    if (this.#invariants.highestBlock >= this.#plan.faultsFromBlock) this.#beginFaults();
    else this.#world.after(10 * CALM.delayMs, () => this.#awaitFaults());
  }

  #isStored({ address, port }: Peer): boolean {
    const sides = address === CLIENT ? [this.#client] : this.#allServers;
    return sides.some((side) => side?.driver.socket?.localPort === port && side.sink?.finished === true);
  }

  #makeFile(): Uint8Array {
    const file = this.#random.bytes(Math.min(this.#plan.sizeBytes, 4096));
    const whole = new Uint8Array(this.#plan.sizeBytes);
    for (let at = 0; at < whole.length; at += file.length) {
      whole.set(file.subarray(0, Math.min(file.length, whole.length - at)), at);
      file[at % file.length] = ((file[at % file.length] as number) + 1) & 0xff;
    }
    // Line ends in plenty, so that netascii has something to do at every border.
    if (this.#plan.mode === "netascii")
      for (let i = 0; i < whole.length; i++) whole[i] = (whole[i] as number) & 0x0f;
    return whole;
  }

  #startClient(): void {
    const { method, mode, timeoutMs, retries, blockSize, windowSize, withOptions } = this.#plan;
    const sizeBytes = method === "PUT" ? this.#file.length : 0;
    const wishes = { blockSize, windowSize, timeoutMs, sizeBytes, userExtensions: new Map<string, string>() };
    const options: Option[] = withOptions ? requestOptions(wishes) : [];
    const request = encodeRequest({ method, fileName: "file", mode, options });
    const transfer = new Transfer({
      role: "client",
      method,
      mode,
      timeoutMs,
      retries,
      request,
      options,
      putBytes: sizeBytes,
    });
    const side = this.#makeSide(transfer, { address: SERVER, port: 69 }, true);
    this.#client = side;
    side.driver.bind(this.#openSocket(CLIENT, side.driver));
    this.#attachStore(side, method === "PUT");
    side.driver.start();
  }

  /** The request port: one transfer for each new request, repeated requests absorbed, as the dispatcher does. */
  #startServer(): void {
    this.#world.open(SERVER, 69, {
      onDatagram: (bytes, peer) => this.#handleRequest(bytes, peer),
      onError: () => undefined,
    });
  }

  #handleRequest(bytes: Uint8Array, peer: Peer): void {
    const packet = decode(bytes);
    if (this.#serverDead || packet.kind !== "request" || peer.address !== CLIENT) return;
    const key = `${peer.address}:${peer.port}`;
    const running = this.#servers.get(key);
    if (running !== undefined) {
      running.driver.handleRepeatedRequest();
      return;
    }
    const { method, mode, timeoutMs, retries } = this.#plan;
    const offer = readOffer(method, packet.options, { blockSizeMax: 65_464, windowSizeMax: 65_535 });
    const transfer = new Transfer({ role: "server", method, mode, offer, timeoutMs, retries });
    const side = this.#makeSide(transfer, peer, false);
    this.#servers.set(key, side);
    this.#allServers.push(side);
    side.driver.bind(this.#openSocket(SERVER, side.driver));
    // Opening the file takes its time.
    const { openingMs, disk } = this.#plan;
    this.#world.after(openingMs + this.#random.fraction() * disk.latencyMs, () => {
      if (this.#serverDead) return;
      this.#attachStore(side, method === "GET");
      side.driver.accept({ sizeBytes: this.#file.length, userExtensions: new Map() });
    });
  }

  #openSocket(address: string, handlers: SocketHandlers): SimSocket {
    if (!this.#plan.acksAhead) return this.#world.open(address, 0, handlers);
    const sleeper = new Sleeper(this.#world, handlers);
    this.#sleepers.push(sleeper);
    return sleeper.open(address);
  }

  #makeSide(transfer: Transfer, peer: { address: string; port: number }, isClient: boolean): Side {
    const clock = this.#world.createClock();
    const timers = new TimerQueue(clock);
    this.#timers.push(timers);
    const side: Side = {
      outcome: "never ended",
      endedMs: 0,
      sink: null,
      source: null,
      driver: undefined as never,
    };
    side.driver = new TransferDriver({
      transfer,
      clock,
      timers,
      peer: { address: peer.address, port: peer.port },
      tidIsOpen: isClient,
      handlers: {
        onCompleted: (lastAckMissing) => {
          side.outcome = lastAckMissing ? "last ACK missing" : "completed";
          side.endedMs = this.#world.nowMs;
        },
        onFailed: (fault) => {
          side.outcome = fault.kind;
          this.#checkFault(fault, isClient ? CLIENT : SERVER, transfer);
        },
        onEnded: () => undefined,
      },
    });
    return side;
  }

  #attachStore(side: Side, sends: boolean): void {
    const netascii = this.#plan.mode === "netascii";
    if (sends) {
      side.source = new SimSource(this.#world, this.#file, this.#plan.disk);
      side.driver.setSource(netascii ? new NetasciiSource(side.source) : side.source);
    } else {
      const { blockSize, windowSize, acksAhead, disk } = this.#plan;
      // Two windows may be on their way when a sink asks for a pause; a plain transfer has blocks of 512 bytes.
      const windowBytes = 2 * Math.max(blockSize, 512) * windowSize;
      side.sink = new SimSink(this.#world, disk, windowBytes + (acksAhead ? ACKS_AHEAD_BYTES_MAX : 0));
      side.driver.setSink(netascii ? new NetasciiSink(side.sink) : side.sink);
    }
  }

  #kill(which: "client" | "server"): void {
    if (which === "server") this.#serverDead = true;
    const sides = which === "client" ? [this.#client] : this.#allServers;
    for (const side of sides) {
      if (side?.outcome === "never ended") side.outcome = "ended by its death";
      side?.driver.close();
    }
  }

  /** A failure has to have a cause: silence for as long as promised, a real ERROR, or a broken disk. */
  #checkFault(fault: Fault, address: string, transfer: Transfer): void {
    if (fault.kind === "violation")
      throw new Error(`${address} saw a violation: ${fault.name} ${fault.detail}`);
    if (fault.kind === "peer-error" && this.#invariants.errorsSent === 0)
      throw new Error("an ERROR that nobody sent");
    if (fault.kind === "storage" && this.#plan.disk.failAtBytes === Number.POSITIVE_INFINITY) {
      throw new Error("a storage failure with a healthy disk");
    }
    if (fault.kind !== "timeout") return;
    const { timeoutMs, retries } = this.#plan;
    const patienceMs = timeoutMs * (retries + 1);
    const healthySinceMs = this.#healsAtMs + patienceMs;
    const peerIsThere =
      this.#plan.deadSide === null && this.#plan.disk.failAtBytes === Number.POSITIVE_INFINITY;
    if (
      peerIsThere &&
      this.#world.nowMs > healthySinceMs + patienceMs &&
      transfer.proven &&
      this.#bothBegan()
    ) {
      throw new Error("a time-out long after the network had healed");
    }
  }

  #bothBegan(): boolean {
    return (
      this.#client?.outcome === "never ended" &&
      this.#allServers.some((side) => side.outcome === "never ended")
    );
  }

  /** Datagrams of somebody else, to any socket, plausible and not: they must change nothing. */
  #plantStranger(everyMs: number): void {
    this.#world.after(this.#random.fraction() * 2 * everyMs, () => {
      if (this.#world.nowMs > this.#healsAtMs) return;
      const target = {
        address: this.#random.pick([CLIENT, SERVER]),
        port: 40_000 + this.#random.between(0, 2),
      };
      const from = { address: STRANGER, port: this.#random.between(1024, 65_535) };
      this.#world.transmit(from, target, this.#strangeDatagram());
      this.#plantStranger(everyMs);
    });
  }

  #strangeDatagram(): Uint8Array {
    const number = this.#random.between(0, 40);
    switch (this.#random.between(0, 4)) {
      case 0:
        return encodeAck(number);
      case 1:
        return encodeData(number, this.#random.bytes(this.#random.between(0, 600)));
      case 2:
        return encodeError(this.#random.between(0, 8), "go away");
      default:
        return this.#random.bytes(this.#random.between(0, 64));
    }
  }

  #judge(): SimulationResult {
    const client = this.#client as Side;
    const plan = this.#plan;
    const receivers = plan.method === "GET" ? [client] : this.#allServers;
    for (const side of [client, ...this.#allServers]) {
      if (side.outcome === "never ended") {
        throw new Error(`${side === client ? "the client's" : "a server's"} transfer did not end`);
      }
    }
    for (const side of receivers) this.#checkReceived(side);
    if (plan.method === "PUT" && client.outcome === "completed") {
      const stored = this.#allServers.some((side) => side.sink?.finished === true);
      if (!stored) throw new Error("the client was told that a file is stored that isn't");
    }
    const disturbed = plan.deadSide !== null || plan.disk.failAtBytes !== Number.POSITIVE_INFINITY;
    if (!disturbed && plan.network.loss === 0 && client.outcome !== "completed") {
      throw new Error(`without loss the client ended with ${client.outcome}`);
    }
    this.#checkSuccess(disturbed);
    this.#checkThrift(disturbed);
    checkNothingLeft({
      sockets: this.#world.openSockets - 1,
      timers: this.#timers.reduce((sum, timers) => sum + timers.size, 0),
      transfers: 0,
      queuedRequests: 0,
      openFiles: 0,
      temporaryFiles: 0,
    });
    return {
      plan,
      client: client.outcome,
      server: this.#allServers.map((side) => side.outcome),
      traceHash: this.#world.traceHash,
      virtualMs: this.#world.nowMs,
      clientEndedMs: client.endedMs,
      sentCount: this.#world.sentCount,
      dataSent: this.#invariants.dataSent,
      errorCodes: this.#invariants.errorCodes,
      lostAtRollover: this.#invariants.lostAtRollover,
      acksAhead: this.#sleepers.reduce((sum, { answeredCount }) => sum + answeredCount, 0),
    };
  }

  /** Ordinary loss on an ordinary network is survived, by both ends, down to the last ACK. */
  #checkSuccess(disturbed: boolean): void {
    const { network, timeoutMs, retries } = this.#plan;
    const ordinary = network.loss <= 0.05 && network.delayMs + network.jitterMs < timeoutMs / 4;
    // Fewer tries than these may all be lost once in ten thousand seeds.
    if (disturbed || !ordinary || retries < 3 || timeoutMs < 1000) return;
    const client = this.#client as Side;
    if (client.outcome !== "completed")
      throw new Error(`under ordinary loss the client ended with ${client.outcome}`);
    const served = this.#allServers.some(
      (side) => side.outcome === "completed" || side.outcome === "last ACK missing",
    );
    // A file of one block has one ACK: when that is lost, the client has never answered, and gets three packets at most.
    const isOneAnswer = this.#plan.method === "GET" && !this.#plan.withOptions && this.#file.length < 512;
    if (!served && !isOneAnswer) throw new Error("under ordinary loss no server completed");
  }

  /** Where nothing gets lost and nobody is slow, no block leaves twice: those that overtake one another are kept. */
  #checkThrift(disturbed: boolean): void {
    const { network, disk, sizeBytes, mode, withOptions, blockSize } = this.#plan;
    const isQuick = network.delayMs + network.jitterMs <= 10 && network.jitterMs <= OVERTAKING_MS;
    const nothingIsLost = network.loss + network.duplicate === 0 && this.#world.fateOf === null;
    if (disturbed || !nothingIsLost || !isQuick || disk.latencyMs > 0.1 || mode === "netascii") return;
    const blocks = Math.floor(sizeBytes / (withOptions ? blockSize : 512)) + 1;
    const { dataSent } = this.#invariants;
    if (dataSent !== blocks) throw new Error(`${dataSent} DATA packets for ${blocks} blocks in fair weather`);
  }

  #checkReceived(side: Side): void {
    const content = side.sink?.content() ?? new Uint8Array(0);
    checkDelivered(
      side === this.#client ? CLIENT : SERVER,
      content,
      this.#file,
      side.outcome === "completed",
    );
    if (
      side.outcome !== "completed" &&
      side.sink?.finished === true &&
      side.outcome !== "ended by its death"
    ) {
      throw new Error("a file was published by a transfer that failed");
    }
  }
}
