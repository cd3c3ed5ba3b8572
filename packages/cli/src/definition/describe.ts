/** A command as a value for programs: what `zk help --json` prints and completion is made from. */
import { schemaOf } from "../output/json.js";
import type { Command, OptionSpec, OptionSpecs } from "./command.js";
import { longName } from "./globals.js";
import { inherited, usageLine } from "./help.js";

/** The JSON description. */
export function describeCommand(command: Command): Record<string, unknown> {
  return {
    name: command.name,
    group: command.group,
    summary: command.summary,
    usage: usageLine(command),
    details: command.details ?? [],
    examples: command.examples,
    arguments: Object.entries(command.arguments).map(([name, { summary, kind, isOptional, isVariadic }]) => ({
      name,
      summary,
      kind,
      isOptional,
      isVariadic,
    })),
    options: describeOptions(command.options),
    commonOptions: describeOptions(inherited(command)),
    oldSpellings: (command.oldSpellings ?? []).map(({ word }) => word),
    exits: (command.exits ?? []).map(([code, meaning]) => ({ code, meaning })),
    output: {
      ...command.output,
      plain: command.output.plain ?? null,
      schema: command.output.form === "none" ? null : schemaOf(command.name),
    },
  };
}

function describeOptions(options: OptionSpecs): Record<string, unknown>[] {
  return Object.entries(options).map(([name, spec]: [string, OptionSpec]) => ({
    name: longName(name),
    short: spec.short === undefined ? null : `-${spec.short}`,
    summary: spec.summary,
    value: spec.value ?? null,
    choices: spec.choices ?? null,
    default: spec.defaultText ?? null,
    isRepeatable: spec.isRepeatable === true,
  }));
}
