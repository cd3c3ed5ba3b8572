/**
 * What one client tells, compared with what the wire and the servers say: answers, refusals, watches, states, and what it
 * says of itself.
 */
import type { Diagnostic, SessionState } from "@zk/client";
import { isZkError } from "@zk/client";
import { describe } from "../checks/fates.js";
import type { CheckName } from "../checks/findings.js";
import { checkRefusal, checkResult } from "../checks/results.js";
import { checkMove } from "../checks/states.js";
import type { Watch, WatchKind } from "../checks/watch-book.js";
import type { Wire } from "../checks/wire.js";
import type { World } from "../world/world.js";
import type { Books } from "./books.js";
import type { Operation } from "./operation.js";

/** What some listeners throw. */
export const THROWN: Error = new Error("thrown by a listener on purpose");

/** See the head of this file. */
export class Witness {
  /** Told by the listener of states. */
  state: SessionState = "idle";
  /** The session that was granted and is not over. */
  session: { readonly id: bigint; readonly password: Uint8Array } | undefined;
  /** Resumed sessions: the connection was lost and another took the session on. */
  failovers = 0;
  losses = 0;
  readonly #world: World;
  readonly #name: string;
  readonly #wire: Wire;
  readonly #books: Books;
  #isDoubtful = false;
  #viewZxid = 0n;
  #viewSession = 0n;

  constructor(world: World, name: string, wire: Wire, books: Books) {
    this.#world = world;
    this.#name = name;
    this.#wire = wire;
    this.#books = books;
  }

  /** Its program ran again after standing still, or its clock jumped. */
  awoke(afterMs: number): void {
    // Longer than the session lives without a word: nothing that was believed before may be believed now.
    this.#isDoubtful = this.state === "connected" && afterMs > Math.max(100, this.#wire.timeoutMs);
  }

  /** A watch that a read is going to set. */
  watch(path: string, userPath: string, kind: WatchKind): Watch {
    const { watches } = this.#world;
    const watch: Watch = {
      number: this.#world.nextNumber(),
      owner: this.#name,
      path,
      userPath,
      kind,
      phase: "asked",
      armedAt: 0n,
      dueAt: undefined,
      calls: 0,
      outlived: false,
      listener: (event) => {
        this.note(`watch ${watch.number} hears ${event.type} ${event.path}`);
        watch.calls += 1;
        const who = `watch ${watch.number} at ${path}`;
        if (watch.calls > 1) return this.report("watches", `${who} was told twice`);
        if (watch.phase !== "armed")
          return this.report("watches", `${who} was told ${event.type} and does not stand`);
        if (event.path !== userPath) return this.report("watches", `${who} was told of ${event.path}`);
        if (event.type !== "None" && !watches.hasCause(watch, event.type)) {
          this.report("watches", `${who} was told ${event.type}, which did not happen`);
        }
        watches.end(watch);
        // Whatever a listener throws must not disturb anything.
        if (watch.number % 7 === 0) throw THROWN;
      },
    };
    return watch;
  }

  /** The watches that stand, by kind and path. */
  *armed(): Generator<string> {
    for (const { kind, path } of this.#world.watches.armedBy(this.#name)) yield `${kind} ${path}`;
  }

  /** A call was answered. */
  succeeded(operation: Operation, value: unknown): void {
    this.note(`#${operation.number} ok`);
    if (this.#isDoubtful)
      this.report("states", `${describe(operation)} was answered as if there had been no stall`);
    this.#books.settled(operation, "ok");
    this.#answered(operation);
    checkResult(operation, value, this.#world.ledger, this.#world.findings);
    const { watch } = operation;
    if (watch === undefined || operation.replyZxid === undefined) return;
    const kind = operation.name === "exists" && value === null ? "exist" : watch.kind;
    this.#world.watches.arm(watch, kind, operation.replyZxid);
    // The connection may be gone in the very turn that brought the reply, before the one who asked hears of it.
    if (!this.#wire.isServed) watch.outlived = true;
  }

  /** A call failed. */
  failed(operation: Operation, error: unknown): void {
    this.#books.settled(operation, "failed");
    if (!isZkError(error)) {
      return this.report("internal", `${describe(operation)} failed with ${String(error)}`);
    }
    operation.code = error.code;
    this.note(`#${operation.number} ${error.code} applied ${error.applied}`);
    this.#world.countCode(error.code);
    if (error.code === "INTERNAL" || error.code === "PROTOCOL" || error.code === "UNKNOWN_SERVER_ERROR") {
      this.report("internal", `${describe(operation)}: ${error.message}`);
    }
    const isWrong =
      operation.recorded !== undefined && (operation.recorded === "failed") !== (error.applied === "no");
    if (isWrong) this.report("applied", `${describe(operation)}: the history says ${operation.recorded}`);
    if (error.code === "NO_AUTH" && operation.path.startsWith("/private/")) {
      this.report("wire order", `${describe(operation)} reached the server before the credentials`);
    }
    this.#answered(operation);
    checkRefusal(operation, this.#world.ledger, this.#world.findings);
  }

  /** A reply was handed out: whatever happened up to its transaction must have been told before it. */
  #answered(operation: Operation): void {
    const zxid = operation.replyZxid;
    const attempt = operation.attempts.at(-1);
    if (zxid === undefined || zxid <= 0n || attempt === undefined) return;
    if (attempt.sessionId !== this.#viewSession) {
      this.#viewSession = attempt.sessionId;
      this.#viewZxid = 0n;
    }
    if (zxid < this.#viewZxid) {
      this.report("reads", `${describe(operation)} went back from ${this.#viewZxid} to ${zxid}`);
    }
    this.#viewZxid = zxid;
    const missing = this.#world.watches.missing(this.#name, zxid);
    if (missing === undefined) return;
    const { number, path, kind, armedAt, dueAt } = missing;
    this.report(
      "watches",
      `watch ${number} (${kind} ${path}, set at ${armedAt.toString(16)}) was not told of ${dueAt?.toString(16)} before the reply of ${zxid.toString(16)}`,
    );
  }

  /** The client tells of another state. */
  stateTold(state: SessionState, reason: string): void {
    this.note(`is ${state}: ${reason}`);
    checkMove(this.#name, this.state, state, this.#world.findings);
    this.state = state;
    this.#isDoubtful = false;
    if (state === "expired") {
      const { id } = this.session ?? { id: 0n };
      // A leader refuses a session from the moment at which it begins to close it.
      if (this.#wire.refused !== id)
        this.report("states", `expired, but nobody said so of ${id.toString(16)}`);
      this.session = undefined;
      this.#world.expired(this.#name);
    }
  }

  /** The client tells what goes on inside. */
  diagnostic(event: Diagnostic): void {
    switch (event.type) {
      case "internalError":
        return this.report("internal", `internal error: ${String(event.error)}`);
      case "frameRefused":
        return this.report("internal", `refused a frame of an honest server: ${event.reason}`);
      case "connectionLost":
        this.losses += 1;
        for (const watch of this.#world.watches.armedBy(this.#name)) watch.outlived = true;
        return;
      case "handshake":
        if (event.resumed) this.failovers += 1;
        this.session = this.#wire.granted;
        return;
      default:
        return;
    }
  }

  report(check: CheckName, message: string): void {
    this.#world.findings.report(check, `${this.#name}: ${message}`);
  }

  note(what: string): void {
    this.#world.trace.add(this.#world.timeline.nowMs, this.#name, what);
  }
}
