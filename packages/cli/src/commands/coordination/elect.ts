import { hostname } from "node:os";
import type { Client } from "@zk/client";
import { type Candidate, Election } from "@zk/recipes";
import { standForElection } from "../../coordination/contests.js";
import { runGuarded, SUSPEND_POLICIES } from "../../coordination/guarded-run.js";
import { heldEnvironment } from "../../coordination/held.js";
import { DIALECTS } from "../../coordination/layouts.js";
import { renewSessions } from "../../coordination/waiting.js";
import { type Command, defineCommand } from "../../definition/command.js";
import { anyNumber, argument, choice, duration, flag, text } from "../../definition/specs.js";
import { hex } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { Interruption, UsageError } from "../../program/errors.js";
import { ExitCode } from "../../program/exit-codes.js";
import { sleep } from "./lock.js";

interface Leadership {
  readonly event: "leader" | "none" | "elected" | "resigned" | "lost";
  readonly path: string;
  readonly node: string | null;
  readonly data: string | null;
  readonly session: string | null;
  readonly fence: string | null;
  readonly exitCode: number | null;
  readonly at: string;
}

/** Pause before the first restart, doubled by each that follows, in milliseconds. */
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 30_000;
/** A run of at least this long was no failed start: the pause begins anew. */
const SETTLED_MS = 60_000;

export const elect: Command = defineCommand({
  name: "elect",
  group: "coordination",
  summary: "run a command while we lead, and stand again when it has ended; or only watch who leads",
  details: [
    "The engine is that of zk lock: process group, signals, deadline and exit codes are the same. The command gets no terminal: Ctrl-C ends the candidacy, not a term alone, and what asks at /dev/tty, as sudo and ssh do, cannot. The election is shared with Curator's LeaderSelector, with --latch with its LeaderLatch, with --dialect kazoo with kazoo's Election; a directory that is used in another way is refused. --restart says when we stand for election again after the command has ended. A leadership that was lost is stood for again, unless --restart is never.",
    "With --observe nothing is run and nobody stands: each change of the leader is one event, whatever library it uses.",
  ],
  examples: [
    { command: "zk elect /leader -- ./server", does: "the server of the leader" },
    { command: "zk elect /leader --restart always -- ./worker", does: "again and again" },
    { command: "zk elect /leader --observe --json", does: "who leads, one object for each change" },
    { command: "zk elect /leader --latch -- ./server", does: "beside Java programs that use a LeaderLatch" },
    { command: "zk elect /leader --resign-after 1h -- ./batch", does: "let others lead, too" },
  ],
  arguments: {
    path: argument("the election's own directory; made when it is needed", "path"),
    command: anyNumber("behind --: the command and its arguments"),
  },
  options: {
    restart: choice(
      ["never", "on-failure", "always"],
      "on-failure",
      "when to stand again after the command has ended",
    ),
    latch: flag("the layout of Curator's LeaderLatch"),
    dialect: choice(DIALECTS, "curator", "whose names are written: all candidates need the same"),
    observe: flag("tell who leads, and stand for nothing"),
    once: flag("with --observe: only who leads now"),
    resignAfter: duration("TIME", "end the command and let others lead, after so long"),
    onSuspend: choice(
      SUSPEND_POLICIES,
      "continue",
      "what becomes of the command while the connection is in doubt",
    ),
    killAfter: duration("TIME", "time between TERM and KILL", {
      defaultText: "5, at most a third of the session timeout",
    }),
    data: text("TEXT", "what others see of us; default: host and process"),
  },
  writes: (run) => !run.options.observe,
  exits: [
    [1, "with --observe --once: nobody leads"],
    [75, "the leadership was lost, and --restart is never"],
  ],
  output: {
    form: "stream",
    fields: [
      {
        name: "event",
        type: "text",
        means:
          "leader or none (--observe); elected, resigned or lost of ourselves, on stderr, as stdout is the command's",
      },
      { name: "path", type: "text", means: "the election" },
      { name: "node", type: "text or null", means: "the leader's znode" },
      { name: "data", type: "text or null", means: "what it says of itself" },
      { name: "session", type: "text or null", means: "its session" },
      { name: "fence", type: "text or null", means: "its fencing token" },
      { name: "exitCode", type: "number or null", means: "the command's own, when it has ended" },
      { name: "at", type: "text", means: "when we heard of it" },
    ],
    plain: ["event", "data", "session"],
  },
  async *run(run): AsyncGenerator<Leadership> {
    const { path, command } = run.arguments;
    const { options, signal } = run;
    if (options.observe && command.length > 0) throw new UsageError("--observe runs no command");
    if (options.once && !options.observe) throw new UsageError("--once goes with --observe");
    if (options.latch && options.dialect === "kazoo")
      throw new UsageError("--latch is a layout of Curator: kazoo has none of that kind");
    if (!options.observe && command.length === 0)
      throw new UsageError("there is no command to run", "zk elect PATH -- COMMAND, or --observe");
    const client = await run.connect();
    if (options.observe) {
      yield* observe(client, path, options.once, run);
      return;
    }
    const tell = (event: Leadership): void => {
      if (run.isJson) run.io.stderr.write(`${JSON.stringify({ schema: "zk.elect/1", ...event })}\n`);
      else run.note(`${event.event}${event.fence === null ? "" : ` (fence ${event.fence})`}`);
    };
    const identity = options.data ?? `${hostname()} ${process.pid}`;
    let pauseMs = BACKOFF_MS;
    // Whether a person or a supervisor has told us to end: then nobody stands again.
    let wasEnded = false;
    for (;;) {
      if (client.state === "expired") await client.connect({ signal });
      run.note(`standing for ${path}`);
      const hold = await standForElection(client, path, run, {
        identity,
        dialect: options.dialect,
        latch: options.latch,
      });
      const about = {
        path,
        node: hold.path,
        data: identity,
        session: hex(hold.sessionId),
        fence: hex(hold.token),
        exitCode: null,
      };
      tell({ event: "elected", ...about, at: now() });
      const began = performance.now();
      const resign = new AbortController();
      const timer =
        options.resignAfter === undefined
          ? undefined
          : setTimeout(() => resign.abort(new Interruption("SIGTERM", 15)), options.resignAfter);
      try {
        const end = await runGuarded(client, hold, {
          words: command,
          env: { ...heldEnvironment(run.io.env, path, hold), ZK_ELECT_PATH: path },
          onSuspend: options.onSuspend,
          killAfterMs: options.killAfter ?? 5_000,
          isKillAfterGiven: options.killAfter !== undefined,
          onLost: undefined,
          isNested: run.io.env["ZK_LOCK_HELD"] === "1",
          // Ctrl-C has to end the candidacy, not the term alone.
          isOnTerminal: false,
          signal: AbortSignal.any([signal, resign.signal]),
          takeSignals:
            run.io.takeSignals === undefined
              ? undefined
              : (signals, take) =>
                  run.io.takeSignals!(signals, (each) => {
                    if (["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"].includes(each)) wasEnded = true;
                    return take(each);
                  }),
          note: run.note,
          warn: run.warn,
        });
        tell({ event: end.isLost ? "lost" : "resigned", ...about, exitCode: end.child.code, at: now() });
        const hasResigned = resign.signal.aborted && !end.isLost;
        const again =
          !wasEnded &&
          !signal.aborted &&
          (hasResigned ||
            (options.restart !== "never" &&
              (end.isLost || options.restart === "always" || end.child.exitCode !== 0)));
        if (!again) {
          run.endWith(end.isLost ? ExitCode.LOCK_LOST : end.child.exitCode);
          return;
        }
        if (hasResigned || performance.now() - began > SETTLED_MS) pauseMs = BACKOFF_MS;
      } finally {
        clearTimeout(timer);
        await hold.release();
      }
      await sleep(pauseMs, signal);
      pauseMs = Math.min(BACKOFF_MAX_MS, pauseMs * 2);
    }
  },
  human({ event, data, session }, screen) {
    screen.line(
      event === "none" ? "nobody leads" : `${visible(data ?? "")}  ${screen.paint("dim", session ?? "")}`,
    );
  },
  plain: ({ event, data, session }) => [[event, data, session]],
});

function now(): string {
  return new Date().toISOString();
}

/** Each leader in turn; `once` only that of now. Candidates of every layout count. */
async function* observe(
  client: Client,
  path: string,
  once: boolean,
  run: { readonly signal: AbortSignal; endWith(exitCode: number): void },
): AsyncGenerator<Leadership> {
  const { signal } = run;
  const election = new Election(client, path, { contenders: "any" });
  const forget = renewSessions(client, signal);
  try {
    if (once) {
      const leader = await election.leader({ signal });
      if (leader === null) run.endWith(ExitCode.FALSE);
      yield toldLeader(path, leader);
      return;
    }
    for await (const leader of election.observe({ signal })) yield toldLeader(path, leader);
  } finally {
    forget();
  }
}

function toldLeader(path: string, leader: Candidate | null): Leadership {
  return {
    event: leader === null ? "none" : "leader",
    path,
    node: leader?.path ?? null,
    data: leader?.id ?? null,
    session: leader === null ? null : hex(leader.sessionId),
    fence: leader === null ? null : hex(leader.token),
    exitCode: null,
    at: now(),
  };
}
