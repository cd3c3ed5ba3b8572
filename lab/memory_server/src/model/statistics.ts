/**
 * Counters of a connection and of a server, for four-letter words.
 *
 * Source: ZooKeeper 3.4.6, ServerCnxn.java, updateStatsForResponse, and ServerStats.java
 */
import { Xid } from "@zk/protocol";

/** Latencies in whole milliseconds. */
export class Latency {
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;
  #totalMs = 0;
  #count = 0;

  add(latencyMs: number): void {
    const whole = Math.max(0, Math.floor(latencyMs));
    this.#minMs = Math.min(this.#minMs, whole);
    this.#maxMs = Math.max(this.#maxMs, whole);
    this.#totalMs += whole;
    this.#count += 1;
  }

  get facts(): { readonly minMs: number; readonly avgMs: number; readonly maxMs: number } {
    if (this.#count === 0) return { minMs: 0, avgMs: 0, maxMs: 0 };
    return { minMs: this.#minMs, avgMs: Math.floor(this.#totalMs / this.#count), maxMs: this.#maxMs };
  }
}

/** What `cons` shows of one connection. */
export class ConnectionStatistics {
  readonly establishedMs: number;
  packetsReceived = 0;
  packetsSent = 0;
  lastOperation = "NA";
  lastXid: number | null = null;
  lastZxid = -1n;
  lastResponseMs: number | null = null;
  lastLatencyMs = 0;
  latency: Latency = new Latency();

  constructor(nowMs: number) {
    this.establishedMs = nowMs;
  }

  received(): void {
    this.packetsReceived += 1;
  }

  sent(): void {
    this.packetsSent += 1;
  }

  answered(what: { operation: string; xid: number; zxid: bigint; latencyMs: number; nowMs: number }): void {
    this.lastOperation = what.operation;
    if (what.xid >= 0 && what.xid !== Xid.PING) this.lastXid = what.xid;
    this.lastZxid = what.zxid;
    this.lastResponseMs = what.nowMs;
    this.lastLatencyMs = Math.floor(what.latencyMs);
    this.latency.add(what.latencyMs);
  }

  reset(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.lastOperation = "NA";
    this.lastXid = null;
    this.lastZxid = -1n;
    this.lastResponseMs = null;
    this.lastLatencyMs = 0;
    this.latency = new Latency();
  }
}

/** What `srvr` shows. */
export class ServerStatistics {
  packetsReceived = 0;
  packetsSent = 0;
  latency: Latency = new Latency();

  reset(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.latency = new Latency();
  }
}
