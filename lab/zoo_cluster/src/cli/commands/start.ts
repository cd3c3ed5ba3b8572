/** `lab start` and `lab restart`. */
import type { Command } from "commander";
import type { ProcessEnsemble } from "../../ensemble/process-ensemble.js";
import { waitForServing } from "../../ensemble/readiness.js";
import { openLab, whileLocked } from "../../lab/open-lab.js";
import {
  type CommandContext,
  type CommonOptions,
  placeOf,
  waitMsOf,
  withCommonOptions,
  withWait,
} from "../options.js";
import { findTargets, type Target } from "./targets.js";

interface StartFlags extends CommonOptions {
  readonly wait?: number | boolean;
}

interface RestartFlags extends StartFlags {
  readonly rolling?: boolean;
}

interface Touched {
  readonly id: number;
  readonly action: "started" | "resumed" | "restarted" | "none";
  readonly pid: number | null;
}

/** `lab start` */
export function addStart(program: Command, context: CommandContext): void {
  const start = program
    .command("start [server...]")
    .description("start servers; all that are down when none is named");
  withWait(withCommonOptions(start), "them to serve").action((named: string[], options: StartFlags) =>
    change(context, options, "start", async (lab) => {
      const targets = await chosen(lab, named, context);
      const touched = await Promise.all(targets.map((target) => startOne(target)));
      await waitUntilServing(targets, options, context);
      return touched;
    }),
  );
}

/** `lab restart` */
export function addRestart(program: Command, context: CommandContext): void {
  const restart = program
    .command("restart [server...]")
    .description("stop servers in order and start them again; all when none is named");
  withWait(withCommonOptions(restart), "them to serve")
    .option("--rolling", "one after another, the leader last, each ready before the next")
    .action((named: string[], options: RestartFlags) =>
      change(context, options, "restart", async (lab) => {
        const waitMs = waitMsOf(options.wait);
        if (named.length === 0 && waitMs !== 0) {
          const { signal } = context;
          const rolling = options.rolling === true;
          await lab.restartAll({ rolling, signal, ...(waitMs === undefined ? {} : { timeoutMs: waitMs }) });
          return await Promise.all(lab.controls.map((control) => touch({ control }, "restarted")));
        }
        const all = lab.servers.map(({ id }) => String(id));
        const targets = await findTargets(lab, named.length === 0 ? all : named, context.signal);
        for (const target of targets) {
          await target.control.stop();
          await target.control.start();
          await waitUntilServing([target], options, context);
        }
        return await Promise.all(targets.map((target) => touch(target, "restarted")));
      }),
    );
}

async function change(
  context: CommandContext,
  options: CommonOptions,
  action: "start" | "restart",
  work: (lab: ProcessEnsemble) => Promise<Touched[]>,
): Promise<void> {
  const { terminal } = context;
  const place = placeOf(options, context);
  // Opened before the lock is taken, so that a lab that is not there leaves no folder behind.
  const lab = await openLab(place, context, options);
  const servers = await whileLocked(place, `lab:${action}`, context, () => work(lab));
  if (options.json === true) {
    terminal.printJson({ name: lab.name, action, servers });
    return;
  }
  if (servers.length === 0) terminal.print("every server runs");
  for (const { id, pid, action: done } of servers) {
    terminal.print(
      done === "none" ? `server ${id} runs already (pid ${pid})` : `${done} server ${id} (pid ${pid})`,
    );
  }
}

async function chosen(
  lab: ProcessEnsemble,
  named: readonly string[],
  { signal }: CommandContext,
): Promise<Target[]> {
  if (named.length > 0) return await findTargets(lab, named, signal);
  const all = await findTargets(
    lab,
    lab.servers.map(({ id }) => String(id)),
    signal,
  );
  return all.filter(({ before }) => before.process !== "running");
}

async function startOne(target: Target): Promise<Touched> {
  const actions = { running: "none", paused: "resumed", stopped: "started" } as const;
  await target.control.start();
  return touch(target, actions[target.before.process]);
}

async function waitUntilServing(
  targets: readonly Target[],
  options: StartFlags,
  { signal }: CommandContext,
): Promise<void> {
  const timeoutMs = waitMsOf(options.wait) ?? 60_000;
  if (timeoutMs === 0) return;
  await Promise.all(targets.map(({ control }) => waitForServing(control, { timeoutMs, signal })));
}

async function touch({ control }: Pick<Target, "control">, action: Touched["action"]): Promise<Touched> {
  return { id: control.server.id, action, pid: (await control.find())?.pid ?? null };
}
