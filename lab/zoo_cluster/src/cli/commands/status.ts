/** `lab status`, and how a lab is shown. */
import type { Command } from "commander";
import type { EnsembleStatus, ServerStatus } from "../../ensemble/types.js";
import { isLabError } from "../../errors.js";
import { command as labCommand, openLab } from "../../lab/open-lab.js";
import { ExitCode } from "../exit-codes.js";
import { type CommandContext, type CommonOptions, placeOf, withCommonOptions } from "../options.js";
import { type Colour, type Terminal, table } from "../terminal.js";

const exitCodes = { up: ExitCode.OK, "partly-up": ExitCode.PARTLY_UP, down: ExitCode.DOWN } as const;

/** `lab status`: exit 0 up, 3 partly up, 4 down. */
export function addStatus(program: Command, context: CommandContext, end: (code: number) => void): void {
  withCommonOptions(
    program.command("status").description("who runs, who leads, and how far each has come"),
  ).action(async (options: CommonOptions) => {
    const { terminal } = context;
    const place = placeOf(options, context);
    const status = await readStatus(options, context);
    end(exitCodes[status.state]);
    if (options.json === true) {
      terminal.printJson(status);
      return;
    }
    printStatus(status, terminal);
    if (status.state !== "up")
      terminal.print(`\n${repairHint(status)}: ${terminal.withPnpm(labCommand("up", place))}`);
  });
}

/** The lab's status; a lab that is not there is down. */
export async function readStatus(options: CommonOptions, context: CommandContext): Promise<EnsembleStatus> {
  const place = placeOf(options, context);
  try {
    return await (await openLab(place, context, options)).status();
  } catch (error) {
    if (!isLabError(error, "NO_LAB")) throw error;
    return {
      name: place.name,
      backend: "process",
      version: null,
      dir: place.dir,
      connectionString: "",
      state: "down",
      hasQuorum: false,
      leader: null,
      problem: "there is no such lab",
      servers: [],
    };
  }
}

/** A headline and one line a server. */
export function printStatus(status: EnsembleStatus, terminal: Terminal): void {
  const { name, backend, version, state, leader, servers } = status;
  const colour: Colour = state === "up" ? "green" : state === "down" ? "dim" : "yellow";
  // Nobody should take the one for the other.
  const what = backend === "memory" ? "a model of ZooKeeper" : "ZooKeeper";
  const where = backend === "docker" ? " in containers" : "";
  const release = version === null ? "" : ` · ${what} ${version}${where}`;
  const lead = leader === null ? " · no leader" : ` · server ${leader} leads`;
  const headline = `lab "${name}"${release} · ${terminal.paint(colour, state.replace("-", " "))}`;
  terminal.print(state === "down" ? headline : headline + lead);
  if (state === "partly-up") {
    terminal.print(`${status.hasQuorum ? "writes pass" : "no quorum: writes wait"}; ${status.problem}`);
  }
  if (servers.length === 0) return;
  terminal.print();
  const head = ["server", "process", "mode", "address", "pid", "zxid", "connections", "memory"];
  const rows = servers.map((server) => [
    String(server.id),
    paintProcess(server, terminal),
    server.mode === "leader" ? terminal.paint("bold", "leader") : (server.mode ?? describeAnswer(server)),
    `${server.host}:${server.clientPort}`,
    String(server.pid ?? "-"),
    server.zxid === null ? "-" : `0x${server.zxid.toString(16)}`,
    String(server.connections ?? "-"),
    server.residentBytes === null ? "-" : `${Math.round(server.residentBytes / 1024 / 1024)} MB`,
  ]);
  for (const line of table([head.map((title) => terminal.paint("dim", title)), ...rows]))
    terminal.print(`  ${line}`);
}

function repairHint({ state }: EnsembleStatus): string {
  return state === "down" ? "bring it up" : "repair it";
}

function paintProcess({ process }: ServerStatus, terminal: Terminal): string {
  const colours = { running: "green", paused: "yellow", stopped: "red" } as const;
  return terminal.paint(colours[process], process);
}

function describeAnswer({ process, answer }: ServerStatus): string {
  if (process !== "running") return "-";
  return answer === "not-serving" ? "no quorum" : "no answer";
}
