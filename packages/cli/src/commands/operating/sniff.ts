import { resolve } from "node:path";
import { parseConnectionString } from "@zk/client";
import { Child, stdoutBesideRecords } from "../../coordination/child.js";
import { type Command, type CommandIo, defineCommand } from "../../definition/command.js";
import { anyNumber, duration, flag, text, texts, whole } from "../../definition/specs.js";
import { parseGlob } from "../../input/comparison.js";
import { readAll, readFile } from "../../input/value.js";
import { type TraceReport, traceOf } from "../../operating/capture-trace.js";
import { Injection } from "../../operating/injection.js";
import { readCapture } from "../../operating/packet-capture.js";
import { WireProxy } from "../../operating/proxy.js";
import { SniffSummary } from "../../operating/sniff-summary.js";
import type { WireRecord } from "../../operating/wire-reader.js";
import { plural } from "../../output/figures.js";
import { visible } from "../../output/visible.js";
import { UsageError } from "../../program/errors.js";

export const sniff: Command = defineCommand({
  name: "sniff",
  group: "operating",
  summary: "a proxy that shows what clients and a server say to each other, and can make trouble",
  details: [
    "Clients connect to it instead of the server; no rights are needed. Requests are paired with their answers; data and credentials are never shown, only their size. At the end, without --json and --plain, stderr has what it comes to: calls, failures and times of each operation, and the watches that were set and never fired.",
    "--inject makes faults: delay=TIME, drop (the request never arrives) or reset (the connection breaks), for requests by op=, path=GLOB, after=N requests that fit, at most times=N times.",
    "--read takes a capture instead, pcap as of tcpdump -w or pcapng as of Wireshark: connections that begin in it, to the port of --to, or to those of the settings. Nobody is connected to.",
    "With a command behind --, that is run with ZK_SERVERS set to the proxy, and its end is ours. What it writes to stdout goes to stderr with --json and --plain.",
  ],
  examples: [
    { command: "zk sniff --listen 127.0.0.1:2190", does: "then connect to 127.0.0.1:2190" },
    { command: "zk sniff -- ./app", does: "what one program says" },
    { command: "zk sniff --op setData --path '/config/**' --json", does: "only some, one object a line" },
    { command: "zk sniff --inject 'delay=2s,op=getData' -- ./app", does: "how it bears a slow server" },
    {
      command: "zk sniff --inject 'reset,op=create,times=1' -- ./app",
      does: "and a connection that breaks once",
    },
    {
      command: "tcpdump -i any -s 0 -w zk.pcap port 2181; zk sniff --read zk.pcap --failed",
      does: "what was refused, from captured packets",
    },
  ],
  oldSpellings: [{ word: "proxy", gives: [] }],
  arguments: { command: anyNumber("behind --: a command to run through the proxy") },
  options: {
    listen: text("HOST:PORT", "where clients connect; port 0 is a free one", { defaultText: "127.0.0.1:0" }),
    read: text("FILE", "captured packets instead of a proxy; - is stdin", { short: "r", kind: "file" }),
    to: text("HOST:PORT", "the server; default: the first one of the settings"),
    op: texts("NAME", "only these operations, as the client calls them: getData, setData, create, ping …"),
    path: text("GLOB", "only paths that match"),
    slow: duration("TIME", "only calls that took at least so long"),
    failed: flag("only calls that were refused or not answered"),
    pings: flag("also pings"),
    inject: texts("FAULT", "make a fault"),
    count: whole("N", "end after so many lines", { min: 1 }),
  },
  exits: [[6, "nobody can listen there"]],
  output: {
    form: "stream",
    fields: [
      { name: "kind", type: "text", means: "connected, call, event (a watch that fired) or unanswered" },
      { name: "connection", type: "number", means: "the client's connection, from 1" },
      { name: "xid", type: "number or null", means: "the request's number" },
      { name: "op", type: "text", means: "the operation, or the type of the event" },
      {
        name: "path",
        type: "text or null",
        means: "the znode, as the server knows it; of a transaction its first",
      },
      { name: "requestBytes", type: "number or null", means: "size of the request" },
      { name: "replyBytes", type: "number or null", means: "size of the answer" },
      { name: "watch", type: "true or false", means: "whether the request leaves a watch" },
      { name: "code", type: "text or null", means: "OK, or the server's refusal" },
      { name: "zxid", type: "text or null", means: "of the answer" },
      { name: "ms", type: "number or null", means: "between request and answer" },
    ],
    plain: ["kind", "connection", "op", "path", "code", "ms"],
  },
  async *run(run): AsyncGenerator<WireRecord> {
    const { options, signal } = run;
    if (options.read !== undefined) {
      if (run.arguments.command.length > 0 || options.listen !== undefined || options.inject.length > 0)
        throw new UsageError("--read shows what was: --listen, --inject and a command belong to the proxy");
      const summary = new SniffSummary();
      for await (const record of shown(traceOfFile(options.read, run), filterOf(options), options.count)) {
        summary.add(record);
        yield record;
      }
      tellSummary(summary, run);
      return;
    }
    const injections = options.inject.map((each) => Injection.parse(each));
    const wants = filterOf(options);
    const summary = new SniffSummary();
    const records: WireRecord[] = [];
    let wake: () => void = () => {};
    let exitCode: number | undefined;
    const proxy = await WireProxy.start({
      listen: addressOf(options.listen ?? "127.0.0.1:0", "--listen"),
      to:
        options.to === undefined
          ? parseConnectionString(run.settings.servers).servers[0]!
          : addressOf(options.to, "--to"),
      injections,
      onRecord: (record) => {
        if (!wants(record)) return;
        summary.add(record);
        records.push(record);
        wake();
      },
      onTrouble: (line) => run.warn(line),
    });
    const stop = (): void => wake();
    signal.addEventListener("abort", stop);
    let child: Child | undefined;
    try {
      run.note(`listening on ${proxy.address}`);
      if (run.arguments.command.length > 0) {
        const env = { ...run.io.env, ZK_SERVERS: proxy.address };
        const stdout = stdoutBesideRecords(run);
        child = await Child.start(run.arguments.command, env, "inherit", { stdout });
        void child.ended.then((end) => {
          ({ exitCode } = end);
          wake();
        });
      }
      for (let told = 0; ; ) {
        const record = records.shift();
        if (record !== undefined) {
          yield record;
          if (++told === options.count) return;
          continue;
        }
        signal.throwIfAborted();
        if (exitCode !== undefined) {
          run.endWith(exitCode);
          return;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (records.length > 0 || exitCode !== undefined || signal.aborted) resolve();
        });
      }
    } finally {
      signal.removeEventListener("abort", stop);
      if (child !== undefined && !child.isEnded) await child.end(2_000);
      await proxy.close();
      tellSummary(summary, run);
    }
  },
  human({ kind, connection, op, path, code, ms, watch, replyBytes }, screen) {
    const colour =
      kind === "event"
        ? "magenta"
        : kind === "unanswered" || (code !== null && code !== "OK")
          ? "red"
          : "green";
    const parts = [
      `#${connection}`.padEnd(4),
      screen.paint(colour, op.padEnd(18)),
      visible(path ?? ""),
      watch ? screen.paint("dim", "watch") : "",
      code === null || code === "OK" ? "" : code,
    ];
    screen.line(
      `${parts.filter(Boolean).join(" ")}${screen.paint("dim", `${kind === "unanswered" ? "  no answer" : ""}${ms === null ? "" : `  ${ms} ms`}${replyBytes === null ? "" : `  ${replyBytes} B`}`)}`,
    );
  },
  plain: ({ kind, connection, op, path, code, ms }) => [[kind, connection, op, path, code, ms]],
});

/** For people: a program has the records. */
function tellSummary(
  summary: SniffSummary,
  run: { readonly isJson: boolean; readonly isPlain: boolean; note(line: string): void },
): void {
  if (run.isJson || run.isPlain) return;
  for (const line of summary.lines()) run.note(visible(line));
}

interface ReadingRun {
  readonly options: { readonly to: string | undefined };
  readonly settings: { readonly servers: string };
  readonly io: CommandIo;
  readonly signal: AbortSignal;
  note(line: string): void;
  warn(line: string): void;
}

async function* traceOfFile(file: string, run: ReadingRun): AsyncGenerator<WireRecord> {
  const { to } = run.options;
  const ports =
    to === undefined
      ? parseConnectionString(run.settings.servers).servers.map(({ port }) => port)
      : [addressOf(to, "--to").port];
  const bytes = file === "-" ? await readAll(run.io.stdin, run.signal) : readFile(resolve(run.io.cwd, file));
  const report: TraceReport = { begunBefore: 0, broken: [] };
  let records = 0;
  for (const record of traceOf(readCapture(bytes, file), new Set(ports), report)) {
    run.signal.throwIfAborted();
    records++;
    yield record;
  }
  if (records === 0)
    run.note(`there is no connection to port ${ports.join(", ")} that begins in ${file} (--to)`);
  if (report.begunBefore > 0)
    run.warn(
      `${plural(report.begunBefore, "connection")} had begun before the capture, and cannot be read without its beginning`,
    );
  for (const line of report.broken) run.warn(visible(line));
}

async function* shown(
  records: AsyncIterable<WireRecord>,
  wants: (record: WireRecord) => boolean,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<WireRecord> {
  let told = 0;
  for await (const record of records) {
    if (!wants(record)) continue;
    yield record;
    if (++told >= limit) return;
  }
}

function addressOf(given: string, option: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(given);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new UsageError(`${option} must be HOST:PORT, not ${JSON.stringify(given)}`);
  return { host: match[1] ?? (match[2] || "127.0.0.1"), port };
}

function filterOf(options: {
  readonly op: readonly string[];
  readonly path: string | undefined;
  readonly slow: number | undefined;
  readonly failed: boolean;
  readonly pings: boolean;
}): (record: WireRecord) => boolean {
  const matches = options.path === undefined ? undefined : parseGlob(options.path);
  return ({ op, path, ms, code, kind }) => {
    if (op === "ping" && !options.pings && !options.op.includes("ping")) return false;
    if (options.op.length > 0 && !options.op.includes(op)) return false;
    if (matches !== undefined && (path === null || !matches(path))) return false;
    if (options.slow !== undefined && (ms === null || ms < options.slow)) return false;
    return !options.failed || kind === "unanswered" || (code !== null && code !== "OK");
  };
}
