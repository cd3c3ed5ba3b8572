/** Help texts: examples first, then what there is. All of it comes from the definitions. */

import type { Colour } from "../output/colour.js";
import { schemaOf } from "../output/json.js";
import { table } from "../output/table.js";
import { EXIT_CODE_TABLE } from "../program/exit-codes.js";
import type { ArgumentSpec, Command, Group, OptionSpec, OptionSpecs } from "./command.js";
import { commonOptions, longName } from "./globals.js";

type Paint = (colour: Colour, text: string) => string;

const GROUPS: readonly Group[] = ["everyday", "coordination", "moving data", "operating", "setup"];

/** `zk --help`. */
export function overview(commands: readonly Command[], paint: Paint): string {
  const lines = [
    `${paint("bold", "zk")}: ZooKeeper at the command line`,
    "",
    paint("bold", "Examples"),
    ...exampleLines(
      [
        { command: "zk ls /", does: "what is there" },
        { command: "zk get /config/db > db.json", does: "the data, byte for byte" },
        { command: "zk set /config/db @db.json", does: "and back" },
        { command: "zk tree /shop --json | jq .path", does: "every command speaks JSON" },
        {
          command: "zk context add prod --servers zk1:2181,zk2:2181 --read-only",
          does: "a name for servers",
        },
        { command: "zk", does: "a shell, on a terminal" },
      ],
      paint,
    ),
  ];
  for (const group of GROUPS) {
    const members = commands.filter((command) => command.group === group && command.isHidden !== true);
    if (members.length === 0) continue;
    lines.push("", paint("bold", group[0]!.toUpperCase() + group.slice(1)));
    lines.push(...table(members.map(({ name, summary }) => [`  ${name}`, summary])));
  }
  lines.push("", "zk COMMAND --help tells more; zk help exit-codes, zk help environment, zk help data.", "");
  return lines.join("\n");
}

/** `zk COMMAND --help`. */
export function commandHelp(command: Command, paint: Paint): string {
  const lines = [`${paint("bold", `zk ${command.name}`)}: ${command.summary}`, "", paint("bold", "Examples")];
  lines.push(...exampleLines(command.examples, paint));
  lines.push("", `${paint("bold", "Usage")}  ${usageLine(command)}`);
  for (const paragraph of command.details ?? []) lines.push("", ...wrap(paragraph, 90));
  const places = Object.entries(command.arguments);
  if (places.length > 0) {
    lines.push("", paint("bold", "Arguments"));
    lines.push(...table(places.map(([name, spec]) => [`  ${placeName(name, spec)}`, spec.summary])));
  }
  const own = Object.entries(command.options);
  if (own.length > 0) lines.push("", paint("bold", "Options"), ...optionLines(command.options));
  lines.push("", paint("bold", "Options of every command"), ...optionLines(inherited(command)));
  if (command.output.form !== "none") {
    const form = command.output.form === "stream" ? "one object a line" : "one document";
    lines.push("", `${paint("bold", "--json")}  ${form}, schema ${schemaOf(command.name)}`);
    lines.push(...table(command.output.fields.map(({ name, type, means }) => [`  ${name}`, type, means])));
    if (command.output.plain)
      lines.push("", `${paint("bold", "--plain")}  columns: ${command.output.plain.join(", ")}`);
  }
  if (command.exits && command.exits.length > 0) {
    lines.push(
      "",
      paint("bold", "Exit codes"),
      ...table(command.exits.map(([code, meaning]) => [`  ${code}`, meaning])),
    );
  }
  const old = (command.oldSpellings ?? []).map(({ word }) => word);
  if (old.length > 0) lines.push("", `Old spellings: ${old.join(", ")}.`);
  return `${lines.join("\n")}\n`;
}

/** `zk help exit-codes`. */
export function exitCodesHelp(paint: Paint): string {
  const rows = EXIT_CODE_TABLE.map(([code, meaning]) => [`  ${code}`, meaning]);
  return `${[paint("bold", "Exit codes"), ...table(rows)].join("\n")}\n`;
}

/** `get [options] PATH` with the program's name. */
export function usageLine(command: Command): string {
  const places = Object.entries(command.arguments).map(([name, spec]) =>
    spec.isOptional ? `[${placeName(name, spec)}]` : placeName(name, spec),
  );
  return ["zk", command.name, ...(command.passesOn ? [] : ["[options]"]), ...places].join(" ");
}

export function placeName(name: string, spec: Pick<ArgumentSpec, "isVariadic">): string {
  return `${name.replaceAll(/[A-Z]/g, (letter) => `-${letter}`).toUpperCase()}${spec.isVariadic ? "…" : ""}`;
}

/** `-r, --recursive` or `--depth N`. */
export function optionName(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  return `${short}${longName(name)}${spec.parse === undefined ? "" : ` ${spec.value}`}`;
}

/** What a command takes beside its own options; a letter that it uses itself is not offered twice. */
export function inherited(command: Command): OptionSpecs {
  const taken = new Set(Object.values(command.options).map(({ short }) => short));
  return Object.fromEntries(
    Object.entries(commonOptions(command.connects !== false))
      .filter(([name]) => command.options[name] === undefined)
      .map(([name, { short, ...rest }]) => [
        name,
        short === undefined || taken.has(short) ? rest : { ...rest, short },
      ]),
  );
}

function optionLines(options: OptionSpecs): string[] {
  return table(
    Object.entries(options).map(([name, spec]) => {
      const fallback = spec.defaultText === undefined ? "" : ` (default: ${spec.defaultText})`;
      const more = spec.isRepeatable ? "; may be given again" : "";
      const flags = optionName(name, spec);
      return [
        `  ${flags.startsWith("-") && flags[1] !== "-" ? flags : `    ${flags}`}`,
        `${spec.summary}${more}${fallback}`,
      ];
    }),
  );
}

function exampleLines(examples: readonly { command: string; does: string }[], paint: Paint): string[] {
  return table(examples.map(({ command, does }) => [`  ${paint("cyan", command)}`, paint("dim", does)]));
}

/** Words in lines of at most `width`. */
export function wrap(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
