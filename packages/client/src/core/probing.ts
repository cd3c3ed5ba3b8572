/**
 * While a read-only server serves us, others are asked on the side whether they belong to a quorum.
 *
 * Source: ZooKeeper 3.4.6, ClientCnxn.java (pingRwServer) for the pauses.
 */
import { loseLink } from "./losing.js";
import type { Machinery } from "./machinery.js";

const INTERVAL_MIN_MS = 100;
const INTERVAL_MAX_MS = 60_000;

/** A read-only server took us in. */
export function startProbing(machine: Machinery): void {
  machine.isProbing = false;
  machine.probeIntervalMs = INTERVAL_MIN_MS;
  machine.deadlines.set("probe", machine.nowMs + INTERVAL_MIN_MS);
}

/** It is time to ask the next. */
export function probe(machine: Machinery): void {
  machine.probeIntervalMs = Math.min(INTERVAL_MAX_MS, machine.probeIntervalMs * 2);
  machine.deadlines.set("probe", machine.nowMs + machine.probeIntervalMs);
  // One question at a time: the answer does not say whom it is from.
  if (machine.isProbing) return;
  machine.isProbing = true;
  const { host, port } = machine.ring.candidate();
  machine.outputs.push({ kind: "probe", epoch: machine.epoch, host, port });
}

/** The answer. */
export function onProbed(machine: Machinery, epoch: number, isReadWrite: boolean): void {
  const { link } = machine;
  if (epoch !== machine.epoch || link.phase !== "up") return;
  machine.isProbing = false;
  if (!isReadWrite || !link.readOnly || machine.isClosing) return;
  machine.ring.chooseCandidate();
  loseLink(machine, "a read-write server was found");
}
