import { hostname } from "node:os";
import { acquireLock } from "../../coordination/contests.js";
import { type GuardedEnd, runGuarded, SUSPEND_POLICIES } from "../../coordination/guarded-run.js";
import { heldEnvironment } from "../../coordination/held.js";
import { DIALECTS } from "../../coordination/layouts.js";
import { heldByOurs, runNested } from "../../coordination/nested-run.js";
import { isWholeTerminal } from "../../coordination/terminal-job.js";
import { type Command, defineCommand } from "../../definition/command.js";
import { anyNumber, argument, choice, duration, flag, text, whole } from "../../definition/specs.js";
import { hex } from "../../output/figures.js";
import { UsageError } from "../../program/errors.js";
import { ExitCode } from "../../program/exit-codes.js";

interface LockEnd {
  readonly path: string;
  readonly node: string | null;
  readonly fence: string | null;
  readonly acquired: boolean;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly lost: boolean;
}

export const lock: Command = defineCommand({
  name: "lock",
  group: "coordination",
  summary: "run a command while a lock is held that one has at a time in the whole ensemble",
  details: [
    "The command runs without a shell, in a process group of its own, with our stdin, stdout and stderr; its exit code is ours. Where the terminal is stdin, stdout and stderr it is in front: the keys are its own, and sudo or ssh can ask for a password; this takes Linux and dash or busybox. Elsewhere it cannot open /dev/tty. Signals go to the group; while we wait they take us out of the line. Nothing of the group outlives the lock.",
    "When the session could end, TERM goes to the group so early that KILL (--kill-after) still comes before a server can give the lock away, by our own clock; the exit code is 75. --on-suspend says what happens before that, when only the connection is in doubt: pause stops the group until a server has said that the session is ours.",
    "Exclusive and shared (-s) holders exclude each other, as in flock(1). The layout is that of Curator's InterProcessReadWriteLock; with --mutex that of its InterProcessMutex, with --limit that of its InterProcessSemaphoreV2. A directory that is used in another way is refused.",
    "Should zk itself be killed, or stopped for so long that the session could end, a small process that it has started ends the group. On Ctrl-Z the group stands still with zk, and goes on only if the session has outlived that.",
    "The command finds ZK_LOCK_HELD=1, ZK_LOCK_PATH, ZK_LOCK_NODE, ZK_LOCK_SESSION and ZK_LOCK_FENCE. The fence grows with every holder: a store that refuses an older one than it has seen is safe even from a holder that was stopped for hours.",
  ],
  examples: [
    { command: "zk lock /locks/nightly -- ./nightly.sh", does: "wait, run, give back" },
    { command: "zk lock -n /locks/cron -- ./job", does: "only if it is free: exit 1 otherwise" },
    {
      command: "zk lock -w 30s -E 0 /locks/cron --min-hold 5s -- ./job",
      does: "for cron: wait a while, no failure, hold against drifting clocks",
    },
    { command: "zk lock -s /locks/data -- ./reader", does: "shared with other readers" },
    { command: "zk lock --limit 3 /locks/uploads -- ./upload", does: "three at a time" },
    {
      command: "zk lock --on-suspend pause /locks/db -- ./writer",
      does: "stand still while the connection is in doubt",
    },
  ],
  arguments: {
    path: argument("the lock's own directory; made when it is needed", "path"),
    command: anyNumber("behind --: the command and its arguments"),
  },
  options: {
    nonblock: flag("do not wait", "n"),
    wait: duration("TIME", "how long to wait at most", { short: "w" }),
    conflictCode: whole("CODE", "exit code when it was not got", { short: "E", max: 255, defaultText: "1" }),
    shared: flag("a shared (read) lock", "s"),
    mutex: flag("the layout of a lock without readers: Curator's InterProcessMutex, kazoo's Lock"),
    limit: whole("N", "a semaphore: so many may hold it at a time", { min: 1, max: 2 ** 31 - 1 }),
    dialect: choice(DIALECTS, "curator", "whose names are written: all who share the lock need the same"),
    reentrantEnv: flag(
      "run the command at once where ZK_LOCK_… say that it runs under this very lock already",
    ),
    onSuspend: choice(
      SUSPEND_POLICIES,
      "continue",
      "what becomes of the command while the connection is in doubt",
    ),
    onLost: text("COMMAND", "run by /bin/sh when the lock is lost"),
    killAfter: duration("TIME", "time between TERM and KILL", {
      defaultText: "5, at most a third of the session timeout",
    }),
    minHold: duration("TIME", "hold it at least so long"),
    data: text("TEXT", "what others see of us; default: host and process"),
  },
  writes: true,
  exits: [
    [1, "not got (-n, -w; another code by -E)"],
    [75, "the lock was lost while the command ran, and the command was stopped"],
    [126, "the command cannot be run"],
    [127, "there is no such command"],
  ],
  output: {
    form: "document",
    fields: [
      {
        name: "path",
        type: "text",
        means: "the lock; all this is printed on stderr, as stdout is the command's",
      },
      { name: "node", type: "text or null", means: "our znode in the line" },
      { name: "fence", type: "text or null", means: "the fencing token" },
      { name: "acquired", type: "true or false", means: "whether we had it" },
      { name: "exitCode", type: "number or null", means: "the command's own" },
      { name: "signal", type: "text or null", means: "what ended the command" },
      { name: "lost", type: "true or false", means: "whether the lock was lost meanwhile" },
    ],
  },
  async run(run): Promise<LockEnd> {
    const { path, command } = run.arguments;
    const { options } = run;
    if (command.length === 0)
      throw new UsageError(
        "there is no command to run",
        "zk lock PATH -- COMMAND; zk lock ls PATH shows who holds it",
      );
    if (options.nonblock && options.wait !== undefined) throw new UsageError("-n and -w exclude each other");
    const kinds = [options.mutex && "--mutex", options.shared && "--shared", options.limit && "--limit"];
    const [kind, other] = kinds.filter(Boolean);
    if (other) throw new UsageError(`${kind} and ${other} exclude each other`);
    const client = await run.connect();
    const ours = options.reentrantEnv ? await heldByOurs(client, path, options, run) : undefined;
    if (ours !== undefined) {
      const { code, signal, exitCode } = await runNested(command, run);
      run.endWith(exitCode);
      return { path, ...ours, acquired: true, exitCode: code, signal, lost: false };
    }
    const hold = await acquireLock(client, path, run, {
      identity: options.data ?? `${hostname()} ${process.pid}`,
      dialect: options.dialect,
      shared: options.shared,
      mutex: options.mutex,
      limit: options.limit,
      waitMs: options.nonblock ? 0 : options.wait,
    });
    if (hold === null) {
      run.note(`the lock ${path} is not to be had`);
      run.endWith(options.conflictCode ?? ExitCode.FALSE);
      return { path, node: null, fence: null, acquired: false, exitCode: null, signal: null, lost: false };
    }
    const began = performance.now();
    let end: GuardedEnd;
    try {
      end = await runGuarded(client, hold, {
        words: command,
        env: heldEnvironment(run.io.env, path, hold),
        onSuspend: options.onSuspend,
        killAfterMs: options.killAfter ?? 5_000,
        isKillAfterGiven: options.killAfter !== undefined,
        onLost: options.onLost,
        isNested: run.io.env["ZK_LOCK_HELD"] === "1",
        isOnTerminal: isWholeTerminal(run.io),
        signal: run.signal,
        takeSignals: run.io.takeSignals,
        note: run.note,
        warn: run.warn,
      });
      const restMs = (options.minHold ?? 0) - (performance.now() - began);
      if (restMs > 0 && !end.isLost && hold.state === "held") await sleep(restMs, run.signal);
    } finally {
      await hold.release();
    }
    run.endWith(end.isLost ? ExitCode.LOCK_LOST : end.child.exitCode);
    return {
      path,
      node: hold.path,
      fence: hex(hold.token),
      acquired: true,
      exitCode: end.child.code,
      signal: end.child.signal,
      lost: end.isLost,
    };
  },
  human: () => {},
  // stdout is the command's.
  json: (data, run) => {
    run.io.stderr.write(`${JSON.stringify({ schema: "zk.lock/1", ...data })}\n`);
    return undefined;
  },
});

/** Rejects with the signal's reason. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
}
