/** `lab env` */
import type { Command } from "commander";
import { openLab } from "../../lab/open-lab.js";
import { type CommandContext, type CommonOptions, placeOf, withCommonOptions } from "../options.js";

/** `lab env`: lines for `eval`. */
export function addEnv(program: Command, context: CommandContext): void {
  withCommonOptions(program.command("env").description("print `export ZK_SERVERS=…` for a shell")).action(
    async (options: CommonOptions) => {
      const lab = await openLab(placeOf(options, context), context, options);
      const variables = { ZK_SERVERS: lab.connectionString };
      if (options.json === true) {
        context.terminal.printJson(variables);
        return;
      }
      for (const [name, value] of Object.entries(variables))
        context.terminal.print(`export ${name}='${value}'`);
    },
  );
}
