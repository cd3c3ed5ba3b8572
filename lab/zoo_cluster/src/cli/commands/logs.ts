/** `lab logs`: the outputs of the servers, merged by time, and followed when asked. */
import { open, stat } from "node:fs/promises";
import type { Command } from "commander";
import type { Control } from "../../ensemble/control.js";
import { readTail } from "../../files.js";
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
      // Taken before the tails are read, so that nothing between the two is lost.
      const followers = await Promise.all(controls.map((control) => Follower.atEnd(control)));
      const count = options.lines ?? defaultLines;
      const records = await Promise.all(controls.map((control) => readRecords(control, count)));
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

async function readRecords(control: Control, count: number): Promise<LogRecord[]> {
  const text = await readTail(control.output.newest(), count * bytesPerLine);
  return parseRecords(control.server.id, text === "" ? [] : text.trimEnd().split("\n").slice(-count));
}

async function follow(
  followers: readonly Follower[],
  print: (id: number, line: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  while (signal?.aborted !== true) {
    for (const follower of followers) {
      for (const line of await follower.read()) print(follower.id, line);
    }
    // Ctrl-C is the way this command ends, not a failure of it.
    await pause(followEveryMs, signal).catch(() => {});
  }
}

/** Reads what is added to a server's output, also when a new run begins a new file. */
class Follower {
  readonly id: number;
  readonly #control: Control;
  #inode = 0;
  #position = 0;
  #rest = "";

  private constructor(control: Control) {
    this.id = control.server.id;
    this.#control = control;
  }

  static async atEnd(control: Control): Promise<Follower> {
    const follower = new Follower(control);
    const found = await stat(control.output.newest()).catch(() => null);
    if (found !== null) {
      follower.#inode = found.ino;
      follower.#position = found.size;
    }
    return follower;
  }

  async read(): Promise<string[]> {
    const path = this.#control.output.newest();
    const found = await stat(path).catch(() => null);
    if (found === null) return [];
    if (found.ino !== this.#inode || found.size < this.#position) {
      this.#inode = found.ino;
      this.#position = 0;
    }
    if (found.size === this.#position) return [];
    const file = await open(path, "r");
    try {
      const buffer = Buffer.alloc(Math.min(found.size - this.#position, 1_048_576));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#position);
      this.#position += bytesRead;
      const lines = (this.#rest + buffer.toString("utf8", 0, bytesRead)).split("\n");
      this.#rest = lines.pop() ?? "";
      return lines;
    } finally {
      await file.close();
    }
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
