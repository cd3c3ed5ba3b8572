import { isRecipeError, Queue } from "@zk/recipes";
import { Child, stdoutBesideRecords } from "../../coordination/child.js";
import { findProgram } from "../../coordination/find-program.js";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, count, duration, flag, optional, text, whole } from "../../definition/specs.js";
import { readValue } from "../../input/value.js";
import { printData } from "../../output/data-view.js";
import { hex } from "../../output/figures.js";
import { jsonData } from "../../output/json.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";

export const queuePut: Command = defineCommand({
  name: "queue put",
  group: "coordination",
  summary: "put an item into a queue, exactly once even when an answer is lost",
  details: ["The layout is that of Curator's DistributedQueue; with --priority that of its priority queue."],
  examples: [
    { command: "zk queue put /queue @job.json", does: "a file" },
    { command: "echo one | zk queue put /queue -", does: "stdin" },
  ],
  arguments: {
    path: argument("the queue", "path"),
    value: optional("a text, - for stdin, @FILE for a file"),
  },
  options: {
    literal: flag("take VALUE as it is, also - and @…"),
    priority: whole("N", "smaller numbers are first", { min: -2_147_483_648, max: 2_147_483_647 }),
  },
  writes: true,
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the queue" },
      { name: "names", type: "list", means: "the znodes of what was put" },
    ],
    plain: ["name"],
  },
  async run(run) {
    const { path, value } = run.arguments;
    const { priority, literal } = run.options;
    const data = await readValue(value, { literal }, run.io, run.note, run.signal);
    const client = await run.connect();
    const queue = new Queue(client, path, priority === undefined ? {} : { order: "priority" });
    const { names } = await queue.put(data ?? new Uint8Array(), {
      signal: run.signal,
      ...(priority === undefined ? {} : { priority }),
    });
    return { path, names: names ?? [] };
  },
  human({ names }, screen) {
    for (const name of names) screen.line(visible(name));
  },
  plain: ({ names }) => names.map((name) => [name]),
});

interface Taken {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deliveries: number;
  readonly exitCode: number | null;
}

export const queueTake: Command = defineCommand({
  name: "queue take",
  group: "coordination",
  summary: "take items from a queue, and with --exec acknowledge each only when a command has succeeded",
  details: [
    "Without --exec an item is out of the queue before it is printed. With --exec it is claimed, the command gets its data on stdin, and only the exit code 0 takes it out; anything else, our death included, gives it back to others. What it writes to stdout goes to stderr with --json and --plain.",
  ],
  examples: [
    { command: "zk queue take /queue > job.json", does: "one item; waits for it" },
    { command: "zk queue take /queue -n", does: "exit 1 if there is none" },
    { command: "zk queue take /queue --exec ./work --count 0", does: "work for ever" },
  ],
  arguments: { path: argument("the queue", "path") },
  options: {
    nonblock: flag("do not wait", "n"),
    wait: duration("TIME", "how long to wait for an item at most", { short: "w" }),
    count: count("N", 1, "items to take; 0 for no end"),
    exec: text("COMMAND", "run it for each item; words are split at blanks"),
    priority: flag("a queue with priorities"),
  },
  writes: true,
  exits: [[1, "there was no item in time"]],
  output: {
    form: "stream",
    fields: [
      { name: "name", type: "text", means: "the item's znode" },
      { name: "data", type: "text", means: "its data; dataBase64 instead when it is not UTF-8" },
      { name: "deliveries", type: "number", means: "how often it was handed out" },
      { name: "exitCode", type: "number or null", means: "of --exec; 0 took it out of the queue" },
    ],
  },
  async *run(run): AsyncGenerator<Taken> {
    const { path } = run.arguments;
    const { options, signal } = run;
    if (options.nonblock && options.wait !== undefined) throw new UsageError("-n and -w exclude each other");
    const words = options.exec?.split(/\s+/).filter(Boolean);
    // Not once an item is claimed for it.
    if (words !== undefined) findProgram(words[0] ?? "", run.io.env);
    const client = await run.connect();
    const queue = new Queue(client, path, options.priority ? { order: "priority" } : {});
    const ack = options.exec === undefined ? "before" : "manual";
    for (let taken = 0; options.count === 0 || taken < options.count; taken++) {
      const limit = options.wait === undefined ? {} : { timeoutMs: options.wait };
      const item = options.nonblock
        ? await queue.tryTake({ signal, ack })
        : await queue.take({ signal, ack, ...limit }).catch((error: unknown) => {
            if (isRecipeError(error, "WAIT_TIMEOUT")) return null;
            throw error;
          });
      if (item === null) {
        if (taken === 0) run.endWith(1);
        run.note("there is no item");
        return;
      }
      let exitCode: number | null = null;
      if (words !== undefined) {
        const child = await Child.start(words, run.io.env, item.value, { stdout: stdoutBesideRecords(run) });
        ({ exitCode } = await child.ended);
        if (exitCode === 0) await item.ack();
        else await item.release();
      }
      yield { name: item.name, data: item.value, deliveries: item.deliveries, exitCode };
      if (exitCode !== null && exitCode !== 0) {
        run.endWith(exitCode);
        return;
      }
    }
  },
  async human({ data, name, exitCode }, screen, run) {
    if (exitCode === null) await printData(screen, data, { hex: false, base64: false, raw: false });
    else
      run.note(
        `${visible(name)}: ${exitCode === 0 ? "done" : `given back, the command ended with ${exitCode}`}`,
      );
  },
  json: ({ name, data, deliveries, exitCode }) => ({ name, ...jsonData(data), deliveries, exitCode }),
});

export const queueList: Command = defineCommand({
  name: "queue ls",
  group: "coordination",
  summary: "list the items of a queue in their order, and who works on them",
  examples: [{ command: "zk queue ls /queue", does: "names, and sessions of those that work" }],
  arguments: { path: argument("the queue", "path") },
  options: { priority: flag("a queue with priorities") },
  exits: [[3, "the queue is not there"]],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the queue" },
      { name: "items", type: "list", means: "name, and session of who works on it (null when nobody does)" },
    ],
    plain: ["name", "session"],
  },
  async run(run) {
    const client = await run.connect();
    // A queue makes its znode where there is none; who only looks makes nothing.
    await client.getChildren(run.arguments.path, { signal: run.signal });
    const queue = new Queue(client, run.arguments.path, run.options.priority ? { order: "priority" } : {});
    const items = await queue.inspect({ signal: run.signal });
    return {
      path: run.arguments.path,
      items: items.map(({ name, claim }) => ({
        name,
        session: claim === undefined ? null : hex(claim.sessionId),
      })),
    };
  },
  human({ items }, screen, run) {
    for (const { name, session } of items)
      screen.line(
        `${visible(name)}${session === null ? "" : `  ${screen.paint("yellow", `claimed by ${session}`)}`}`,
      );
    if (items.length === 0) run.note("the queue is empty");
  },
  plain: ({ items }) => items.map(({ name, session }) => [name, session]),
});
