import { describe, expect, it } from "vitest";
import { COMMANDS } from "../commands/catalogue.js";
import { UsageError } from "../program/errors.js";
import { type Command, defineCommand } from "./command.js";
import { longName } from "./globals.js";
import { parseWords } from "./parse.js";
import { argument, count, duration, flag, maybeChoice, several, texts } from "./specs.js";
import { takeOption } from "./zk-cli-words.js";

const base = {
  group: "everyday",
  summary: "",
  examples: [],
  output: { form: "none", fields: [] },
  run: async () => undefined,
  human: () => {},
} as const;

const commands: readonly Command[] = [
  defineCommand({
    ...base,
    name: "do",
    arguments: { what: argument("what"), more: several("more") },
    options: {
      deep: flag("deep", "r"),
      hard: flag("hard", "h"),
      times: count("N", 3, "times", { min: 1, max: 9 }),
      wait: duration("TIME", "wait"),
      kind: maybeChoice(["red", "green"], "kind"),
      tag: texts("TAG", "tags"),
    },
    oldSpellings: [
      { word: "faire", gives: ["--deep"] },
      { word: "tun", gives: [], rewrites: (words) => ["--deep", ...takeOption(words, "-b").others] },
    ],
  }),
  defineCommand({ ...base, name: "box open", arguments: {}, options: {} }),
  defineCommand({ ...base, name: "box shut", arguments: {}, options: {} }),
  defineCommand({
    ...base,
    name: "pass",
    arguments: { words: several("words") },
    options: {},
    passesOn: true,
  }),
];

const parse = (line: string) => parseWords(line.split(" ").filter(Boolean), commands);
const run = (line: string) => {
  const parsed = parse(line);
  if (parsed.kind !== "run") throw new Error(parsed.kind);
  return { ...parsed.arguments, ...parsed.options, notes: parsed.notes, name: parsed.command.name };
};
const complaint = (line: string): string => {
  try {
    parse(line);
  } catch (error) {
    if (error instanceof UsageError) return `${error.message} | ${error.hint ?? ""}`;
    throw error;
  }
  throw new Error("it was taken");
};

describe("words", () => {
  it("are read in any order, with defaults for what is not said", () => {
    expect(run("do a b --times 5 c -r --tag x --tag y")).toMatchObject({
      what: "a",
      more: ["b", "c"],
      times: 5,
      deep: true,
      tag: ["x", "y"],
    });
    expect(run("do a b")).toMatchObject({
      times: 3,
      deep: false,
      wait: undefined,
      kind: undefined,
      tag: [],
      json: false,
      progress: "auto",
    });
  });

  it("may have global options before the command", () => {
    expect(run("--json --timeout 2m --servers=h:1 do a b")).toMatchObject({
      json: true,
      timeout: 120_000,
      servers: "h:1",
    });
  });

  it("behind -- are no options", () => {
    expect(run("do a -- -r --times")).toMatchObject({ more: ["-r", "--times"], deep: false });
  });

  it("find commands of two words", () => {
    expect(run("box open").name).toBe("box open");
    expect(complaint("box")).toMatch(/needs another word: open, shut/);
    expect(complaint("box oepn")).toMatch(/no command "box oepn" \| did you mean zk box open/);
  });

  it("take an old spelling, and say the new one", () => {
    expect(run("faire a b")).toMatchObject({
      deep: true,
      name: "do",
      notes: ["faire is the old word for: zk do --deep"],
    });
  });

  it("hear every flag of every command, by each of its names", () => {
    const deaf: string[] = [];
    for (const command of COMMANDS) {
      if (command.passesOn === true) continue;
      const places = Object.values(command.arguments).map(() => "x");
      for (const [name, { parse, short }] of Object.entries(command.options)) {
        if (parse !== undefined) continue;
        for (const given of [longName(name), ...(short === undefined ? [] : [`-${short}`])]) {
          const parsed = parseWords([...command.name.split(" "), given, ...places], COMMANDS);
          if (parsed.kind !== "run" || parsed.options[name] !== true) deaf.push(`${command.name} ${given}`);
        }
      }
    }
    expect(deaf).toEqual([]);
  });

  it("are passed on as they are where a command says so", () => {
    expect(run("pass up --json --help")).toMatchObject({ words: ["up", "--json", "--help"], json: false });
  });

  it("ask for help, for the version, for nothing", () => {
    expect(parse("do --help")).toMatchObject({ kind: "help", words: ["do"] });
    expect(parse("box open -h")).toMatchObject({ kind: "help", words: ["box", "open"] });
    // Here the letter is the command's own.
    expect(run("do a b -h")).toMatchObject({ hard: true });
    expect(parse("--version --json")).toEqual({ kind: "version", isJson: true });
    expect(parse("")).toEqual({ kind: "nothing" });
  });
});

describe("what is wrong", () => {
  it.each([
    ["od a b", /there is no command "od" \| did you mean zk do/],
    ["zzzzz", /there is no command "zzzzz" \| zk --help/],
    ["do a b --tims 3", /zk do has no option --tims \| did you mean --times/],
    ["do a b --jsn", /did you mean --json/],
    ["--jsn do a b", /there is no option --jsn \| did you mean --json/],
    ["--timeout", /--timeout needs a value/],
    ["do a b --times", /needs a value/],
    ["do a b --times 10", /--times: it must be a whole number from 1 to 9, not "10"/],
    ["do a b --times x", /--times: it must be a whole number/],
    ["do a b --wait soon", /--wait: it must be a time such as/],
    ["do a b --kind gren", /--kind is one of red, green, not "gren" \| did you mean green/],
    ["do", /zk do needs WHAT/],
    ["box open x", /takes no more words/],
  ])("%s", (line, says) => expect(complaint(line)).toMatch(says));

  it("is never run under another name", () => {
    for (const { name } of COMMANDS) {
      if (name.includes(" ") || name.length < 3) continue;
      // No abbreviations.
      expect(() =>
        parseWords(
          [name.slice(0, -1)],
          COMMANDS.filter((each) => each.name === name),
        ),
      ).toThrow(UsageError);
    }
  });
});

describe("words of zkCli.sh", () => {
  it("before the command are taken in ours, and said", () => {
    const { servers, sessionTimeout, readOnly, notes }: Record<string, unknown> = run(
      "-server h:1 -timeout 4000 -r do a b",
    );
    expect({ servers, sessionTimeout, readOnly }).toEqual({
      servers: "h:1",
      sessionTimeout: 4_000,
      readOnly: true,
    });
    expect(notes).toEqual([
      "-server is the old word for: --servers",
      "-timeout is the old word for: --session-timeout",
      "-r is the old word for: --read-only",
    ]);
    expect(run("-waitforconnection do a b").notes).toEqual([
      "-waitforconnection is not needed: zk always waits",
    ]);
    expect(complaint("-client-configuration f do a b")).toContain("reads no configuration of Java's client");
    expect(complaint("-server")).toContain("-server needs a value");
  });

  it("that mean something else here are put into ours", () => {
    expect(run("tun a -b 100 b c")).toMatchObject({
      what: "a",
      more: ["b", "c"],
      deep: true,
      notes: ["tun is the old word for: zk do --deep a b c"],
    });
    expect(complaint("tun a b -b")).toContain("-b needs a value");
  });

  it.each(["cd /x", "mv /a /b", "cat /x", "close", "whoami"])("%s is answered by what to type", (line) => {
    expect(complaint(line)).toMatch(/^zk has no command \w+ \| .+/);
  });

  it.each(["constructor", "toString", "__proto__"])("%s is a word like any other", (word) => {
    expect(complaint(word)).toContain(`there is no command "${word}"`);
  });

  it("a version is asked for by --version", () => {
    expect(complaint("-v")).toContain("did you mean --version?");
    expect(complaint("-V")).toContain("did you mean --version?");
  });
});
