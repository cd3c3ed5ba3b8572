/** The pages of docs/cli, made from the definitions. A test says when the pages are older than these. */

import { schemaOf } from "../output/json.js";
import { EXIT_CODE_TABLE } from "../program/exit-codes.js";
import type { Command, Group, OptionSpecs } from "./command.js";
import { commonOptions } from "./globals.js";
import { inherited, optionName, placeName, usageLine } from "./help.js";
import { TOPICS } from "./topics.js";

/** The name of a command's page. */
export function pageName(command: Pick<Command, "name">): string {
  return `${command.name.replaceAll(" ", "-")}.md`;
}

/** One command as a page. */
export function commandPage(command: Command): string {
  const lines = [`# zk ${command.name}`, "", `${sentence(command.summary)}`, "", "```sh"];
  const width = Math.max(...command.examples.map((example) => example.command.length));
  for (const { command: line, does } of command.examples) lines.push(`${line.padEnd(width)}  # ${does}`);
  lines.push("```", "", "```", usageLine(command), "```");
  for (const paragraph of command.details ?? []) lines.push("", escapeCell(paragraph));
  const places = Object.entries(command.arguments);
  if (places.length > 0) {
    lines.push("", "| Argument | |", "|---|---|");
    for (const [name, spec] of places) lines.push(`| \`${placeName(name, spec)}\` | ${cell(spec.summary)} |`);
  }
  if (Object.keys(command.options).length > 0) lines.push("", ...optionTable("Option", command.options));
  lines.push(
    "",
    `Options of every command: ${Object.keys(inherited(command))
      .map(
        (name) =>
          `[\`${optionName(name, inherited(command)[name]!).split(" ").at(0)!.replace(/,$/, "")}\`](README.md#options-of-every-command)`,
      )
      .join(", ")}.`,
  );
  if (command.output.form !== "none") {
    const form = command.output.form === "stream" ? "one object a line" : "one document";
    lines.push(
      "",
      `\`--json\` prints ${form}, schema \`${schemaOf(command.name)}\`:`,
      "",
      "| Field | Type | |",
      "|---|---|---|",
    );
    for (const { name, type, means } of command.output.fields)
      lines.push(`| \`${name}\` | ${cell(type)} | ${cell(means)} |`);
    if (command.output.plain)
      lines.push("", `\`--plain\` prints: ${command.output.plain.map(cell).join(", ")}.`);
  }
  if (command.exits && command.exits.length > 0) {
    lines.push("", "| Exit code | |", "|---|---|");
    for (const [code, meaning] of command.exits) lines.push(`| ${code} | ${cell(meaning)} |`);
    lines.push("", "All others: [exit codes](README.md#exit-codes).");
  }
  const old = command.oldSpellings ?? [];
  if (old.length > 0) {
    lines.push(
      "",
      `Old spellings: ${old.map(({ word, gives }) => `\`${word}\` (\`zk ${[command.name, ...gives].join(" ")}\`)`).join(", ")}.`,
    );
  }
  return `${lines.join("\n")}\n`;
}

/** Every page by its name. */
export function documentPages(commands: readonly Command[]): ReadonlyMap<string, string> {
  const listed = commands.filter(({ isHidden }) => isHidden !== true);
  const pages = listed.map((command): [string, string] => [pageName(command), commandPage(command)]);
  return new Map([["README.md", indexPage(listed, commonOptions(true), TOPICS)], ...pages]);
}

/** The page that lists all others. */
function indexPage(
  commands: readonly Command[],
  globals: OptionSpecs,
  topics: Readonly<Record<string, string>>,
): string {
  const groups = [...new Set(commands.map(({ group }) => group))] as Group[];
  const lines = [
    "# zk",
    "",
    "ZooKeeper at the command line. These pages are made from the same definitions as `zk COMMAND --help`.",
    "",
    "A recorded session: [walk-through](walk-through.md).",
  ];
  for (const group of groups) {
    lines.push("", `## ${group[0]!.toUpperCase()}${group.slice(1)}`, "", "| | |", "|---|---|");
    for (const command of commands.filter((each) => each.group === group)) {
      lines.push(`| [\`zk ${command.name}\`](${pageName(command)}) | ${cell(command.summary)} |`);
    }
  }
  lines.push(
    "",
    "## Options of every command",
    "",
    "They may also stand before the command's word.",
    "",
    ...optionTable("Option", globals),
  );
  lines.push("", "## Exit codes", "", "| Code | |", "|---|---|");
  for (const [code, meaning] of EXIT_CODE_TABLE) lines.push(`| ${code} | ${cell(meaning)} |`);
  for (const text of Object.values(topics)) {
    const [title = "", ...rest] = text.split("\n");
    lines.push("", `## ${title}`, "", "```", ...trimBlank(rest), "```");
  }
  return `${lines.join("\n")}\n`;
}

function optionTable(heading: string, options: OptionSpecs): string[] {
  const lines = [`| ${heading} | |`, "|---|---|"];
  for (const [name, spec] of Object.entries(options)) {
    const fallback = spec.defaultText === undefined ? "" : ` (default: ${spec.defaultText})`;
    const more = spec.isRepeatable ? "; may be given again" : "";
    lines.push(
      `| \`${optionName(name, spec).replaceAll("|", "\\|")}\` | ${cell(spec.summary + more + fallback)} |`,
    );
  }
  return lines;
}

function cell(text: string): string {
  return escapeCell(text).replaceAll("|", "\\|");
}

function escapeCell(text: string): string {
  return text.replaceAll("<", "&lt;").replaceAll("*", "\\*");
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${escapeCell(text.slice(1))}.`;
}

function trimBlank(lines: readonly string[]): string[] {
  let [start, end] = [0, lines.length];
  while (lines[start] === "") start++;
  while (lines[end - 1] === "") end--;
  return lines.slice(start, end);
}
