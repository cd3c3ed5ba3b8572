import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { type Command, type CommandIo, defineCommand } from "../definition/command.js";
import { Printer } from "./printer.js";

const lines: Command = defineCommand({
  name: "lines",
  group: "everyday",
  summary: "",
  examples: [],
  arguments: {},
  options: {},
  output: { form: "document", fields: [] },
  run: async () => undefined,
  human(_data, screen) {
    for (let line = 0; line < 3; line++) screen.line("x".repeat(100_000));
  },
});

const printerOn = (stdout: Writable): Printer =>
  new Printer({ stdout, stderr: stdout, stdin: process.stdin, env: {}, cwd: "/" } as unknown as CommandIo, {
    isJson: false,
    isPlain: false,
    colour: "never",
    context: null,
  });

it.each(["before", "while"])(
  "a reader who went away %s something is printed is not waited for",
  async (when) => {
    const stdout = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => done(new Error("gone")),
    });
    stdout.on("error", () => {});
    if (when === "before") stdout.destroy();
    await printerOn(stdout).document(lines, undefined, undefined);
    expect(stdout.writable).toBe(false);
  },
);
