/** Random users, networks and servers for the session machine, and what must hold whatever they do. */
import fc from "fast-check";
import { expect } from "vitest";
import { Call, type Output, type SessionState } from "../src/core/index.js";
import { isLegalMove } from "../src/core/session-state.js";
import { MachineHarness, type Outcome } from "../src/testing/machine-harness.js";
import {
  connectResponseFrame,
  eventFrame,
  headerFrame,
  replyFrame,
  type SeenRequest,
} from "../src/testing/server-wire.js";

type Action =
  | { readonly do: "connect" | "close" | "addAuth"; readonly timeoutMs: number }
  | {
      readonly do: "call";
      readonly name: "getData" | "setData" | "create" | "exists" | "sync";
      readonly retry: "none" | "safe" | "always";
      readonly timeoutMs: number;
      readonly watch: boolean;
    }
  | { readonly do: "abandon" | "unwatch"; readonly which: number }
  | {
      readonly do:
        | "progress"
        | "resolve"
        | "unresolve"
        | "open"
        | "disconnect"
        | "block"
        | "drain"
        | "probed";
    }
  | { readonly do: "grant"; readonly how: "normal" | "normal" | "expired" | "readonly" | "another" }
  | {
      readonly do: "answer";
      readonly which: number;
      readonly err: number;
      readonly zxid: number;
    }
  | { readonly do: "event"; readonly which: number; readonly type: number }
  | { readonly do: "garbage"; readonly bytes: Uint8Array }
  | { readonly do: "advance" | "stall"; readonly ms: number };

const timeout = fc.constantFrom(5, 50, 500, 5000, Number.POSITIVE_INFINITY);
const which = fc.nat(30);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant("connect" as const), timeoutMs: timeout }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("addAuth" as const), timeoutMs: timeout }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("call" as const),
      name: fc.constantFrom("getData" as const, "setData", "create", "exists", "sync"),
      retry: fc.constantFrom("none" as const, "safe", "always"),
      timeoutMs: timeout,
      watch: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("abandon" as const, "unwatch"), which }) },
  // Whatever the connection under way waits for, so that stories come to their middle.
  { weight: 14, arbitrary: fc.record({ do: fc.constant("progress" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("resolve" as const, "open", "drain") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("unresolve" as const, "disconnect", "block", "probed") }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("grant" as const),
      how: fc.constantFrom("normal" as const, "readonly", "expired", "another"),
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      which: fc.constantFrom(0, 0, 0, 0, 1, 2),
      err: fc.constantFrom(0, 0, 0, 0, 0, 0, -101, -103, -4, -9999, -6),
      zxid: fc.integer({ min: -1, max: 1000 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("event" as const), which, type: fc.integer({ min: -2, max: 6 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("garbage" as const), bytes: fc.uint8Array({ maxLength: 40 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("advance" as const),
      ms: fc.constantFrom(0, 1, 10, 400, 3000, 7000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("stall" as const),
      ms: fc.constantFrom(1, 4000, 10_000, 100_000),
    }),
  },
);

/** A scene and what happens in it. */
export const story = fc.record({
  seed: fc.integer(),
  servers: fc.integer({ min: 1, max: 3 }),
  outstandingMax: fc.constantFrom(1, 3, 1000),
  readOnly: fc.boolean(),
  actions: fc.array(fc.record({ action, drained: fc.boolean() }), {
    minLength: 10,
    maxLength: 150,
    size: "max",
  }),
});

export type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

/** Plays a story and checks what must hold after each of its steps. */
export class Play {
  readonly h: MachineHarness;
  /** Every request that was written, with its epoch. */
  readonly written: { readonly epoch: number; readonly request: SeenRequest }[] = [];
  readonly #outstandingMax: number;
  readonly #calls: Outcome<Call>[] = [];
  readonly #watchers: { readonly path: string; readonly watcher: object }[] = [];
  #unanswered: { readonly epoch: number; readonly request: SeenRequest }[] = [];
  #lastZxid = 0n;
  #lastXid = 0;
  #state: SessionState = "idle";
  #seen = 0;
  #openEpoch: number | undefined;

  constructor({ seed, servers, outstandingMax, readOnly }: Omit<Story, "actions">) {
    this.h = new MachineHarness({
      seed,
      servers: Array.from({ length: servers }, (_, index) => ({ host: `s${index}`, port: 2181 })),
      readOnly,
      limits: { outstandingMax, queuedCallsMax: 20, resendsMax: 3, partialFrameTimeoutMs: 5000 },
    });
    this.h.machine.diagnosing = true;
    this.#outstandingMax = outstandingMax;
  }

  run(actions: Story["actions"]): void {
    for (const { action: each, drained } of actions) {
      this.#act(each, drained);
      if (drained) this.#check();
    }
    this.h.close(100);
    this.h.advance(100);
    this.#check();
    expect(this.h.state).toBe("closed");
    expect(this.h.outcomes.filter(({ endings }) => endings !== 1)).toEqual([]);
    expect(this.h.machine.load).toEqual({ queued: 0, inFlight: 0, bytes: 0, watches: 0 });
    expect(this.h.machine.nextDeadlineMs()).toBe(Number.POSITIVE_INFINITY);
    this.#checkFates();
  }

  #act(each: Action, drained: boolean): void {
    const { h } = this;
    const { epoch } = h.machine;
    const feed: typeof h.feed = (input) => (drained ? void h.step(input) : h.feed(input));
    switch (each.do) {
      case "connect":
      case "close":
        return feed({ kind: each.do, ticket: h.ticket(each.do, each.timeoutMs).target });
      case "addAuth":
        return void h.addAuth("digest", "a:b", each.timeoutMs);
      case "call": {
        const path = `/${this.#calls.length}`;
        const watcher = each.watch && each.name !== "sync" ? {} : undefined;
        const outcome = h.newCall(each.name, path, {
          retry: each.retry,
          timeoutMs: each.timeoutMs,
          ...(watcher === undefined || each.name === "create" || each.name === "setData" ? {} : { watcher }),
        });
        this.#calls.push(outcome);
        if (watcher !== undefined) this.#watchers.push({ path, watcher });
        return feed({ kind: "call", call: outcome.target });
      }
      case "abandon": {
        const target = h.outcomes[each.which]?.target;
        return target && feed({ kind: "abandon", target, reason: "enough" });
      }
      case "unwatch": {
        const watch = this.#watchers[each.which];
        return watch && feed({ kind: "unwatch", ...watch });
      }
      case "progress":
        if (h.machine.phase === "resolving")
          return feed({ kind: "resolved", epoch, addresses: ["10.0.0.1"] });
        if (h.machine.phase === "opening") return feed({ kind: "opened", epoch });
        if (h.machine.phase === "waiting") return void h.advance(h.machine.nextDeadlineMs() - h.nowMs);
        return this.#grant("normal", feed);
      case "resolve":
        return feed({
          kind: "resolved",
          epoch,
          addresses: ["10.0.0.1", "10.0.0.2"].slice(0, 1 + (epoch % 2)),
        });
      case "unresolve":
        return feed({ kind: "unresolved", epoch, reason: "no such name" });
      case "open":
        return feed({ kind: "opened", epoch });
      case "disconnect":
        return feed({ kind: "disconnected", epoch, reason: "gone" });
      case "block":
        return feed({ kind: "blocked", epoch });
      case "drain":
        return feed({ kind: "drained", epoch });
      case "probed":
        return feed({ kind: "probed", epoch, isReadWrite: true });
      case "grant":
        return this.#grant(each.how, feed);
      case "answer":
        return this.#answer(each, feed);
      case "event": {
        const path = this.#watchers[each.which]?.path ?? "/nobody";
        const names = ["NodeCreated", "NodeDeleted", "NodeDataChanged", "NodeChildrenChanged"] as const;
        const type = names[each.type - 1];
        if (type === undefined) return;
        return feed({ kind: "received", epoch, bytes: eventFrame({ type, path }) });
      }
      case "garbage":
        return feed({ kind: "received", epoch, bytes: each.bytes });
      case "advance":
        return void h.advance(each.ms);
      case "stall":
        return h.stall(each.ms);
      default:
        return each satisfies never;
    }
  }

  #grant(how: string, feed: MachineHarness["feed"]): void {
    const { question, machine } = this.h;
    if (question === undefined || machine.phase !== "handshaking") return;
    const asked = question.sessionId === 0n ? 0x51n : question.sessionId;
    const sessionId = how === "expired" ? 0n : how === "another" ? 0x99n : asked;
    const readOnly = how === "readonly" && question.readOnly === true;
    const bytes = connectResponseFrame({ sessionId, timeoutMs: 6000, readOnly }, question);
    feed({ kind: "received", epoch: machine.epoch, bytes });
  }

  /** Answers a request of the connection under way, mostly the oldest, rightly or with some error. */
  #answer(how: Extract<Action, { do: "answer" }>, feed: MachineHarness["feed"]): void {
    const { epoch } = this.h.machine;
    this.#unanswered = this.#unanswered.filter((waiting) => waiting.epoch === epoch);
    const [taken] = this.#unanswered.splice(how.which, 1);
    if (taken === undefined) return;
    const { request } = taken;
    // Credentials are accepted mostly, or every story would end there.
    const err = request.operation === "auth" && how.zxid > 20 ? 0 : how.err;
    const zxid = BigInt(how.zxid);
    const bytes = err === 0 ? this.#rightReply(request, zxid) : headerFrame({ xid: request.xid, zxid, err });
    feed({ kind: "received", epoch, bytes });
  }

  #rightReply(request: SeenRequest, zxid: bigint): Uint8Array {
    const { path } = (request.body ?? {}) as { path?: string };
    switch (request.operation) {
      case "create":
      case "sync":
        return replyFrame(request as SeenRequest<"create">, zxid, { path: path ?? "/" });
      case "exists":
      case "setData":
        return replyFrame(request as SeenRequest<"exists">, zxid, { stat: STAT });
      case "getData":
        return replyFrame(request as SeenRequest<"getData">, zxid, { data: null, stat: STAT });
      default:
        return headerFrame({ xid: request.xid, zxid, err: 0 });
    }
  }

  #check(): void {
    const { h } = this;
    const { machine } = h;
    h.drain();
    for (; this.#seen < h.log.length; this.#seen += 1) this.#checkOutput(h.log[this.#seen] as Output);
    for (const request of h.requests()) {
      const seen = { epoch: machine.epoch, request };
      this.written.push(seen);
      this.#unanswered.push(seen);
      if (request.xid <= 0) continue;
      must(request.xid > this.#lastXid, `xid ${request.xid} came after ${this.#lastXid}`);
      this.#lastXid = request.xid;
    }
    must(machine.lastZxid >= this.#lastZxid, `lastZxid fell from ${this.#lastZxid} to ${machine.lastZxid}`);
    this.#lastZxid = machine.lastZxid;
    must(machine.state === this.#state, `the state is ${machine.state}, ${this.#state} was told`);
    const isOver = ["idle", "expired", "authFailed", "closed"].includes(machine.state);
    must((machine.phase === "down") === isOver, `${machine.phase} while ${machine.state}`);
    const deadlines = machine.pendingDeadlines.length;
    must(deadlines > 0 === !isOver, `${deadlines} deadlines while ${machine.state}`);
    must(machine.load.inFlight <= this.#outstandingMax, `${machine.load.inFlight} requests are outstanding`);
  }

  #checkOutput(output: Output): void {
    switch (output.kind) {
      case "state":
        must(isLegalMove(this.#state, output.state), `${this.#state} > ${output.state} was told`);
        this.#state = output.state;
        return;
      case "open":
        must(this.#openEpoch === undefined, "a second connection was opened beside the first");
        this.#openEpoch = output.epoch;
        return;
      case "write":
        must(output.epoch === this.#openEpoch, "bytes were written to a connection that is not open");
        return must(output.bytes.length > 0, "nothing was written");
      case "disconnect":
        must(output.epoch === this.#openEpoch, "a connection was ended that was not open");
        this.#openEpoch = undefined;
        return;
      case "diagnostic":
        if (output.event.type === "internalError") throw output.event.error;
        return;
      default:
        return;
    }
  }

  /** What each error says of its write, against what was on the wire. */
  #checkFates(): void {
    for (const { target, error } of this.#calls) {
      if (error === undefined) continue;
      const tries = this.written.filter(
        ({ request }) =>
          (request.body as { path?: string } | null)?.path === target.path &&
          request.operation !== "setWatches",
      );
      if (!target.spec.isWrite) expect(error.applied).toBe("no");
      else if (error.applied === "no") {
        // Never written; or written once, and refused by the server.
        const isRefused = error.serverCode !== undefined && tries.length === 1;
        expect(tries.length === 0 || isRefused).toBe(true);
      }
    }
  }
}

const STAT = {
  czxid: 1n,
  mzxid: 2n,
  ctime: 0n,
  mtime: 0n,
  version: 3,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1n,
};

/** `expect` is too slow for what is asked a million times. */
function must(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

/** The log as text, with targets and watchers by number. */
export function transcript(outputs: readonly Output[]): string {
  const numbers = new Map<object, number>();
  return JSON.stringify(outputs, (key, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    if (value instanceof Uint8Array) return [...value].join(" ");
    if (value instanceof Error) return value.message;
    if (value instanceof Call || key === "target" || key === "watcher") {
      const known = numbers.get(value as object) ?? numbers.size;
      numbers.set(value as object, known);
      return known;
    }
    return value;
  });
}
