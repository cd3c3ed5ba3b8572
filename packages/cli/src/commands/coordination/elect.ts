import { hostname } from "node:os";
import { type Client, isZkError } from "@zk/client";
import { joinPath } from "@zk/protocol";
import { sortContenders } from "@zk/recipes";
import { runGuarded, SUSPEND_POLICIES } from "../../coordination/guarded-run.js";
import { type Command, defineCommand } from "../../definition/command.js";
import { anyNumber, argument, choice, duration, flag, text } from "../../definition/specs.js";
import { hex } from "../../output/figures.js";
import { utf8OrUndefined } from "../../output/json.js";
import { visible } from "../../output/visible.js";
import { Interruption, UsageError } from "../../program/errors.js";
import { ExitCode } from "../../program/exit-codes.js";
import { acquire, lockEnvironment, sleep } from "./lock.js";

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
    "The engine is that of zk lock: process group, signals, deadline and exit codes are the same, and the layout is that of zk lock --mutex. --restart says when we stand for election again after the command has ended. A leadership that was lost is stood for again, unless --restart is never.",
    "With --observe nothing is run and nobody stands: each change of the leader is one event.",
  ],
  examples: [
    { command: "zk elect /leader -- ./server", does: "the server of the leader" },
    { command: "zk elect /leader --restart always -- ./worker", does: "again and again" },
    { command: "zk elect /leader --observe --json", does: "who leads, one object for each change" },
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
    const client = await run.connect();
    if (options.observe) {
      if (command.length > 0) throw new UsageError("--observe runs no command");
      yield* observe(client, path, options.once, run);
      return;
    }
    if (command.length === 0)
      throw new UsageError("there is no command to run", "zk elect PATH -- COMMAND, or --observe");
    const tell = (event: Leadership): void => {
      if (run.isJson) run.io.stderr.write(`${JSON.stringify({ schema: "zk.elect/1", ...event })}\n`);
      else run.note(`${event.event}${event.fence === null ? "" : ` (fence ${event.fence})`}`);
    };
    let pauseMs = BACKOFF_MS;
    // Whether a person or a supervisor has told us to end: then nobody stands again.
    let wasEnded = false;
    for (;;) {
      if (client.state === "expired") await client.connect({ signal });
      const hold = await acquire(client, path, run, {
        identity: options.data ?? `${hostname()} ${process.pid}`,
        shared: false,
        mutex: true,
        waitMs: undefined,
      });
      if (hold === null) return;
      const about = {
        path,
        node: hold.path,
        data: null,
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
          env: { ...lockEnvironment(run.io.env, path, hold), ZK_ELECT_PATH: path },
          onSuspend: options.onSuspend,
          killAfterMs: options.killAfter ?? 5_000,
          isKillAfterGiven: options.killAfter !== undefined,
          onLost: undefined,
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

interface ObservingRun {
  readonly signal: AbortSignal;
  endWith(exitCode: number): void;
}

async function* observe(
  client: Client,
  path: string,
  once: boolean,
  run: ObservingRun,
): AsyncGenerator<Leadership> {
  const stream = client.watch(path, { signal: run.signal });
  let last: string | undefined;
  try {
    await stream.ready;
    for (;;) {
      const leader = await leaderOf(client, path, run.signal);
      if ((leader.node ?? "") !== last) {
        last = leader.node ?? "";
        yield leader;
      }
      if (once) {
        if (leader.event === "none") run.endWith(1);
        return;
      }
      const { done } = await stream.next();
      if (done) return;
    }
  } finally {
    stream.close();
  }
}

async function leaderOf(client: Client, path: string, signal: AbortSignal): Promise<Leadership> {
  const none: Leadership = {
    event: "none",
    path,
    node: null,
    data: null,
    session: null,
    fence: null,
    exitCode: null,
    at: now(),
  };
  try {
    for (const { name } of sortContenders(await client.getChildren(path, { signal }))) {
      try {
        const { data, stat } = await client.getData(joinPath(path, name), { signal });
        return {
          ...none,
          event: "leader",
          node: joinPath(path, name),
          data: utf8OrUndefined(data ?? new Uint8Array()) ?? null,
          session: hex(stat.ephemeralOwner),
          fence: hex(stat.czxid),
        };
      } catch (error) {
        // It went between two reads: the next one leads.
        if (!isZkError(error, "NO_NODE")) throw error;
      }
    }
  } catch (error) {
    if (!isZkError(error, "NO_NODE")) throw error;
  }
  return none;
}
