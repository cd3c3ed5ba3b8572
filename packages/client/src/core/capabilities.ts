/**
 * What the servers were seen not to know. A server answers an op code that it does not know with UNIMPLEMENTED and a
 * header zxid of -1, and then closes the connection; asking it again would only cost another connection.
 *
 * Source: ZooKeeper 3.4.6, PrepRequestProcessor.java and FinalRequestProcessor.java (unknown type of request)
 */

/** How long it is remembered, in milliseconds: a server may come back upgraded. */
export const UNKNOWN_OP_MEMORY_MS = 300_000;

/** See the head of this file. */
export class Capabilities {
  readonly #until = new Map<string, Map<number, number>>();

  /** Notes that a server does not know an op code. */
  refused(server: string, opCode: number, nowMs: number): void {
    const untilMs = nowMs + UNKNOWN_OP_MEMORY_MS;
    const ops = this.#until.get(server);
    if (ops === undefined) this.#until.set(server, new Map([[opCode, untilMs]]));
    else ops.set(opCode, untilMs);
  }

  /** The op codes not to be sent to a server; undefined, mostly, when all may be. */
  unknownTo(server: string, nowMs: number): ReadonlySet<number> | undefined {
    const ops = this.#until.get(server);
    if (ops === undefined) return undefined;
    for (const [opCode, untilMs] of ops) {
      if (untilMs <= nowMs) ops.delete(opCode);
    }
    if (ops.size > 0) return new Set(ops.keys());
    this.#until.delete(server);
    return undefined;
  }
}
