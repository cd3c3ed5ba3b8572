/** `lab kill`, `lab pause`, `lab resume`. */
import type { Command } from "commander";
import { openLab } from "../../lab/open-lab.js";
import { type CommandContext, type CommonOptions, placeOf, withCommonOptions } from "../options.js";
import { describeTarget, findTargets, type Target } from "./targets.js";

interface SignalWord {
  readonly word: "kill" | "pause" | "resume";
  readonly past: string;
  readonly description: string;
  readonly apply: (target: Target) => Promise<unknown>;
}

const words: readonly SignalWord[] = [
  {
    word: "kill",
    past: "killed",
    description: "kill servers with SIGKILL, as a power cut would",
    apply: ({ control }) => control.kill(),
  },
  {
    word: "pause",
    past: "paused",
    description: "freeze servers with SIGSTOP, as a long garbage collection would",
    apply: ({ control }) => control.pause(),
  },
  {
    word: "resume",
    past: "resumed",
    description: "let frozen servers go on; all of them when none is named",
    apply: ({ control }) => control.resume(),
  },
];

/** The three commands; each takes servers' numbers, `leader` or `follower`. */
export function addSignals(program: Command, context: CommandContext): void {
  for (const entry of words) {
    const servers = entry.word === "resume" ? "[server...]" : "<server...>";
    withCommonOptions(program.command(`${entry.word} ${servers}`).description(entry.description)).action(
      (named: string[], options: CommonOptions) => run(entry, named, options, context),
    );
  }
}

async function run(
  entry: SignalWord,
  named: readonly string[],
  options: CommonOptions,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  const lab = await openLab(placeOf(options, context), context, options);
  const isAll = named.length === 0;
  const chosen = isAll ? lab.servers.map(({ id }) => String(id)) : named;
  const found = await findTargets(lab, chosen, signal);
  const targets = isAll ? found.filter(({ before }) => before.process === "paused") : found;
  const pids = new Map<Target, number | null>();
  for (const target of targets) pids.set(target, (await target.control.find())?.pid ?? null);
  for (const target of targets) await entry.apply(target);
  const servers = await Promise.all(
    targets.map(async (target) => ({
      id: target.control.server.id,
      pid: pids.get(target) ?? null,
      was: describeTarget(target),
      process: await stateOf(target),
    })),
  );
  if (options.json === true) {
    terminal.printJson({ name: lab.name, action: entry.word, servers });
    return;
  }
  if (servers.length === 0) terminal.print("no server is paused");
  for (const { id, pid, was } of servers) {
    const text =
      pid === null ? `server ${id} does not run` : `${entry.past} server ${id} (${was}, pid ${pid})`;
    terminal.print(text);
  }
}

async function stateOf({ control }: Target): Promise<"running" | "paused" | "stopped"> {
  const found = await control.find();
  if (found === null) return "stopped";
  return found.isPaused ? "paused" : "running";
}
