/** `lab logs`: the outputs of the servers, merged by time, and followed when asked. */
import type { Command } from "commander";
import type { Control, Follower } from "../../ensemble/control.js";
import { openLab } from "../../lab/open-lab.js";
import { pause } from "../../wait.js";
import {
  type CommandContext,
  type CommonOptions,
  parseWhole,
  placeOf,
  withCommonOptions,
} from "../options.js";
import type { Colour, Terminal } from "../terminal.js";
import { findTargets } from "./targets.js";

/** Lines shown of each server unless told. */
export const defaultLines = 100;
/** Milliseconds between two looks at a followed file. */
const followEveryMs = 200;
const bytesPerLine = 400;

interface LogFlags extends CommonOptions {
  readonly follow?: boolean;
  readonly lines?: number;
}

/** Lines that belong together: the first has a time, the others (a stack trace) follow it. */
interface LogRecord {
  readonly id: number;
  readonly time: string;
  readonly lines: readonly string[];
}

interface FollowedServer {
  readonly id: number;
  readonly follower: Follower;
}

/** `lab logs` */
export function addLogs(program: Command, context: CommandContext): void {
  withCommonOptions(program.command("logs [server...]").description("what the servers wrote, merged by time"))
    .option("-f, --follow", "go on with what they write from now on, until Ctrl-C")
    .option("-n, --lines <count>", `lines of each server to begin with (${defaultLines})`, parseWhole)
    .action(async (named: string[], options: LogFlags) => {
      const { signal, terminal } = context;
      const lab = await openLab(placeOf(options, context), context, options);
      const words = named.length === 0 ? lab.servers.map(({ id }) => String(id)) : named;
      const controls = (await findTargets(lab, words, signal)).map(({ control }) => control);
      const print = printer(controls.length > 1, options.json === true, terminal);
      const count = options.lines ?? defaultLines;
      const followers = await Promise.all(controls.map((control) => followServer(control, count)));
      const records = followers.map((followed) => recordsBefore(followed, count));
      for (const record of mergeByTime(records)) for (const line of record.lines) print(record.id, line);
      if (options.follow === true) await follow(followers, print, signal);
    });
}

/** Records of several servers in the order of their times; those of one server keep their order. */
export function mergeByTime(servers: readonly (readonly LogRecord[])[]): LogRecord[] {
  // The time is an ISO date of the same machine: it sorts as text, and the sort is stable.
  return servers.flat().sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/** Cuts text into records. Lines before the first time get the empty time, which sorts first. */
export function parseRecords(id: number, lines: readonly string[]): LogRecord[] {
  const records: { id: number; time: string; lines: string[] }[] = [];
  for (const line of lines) {
    const time = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}/.exec(line)?.[0];
    const last = records.at(-1);
    if (time === undefined && last !== undefined) last.lines.push(line);
    else records.push({ id, time: time ?? "", lines: [line] });
  }
  return records;
}

function recordsBefore({ id, follower: { before } }: FollowedServer, count: number): LogRecord[] {
  const lines = before === "" ? [] : before.trimEnd().split("\n");
  return parseRecords(id, lines.slice(Math.max(0, lines.length - count)));
}

async function followServer({ server, output }: Control, count: number): Promise<FollowedServer> {
  return { id: server.id, follower: await output.follow(count * bytesPerLine) };
}

async function follow(
  followed: readonly FollowedServer[],
  print: (id: number, line: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  while (signal?.aborted !== true) {
    for (const { id, follower } of followed) {
      for (const line of await follower.read()) print(id, line);
    }
    // Ctrl-C is the way this command ends, not a failure of it.
    await pause(followEveryMs, signal).catch(() => {});
  }
}

function printer(
  isLabelled: boolean,
  isJson: boolean,
  terminal: Terminal,
): (id: number, line: string) => void {
  const colours: Colour[] = ["cyan", "yellow", "green"];
  return (id, line) => {
    if (isJson) terminal.printJsonLine({ server: id, line });
    else if (!isLabelled) terminal.print(line);
    else
      terminal.print(`${terminal.paint(colours[(id - 1) % colours.length] ?? "cyan", `zk${id} |`)} ${line}`);
  };
}
