/** `lab up` and `lab down`. */
import { type Command, Option } from "commander";
import { takeDown } from "../../lab/down.js";
import { command as labCommand } from "../../lab/open-lab.js";
import type { LabPlace } from "../../lab/place.js";
import { bringUp, type UpResult } from "../../lab/up.js";
import { formatSeconds } from "../../wait.js";
import {
  type CommandContext,
  type CommonOptions,
  parsePorts,
  placeOf,
  waitMsOf,
  withCommonOptions,
  withWait,
} from "../options.js";
import type { Terminal } from "../terminal.js";
import { printStatus } from "./status.js";

interface UpFlags extends CommonOptions {
  readonly ports?: number[];
  readonly fresh?: boolean;
  readonly memory?: boolean;
  readonly docker?: boolean;
  readonly wait?: number | boolean;
}

interface DownFlags extends CommonOptions {
  readonly wipe?: boolean;
}

/** `lab up` */
export function addUp(program: Command, context: CommandContext): void {
  const up = program.command("up").description("bring a lab up, or repair what is broken of it");
  withWait(withCommonOptions(up), "the lab to be ready")
    .option("--ports <ports>", "client ports, with commas between them", parsePorts)
    .addOption(
      new Option("--docker", "each server in a container: needs a container engine, and no Java").conflicts(
        "memory",
      ),
    )
    .option("--memory", "a model of ZooKeeper 3.4.6 instead of real servers: needs no Java")
    .option("--fresh", "stop it first and forget all it has stored")
    .action(async (options: UpFlags) => {
      const place = placeOf(options, context);
      const waitMs = waitMsOf(options.wait);
      const result = await bringUp(
        place,
        {
          version: options.version,
          servers: options.servers,
          ports: options.ports,
          fresh: options.fresh === true,
          backend: options.docker === true ? "docker" : options.memory === true ? "memory" : undefined,
          wait: waitMs !== 0,
          ...(waitMs === undefined || waitMs === 0 ? {} : { waitMs }),
        },
        context,
      );
      if (options.json === true) context.terminal.printJson(result);
      else printUp(result, place, context.terminal);
    });
}

/** `lab down` */
export function addDown(program: Command, context: CommandContext): void {
  withCommonOptions(program.command("down").description("stop every server of a lab; what they stored stays"))
    .option("--wipe", "also remove the servers with all they stored")
    .action(async (options: DownFlags) => {
      const { terminal } = context;
      const place = placeOf(options, context);
      const { version, servers, wipe } = options;
      const result = await takeDown(place, { version, servers, wipe: wipe === true }, context);
      if (options.json === true) {
        terminal.printJson({ name: place.name, ...result });
        return;
      }
      const what =
        result.stopped.length === 0
          ? "was down already"
          : `is down: stopped server ${result.stopped.join(", ")}`;
      terminal.print(`lab "${place.name}" ${what}`);
      for (const folder of result.wiped) terminal.print(`removed ${folder}`);
    });
}

function printUp(result: UpResult, place: LabPlace, terminal: Terminal): void {
  const { actions, readyMs, status } = result;
  const done = (["started", "resumed"] as const)
    .map((action) => ({ action, ids: actions.filter((one) => one.action === action).map(({ id }) => id) }))
    .filter(({ ids }) => ids.length > 0)
    .map(({ action, ids }) => `${action} server ${ids.join(", ")}`)
    .join("; ");
  const took = readyMs === null ? "" : `, ready in ${formatSeconds(readyMs)}`;
  terminal.print(actions.length === 0 ? "nothing to do" : `${done}${took}`);
  printStatus(status, terminal);
  if (status.backend === "memory") {
    terminal.print(
      "\nThis is a model of ZooKeeper in one process, not ZooKeeper itself: for trying and testing only.",
    );
  }
  terminal.print(`\nconnect to  ${terminal.paint("cyan", status.connectionString)}`);
  terminal.print("\ntry next");
  const hints: [command: string, what: string][] = [
    [labCommand("status", place), "who leads, and how far each server has come"],
    // The examples connect to the default lab's ports.
    ...(place.isDefault
      ? [["pnpm example:survive", "a client that writes; now, in another terminal:"] as [string, string]]
      : []),
    [labCommand("kill leader", place), "and another server takes over"],
    [labCommand("up", place), "repairs whatever you broke"],
    [labCommand("logs -f", place), "what the servers say, as they say it"],
    [labCommand("down", place), "stops it; what it stored stays"],
  ];
  const commands = hints.map(([text]) => terminal.withPnpm(text));
  const width = Math.max(...commands.map((text) => text.length));
  hints.forEach(([, what], index) => {
    const text = commands[index] ?? "";
    terminal.print(`  ${terminal.paint("bold", text)}${" ".repeat(width - text.length)}   ${what}`);
  });
}
