/** `lab doctor` */
import type { Command } from "commander";
import { type Check, diagnose } from "../../lab/doctor.js";
import { ExitCode } from "../exit-codes.js";
import { type CommandContext, type CommonOptions, placeOf, withCommonOptions } from "../options.js";
import type { Colour } from "../terminal.js";

const colours: Record<Check["outcome"], Colour> = { ok: "green", miss: "yellow", skip: "dim", bad: "red" };

interface DoctorFlags extends CommonOptions {
  readonly docker?: boolean;
}

/** `lab doctor`: exit 0 when a lab can be brought up, 69 when not. */
export function addDoctor(program: Command, context: CommandContext, end: (code: number) => void): void {
  withCommonOptions(program.command("doctor").description("say what a lab stands on, and what is missing"))
    .option("--docker", "for servers in containers")
    .action(async (options: DoctorFlags) => {
      const { terminal } = context;
      const diagnosis = await diagnose(placeOf(options, context), options, context);
      end(diagnosis.canBringUp ? ExitCode.OK : ExitCode.UNAVAILABLE);
      if (options.json === true) {
        terminal.printJson(diagnosis);
        return;
      }
      for (const { topic, outcome, found, advice } of diagnosis.checks) {
        const [first = "", ...rest] = found.split("\n");
        terminal.print(
          `${terminal.paint(colours[outcome], outcome.padEnd(4))}  ${topic.padEnd(7)}  ${first}`,
        );
        const more = [...rest, ...(advice?.split("\n") ?? [])];
        for (const line of more) terminal.print(`               ${terminal.paint("dim", line)}`);
      }
      terminal.print();
      const verdict = diagnosis.canBringUp ? "A lab can be brought up" : "A lab cannot be brought up yet";
      terminal.print(`${verdict} (ZooKeeper ${diagnosis.version}).`);
    });
}
