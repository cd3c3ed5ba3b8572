import { spawn } from "node:child_process";
import type { WatchChange } from "@zk/client";
import { stdoutBesideRecords } from "../../coordination/child.js";
import { findProgram, notExecutable, notFound } from "../../coordination/find-program.js";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, choice, duration, flag, text, whole } from "../../definition/specs.js";
import { takeOption } from "../../definition/zk-cli-words.js";
import { hex } from "../../output/figures.js";
import { jsonData, jsonStat } from "../../output/json.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";

const COLOURS = {
  NodeCreated: "green",
  NodeDeleted: "red",
  NodeDataChanged: "yellow",
  NodeChildrenChanged: "cyan",
  Initial: "dim",
} as const;

interface Event {
  readonly type: WatchChange["type"] | "Initial";
  readonly path: string;
  readonly stat: WatchChange["stat"];
  readonly data: Uint8Array | null | undefined;
  readonly mode: "emulated" | "persistent";
  /** Told of what changed while the connection was away. */
  readonly catchUp: boolean;
  readonly at: string;
}

export const watch: Command = defineCommand({
  name: "watch",
  group: "coordination",
  summary: "tell of changes of a znode, or of everything below it, and run a command for each",
  details: [
    "Goes on over reconnects and the death of servers. Where one-shot watches have to be set again and again, changes in quick succession may be told as one: each event says so (mode: emulated). What changed while the connection was away is told when it is back (catchUp).",
    "The command of --exec runs without a shell, one at a time: the event as JSON on its stdin, and ZK_EVENT, ZK_PATH and ZK_ZXID in its environment. --on-busy says what becomes of events that come while it runs. What it writes to stdout goes to stderr with --json and --plain.",
  ],
  examples: [
    { command: "zk watch /config/db", does: "its data and its children" },
    { command: "zk watch -r /config --json", does: "everything below, one object a line" },
    { command: "zk watch /flags/reload --once && systemctl reload app", does: "wait for one change" },
    {
      command: "zk watch -r /config --exec ./apply.sh --debounce 1s",
      does: "run a program, once for a burst",
    },
  ],
  arguments: { path: argument("the znode; it need not be there yet", "path") },
  options: {
    recursive: flag("everything below as well", "r"),
    data: flag("the data with each event, if it is still there"),
    children: flag("without -r: only changes of the children"),
    once: flag("end after the first event"),
    count: whole("N", "end after so many", { min: 1 }),
    initial: flag("begin with what is there"),
    exec: text("COMMAND", "run it for each event; words are split at blanks"),
    debounce: duration(
      "TIME",
      "wait until nothing has happened for so long, and tell of the last event of each znode only",
    ),
    onBusy: choice(
      ["queue", "skip", "restart"],
      "queue",
      "events that come while the command runs: wait, are dropped, or end it",
    ),
    exitOnFailure: flag("end with the command's code when that is not 0"),
  },
  oldSpellings: [
    {
      word: "addWatch",
      gives: ["--recursive"],
      rewrites(words) {
        const { value: mode = "PERSISTENT_RECURSIVE", others } = takeOption(words, "-m");
        if (mode !== "PERSISTENT" && mode !== "PERSISTENT_RECURSIVE")
          throw new UsageError(`-m is PERSISTENT or PERSISTENT_RECURSIVE, not ${JSON.stringify(mode)}`);
        return mode === "PERSISTENT" ? others : ["--recursive", ...others];
      },
    },
  ],
  exits: [
    [7, "the session expired; changes may have been missed"],
    [126, "the command of --exec cannot be run; said before the watch begins"],
    [127, "there is no such command"],
  ],
  output: {
    form: "stream",
    fields: [
      {
        name: "type",
        type: "text",
        means: "NodeCreated, NodeDeleted, NodeDataChanged, NodeChildrenChanged, or with --initial Initial",
      },
      { name: "path", type: "text", means: "the znode" },
      { name: "stat", type: "stat or null", means: "after the change; null when it is gone" },
      { name: "data", type: "text or null", means: "with --data; dataBase64 instead when it is not UTF-8" },
      {
        name: "mode",
        type: "text",
        means: "emulated: changes in quick succession may be told as one; persistent: they are not",
      },
      {
        name: "catchUp",
        type: "true or false",
        means: "whether it tells of what happened while the connection was away",
      },
      { name: "at", type: "text", means: "when we heard of it" },
    ],
    plain: ["type", "path", "zxid"],
  },
  async *run(run): AsyncGenerator<Event> {
    const { path } = run.arguments;
    const { options, signal } = run;
    if (options.recursive && options.children)
      throw new UsageError("--recursive tells of children by themselves");
    const words = options.exec?.split(/\s+/).filter(Boolean);
    // Not at the first event, which may come in the night.
    if (words !== undefined) findProgram(words[0] ?? "", run.io.env);
    const client = await run.connect();
    const runner =
      words === undefined
        ? undefined
        : new Runner(words, options.onBusy, run.io.env, signal, stdoutBesideRecords(run));
    let isCatchingUp = false;
    let backAtMs = Number.NEGATIVE_INFINITY;
    const onState = (state: string): void => {
      if (state === "suspended") isCatchingUp = true;
      if (state === "connected" && isCatchingUp) {
        isCatchingUp = false;
        backAtMs = performance.now();
        run.note("connected again");
      } else if (state === "suspended")
        run.note("the connection is lost; changes will be told when it is back");
    };
    client.on("state", onState);
    const stream = client.watch(path, { recursive: options.recursive, signal });
    const limit = options.once ? 1 : (options.count ?? Number.POSITIVE_INFINITY);
    const eventOf = async (type: Event["type"], at: string, stat: Event["stat"]): Promise<Event> => {
      const data =
        options.data && stat !== null
          ? await client.getData(at, { signal }).then(
              (read) => read.data,
              () => undefined,
            )
          : undefined;
      const catchUp = isCatchingUp || performance.now() - backAtMs < CATCH_UP_MS;
      return {
        type,
        path: at,
        stat,
        data,
        mode: stream.emulated ? "emulated" : "persistent",
        catchUp,
        at: new Date().toISOString(),
      };
    };
    const wants = (type: Event["type"]): boolean =>
      options.children ? type === "NodeChildrenChanged" : true;
    try {
      await stream.ready;
      run.note(`watching ${visible(path)}`);
      let told = 0;
      if (options.initial) {
        const stat = await client.exists(path, { signal });
        if (stat !== null) yield await eventOf("Initial", path, stat);
      }
      for await (const change of debounced(stream, options.debounce)) {
        if (!wants(change.type)) continue;
        const event = await eventOf(change.type, change.path, change.stat);
        yield event;
        const failed = await runner?.take(event);
        if (failed !== undefined && options.exitOnFailure) {
          run.endWith(failed);
          return;
        }
        if (++told >= limit) break;
      }
      const failed = await runner?.finish();
      if (failed !== undefined && options.exitOnFailure) run.endWith(failed);
    } finally {
      client.off("state", onState);
      stream.close();
      runner?.stop();
    }
  },
  human({ type, path, stat, data, catchUp, at }, screen) {
    const more = [stat === null ? "" : `v${stat.version}`, catchUp ? "(while away)" : ""]
      .filter(Boolean)
      .join(" ");
    screen.line(
      `${screen.paint("dim", at)}  ${screen.paint(COLOURS[type], type.padEnd(19))}  ${visible(path)}${more === "" ? "" : `  ${screen.paint("dim", more)}`}`,
    );
    if (data !== undefined && data !== null)
      screen.line(`    ${visible(Buffer.from(data).toString("utf8").slice(0, 200))}`);
  },
  plain: ({ type, path, stat }) => [[type, path, stat === null ? null : hex(stat.mzxid)]],
  json: (event) => jsonEvent(event),
});

/** Changes that arrive so soon after a reconnect happened before it, as far as anybody can tell. In milliseconds. */
const CATCH_UP_MS = 500;

function jsonEvent({ type, path, stat, data, mode, catchUp, at }: Event): Record<string, unknown> {
  return {
    type,
    path,
    stat: stat === null ? null : jsonStat(stat),
    ...(data === undefined ? {} : jsonData(data)),
    mode,
    catchUp,
    at,
  };
}

/** The last change of each znode, once nothing has happened for so long. */
async function* debounced(
  stream: AsyncIterable<WatchChange>,
  quietMs: number | undefined,
): AsyncGenerator<WatchChange> {
  if (quietMs === undefined) {
    yield* stream;
    return;
  }
  const iterator = stream[Symbol.asyncIterator]();
  const waiting = new Map<string, WatchChange>();
  let next = iterator.next();
  for (;;) {
    let timer: NodeJS.Timeout | undefined;
    const quiet = new Promise<"quiet">((resolve) => {
      if (waiting.size > 0) timer = setTimeout(() => resolve("quiet"), quietMs);
    });
    const first = await Promise.race([next, quiet]);
    clearTimeout(timer);
    if (first === "quiet") {
      const changes = [...waiting.values()];
      waiting.clear();
      yield* changes;
      continue;
    }
    if (first.done) {
      yield* waiting.values();
      return;
    }
    // Behind the others of its burst.
    waiting.delete(first.value.path);
    waiting.set(first.value.path, first.value);
    next = iterator.next();
  }
}

/** Runs a command for events, one at a time. */
class Runner {
  readonly #words: readonly string[];
  readonly #onBusy: "queue" | "skip" | "restart";
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #signal: AbortSignal;
  readonly #stdout: "inherit" | 2;
  #running: { readonly stop: () => void; readonly ended: Promise<number> } | undefined;
  #failed: number | undefined;

  constructor(
    words: readonly string[],
    onBusy: "queue" | "skip" | "restart",
    env: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
    stdout: "inherit" | 2,
  ) {
    this.#words = words;
    this.#stdout = stdout;
    this.#onBusy = onBusy;
    this.#env = env;
    this.#signal = signal;
  }

  /** @returns the code of a run that has failed. @throws CliError when the command cannot be started */
  async take(event: Event): Promise<number | undefined> {
    if (this.#running !== undefined) {
      if (this.#onBusy === "skip") return this.#failed;
      if (this.#onBusy === "restart") this.#running.stop();
      await this.#running.ended;
    }
    this.#running = await this.#start(event);
    // Only who waits in line has to know how it ended before the next event is looked at.
    if (this.#onBusy === "queue") await this.#running.ended;
    return this.#failed;
  }

  async finish(): Promise<number | undefined> {
    await this.#running?.ended;
    return this.#failed;
  }

  stop(): void {
    this.#running?.stop();
  }

  async #start(event: Event): Promise<{ readonly stop: () => void; readonly ended: Promise<number> }> {
    const [program = "", ...rest] = this.#words;
    const env = {
      ...this.#env,
      ZK_EVENT: event.type,
      ZK_PATH: event.path,
      ZK_ZXID: event.stat === null ? "" : hex(event.stat.mzxid),
    };
    const child = spawn(program, rest, {
      stdio: ["pipe", this.#stdout, "inherit"],
      env: env as NodeJS.ProcessEnv,
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error: NodeJS.ErrnoException) => {
        reject(error.code === "ENOENT" ? notFound(program) : notExecutable(program, error.message));
      });
    });
    let isStopped = false;
    const stop = (): void => {
      isStopped = true;
      child.kill("SIGTERM");
    };
    this.#signal.addEventListener("abort", stop, { once: true });
    // A command that does not read is no failure.
    child.stdin?.on("error", () => {});
    child.stdin?.end(`${JSON.stringify(jsonEvent(event))}\n`);
    const ended = new Promise<number>((resolve) => {
      child.once("close", (code) => {
        this.#signal.removeEventListener("abort", stop);
        this.#running = undefined;
        const exitCode = code ?? (isStopped ? 0 : 1);
        if (exitCode !== 0 && !isStopped) this.#failed = exitCode;
        resolve(exitCode);
      });
    });
    return { stop, ended };
  }
}
