/** The doors as Node has them. */
import { randomBytes, randomUUID } from "node:crypto";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock, Ports, Randomness, Resolver } from "./ports.js";
import { tcpTransport } from "./tcp-transport.js";

/** The longest delay that Node's timers take; a longer one would fire at once. */
const TIMER_MAX_MS = 2_147_483_647;

/** Node's monotonic clock and timers. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(TIMER_MAX_MS, Math.max(0, Math.ceil(delayMs))));
    return () => clearTimeout(timer);
  },
  // nextTick runs after the promise continuations that are due, so the requests of a whole burst share one write.
  afterContinuations: (callback) => process.nextTick(callback),
  // Node reads sockets between its timers and its immediates.
  afterReads: (callback) => {
    setImmediate(callback);
  },
};

/** The system's name service; literal addresses are given back as they are. */
export const systemResolver: Resolver = {
  async resolve(host) {
    if (isIP(host) !== 0) return [host];
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => address);
  },
};

/** Node's cryptographic generator. */
export const systemRandomness: Randomness = {
  seed: () => randomBytes(4).readInt32BE(0),
  uuid: () => randomUUID(),
};

/** What a client uses when nothing else is given. */
export const systemPorts: Ports = {
  clock: systemClock,
  transport: tcpTransport,
  resolver: systemResolver,
  randomness: systemRandomness,
};
