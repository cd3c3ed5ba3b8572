/**
 * Where requests end: transactions are applied, watches fire, and the client gets its answer.
 *
 * Source: ZooKeeper 3.4.6, FinalRequestProcessor.java, processRequest
 */
import { encode, jute, OpCode, Xid } from "@zk/protocol";
import { javaText } from "../tree/java-text.js";
import { answerRead } from "../tree/reads.js";
import { decodeRead, decodeSetWatches } from "../tree/request-bodies.js";
import type { TreeEvent, TxnOutcome } from "../tree/txn.js";
import { writeReply } from "../tree/write-replies.js";
import type { ClientConnection } from "./client-connection.js";
import type { Host } from "./host.js";
import type { Request } from "./request.js";

const MARSHALLING_ERROR = -5;
const SESSION_MOVED = -118;
const NO_BYTES = new Uint8Array(0);

/** Whose requests end here. */
export interface FinalHost {
  readonly server: Host;
  /** Whether it serves reads only, because it has no quorum. */
  readonly isReadOnly: boolean;
  /** A transaction was applied here. */
  transactionApplied(request: Request): void;
}

interface Answer {
  readonly err: number;
  readonly body: Uint8Array;
}

/** See the head of this file. */
export class FinalProcessor {
  readonly #service: FinalHost;

  constructor(service: FinalHost) {
    this.#service = service;
  }

  process(request: Request): void {
    const { server } = this.#service;
    const { connection, entry } = request;
    let outcome: TxnOutcome | undefined;
    if (entry !== undefined) {
      outcome = server.apply(entry);
      this.#service.transactionApplied(request);
      for (const event of outcome.events) this.#fire(event);
      if (entry.txn.type === "closeSession" && connection === undefined)
        return server.connectionOf(request.sessionId)?.end();
    }
    if (connection === undefined || connection.isOver) return;
    this.#answer(request, connection, outcome);
  }

  #answer(request: Request, connection: ClientConnection, outcome: TxnOutcome | undefined): void {
    const { server, isReadOnly } = this.#service;
    const { opCode, entry } = request;
    const err = entry?.txn.type === "error" ? entry.txn.err : (request.err ?? 0);
    if (err === SESSION_MOVED) return connection.end();
    if (opCode === OpCode.CREATE_SESSION && err === 0) {
      this.#note(request, connection);
      return connection.grant(true, isReadOnly);
    }
    if (opCode === OpCode.PING && err === 0) {
      this.#note(request, connection);
      return connection.reply({ xid: Xid.PING, zxid: server.tree.lastZxid, err: 0 });
    }
    const answer = err !== 0 ? { err, body: NO_BYTES } : this.#body(request, connection, outcome);
    if (answer === undefined) return;
    this.#note(request, connection);
    connection.reply({ xid: request.xid, zxid: server.tree.lastZxid, err: answer.err }, answer.body);
    if (opCode === OpCode.CLOSE_SESSION && err === 0) connection.end();
  }

  /** Undefined: 3.4.6 stumbles, and the client hears nothing. */
  #body(request: Request, connection: ClientConnection, outcome: TxnOutcome | undefined): Answer | undefined {
    const { server } = this.#service;
    const { opCode, entry, body } = request;
    if (entry !== undefined && outcome !== undefined) {
      const reply = writeReply(opCode, entry.txn, outcome);
      return reply.isSilent ? undefined : reply;
    }
    switch (opCode) {
      case OpCode.SET_WATCHES: {
        const { watches, err } = decodeSetWatches(body);
        for (const event of server.watches.rearm(connection.number, server.tree, watches))
          connection.notify(event);
        return { err, body: NO_BYTES };
      }
      case OpCode.SYNC: {
        // The path is no path to the server: it gives back whatever text it got, and null for null.
        const decoded = decodeRead(body, false);
        if ("trouble" in decoded) return { err: MARSHALLING_ERROR, body: NO_BYTES };
        const { path } = decoded.value;
        return { err: 0, body: path === null ? encode(jute.ustringOrNull, path) : encode(javaText, path) };
      }
      default: {
        const { skipAcl } = server.world.settings;
        const { err, body: reply, watch } = answerRead(server.tree, request, { skipAcl });
        if (watch !== undefined) server.watches.add(watch.kind, watch.path, connection.number);
        return { err, body: reply };
      }
    }
  }

  #fire(event: TreeEvent): void {
    const { server } = this.#service;
    for (const number of server.watches.fire(event)) server.connection(number)?.notify(event);
  }

  #note(request: Request, connection: ClientConnection): void {
    const { server } = this.#service;
    const { nowMs } = server.world;
    const zxid = server.tree.lastZxid;
    const operation = LAST_OPERATION[request.opCode] ?? "NA";
    const latencyMs = 0;
    server.statistics.latency.add(latencyMs);
    connection.statistics.answered({ operation, xid: request.xid, zxid, latencyMs, nowMs });
  }
}

/** How `cons` names what was answered last. */
const LAST_OPERATION: Readonly<Record<number, string>> = {
  [OpCode.CREATE_SESSION]: "SESS",
  [OpCode.CLOSE_SESSION]: "CLOS",
  [OpCode.PING]: "PING",
  [OpCode.MULTI]: "MULT",
  [OpCode.CREATE]: "CREA",
  [OpCode.DELETE]: "DELE",
  [OpCode.SET_DATA]: "SETD",
  [OpCode.SET_ACL]: "SETA",
  [OpCode.SYNC]: "SYNC",
  [OpCode.CHECK]: "CHEC",
  [OpCode.EXISTS]: "EXIS",
  [OpCode.GET_DATA]: "GETD",
  [OpCode.SET_WATCHES]: "SETW",
  [OpCode.GET_ACL]: "GETA",
  [OpCode.GET_CHILDREN]: "GETC",
  [OpCode.GET_CHILDREN2]: "GETC",
};
