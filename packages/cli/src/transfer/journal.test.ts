import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CliError } from "../program/errors.js";
import { Journal } from "./journal.js";

const folder = mkdtempSync(join(tmpdir(), "zk-journal-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => join(folder, name);

const key = {
  sha256: "0123",
  servers: "zk1:2181",
  chroot: "/",
  root: "/copy",
  onConflict: "fail",
  manner: "all",
};

describe("a journal", () => {
  it("whose last line was cut short is gone on with, again and again", () => {
    const first = Journal.open(file("torn"), key, undefined);
    first.record("/a", 1);
    first.close();
    const whole = readFileSync(file("torn"), "utf8");
    writeFileSync(file("torn"), `${whole}{"done":"/b`);
    const second = Journal.open(file("torn"), key, "resume");
    expect(second).toMatchObject({ donePath: "/a", doneNodes: 1 });
    second.record("/c", 3);
    second.close();
    const third = Journal.open(file("torn"), key, "resume");
    expect(third).toMatchObject({ donePath: "/c", doneNodes: 3 });
    third.close();
  });

  it("that was cut short in its first line is none yet", () => {
    writeFileSync(file("begun"), '{"schema":"zk.jour');
    const journal = Journal.open(file("begun"), key, undefined);
    expect(journal.donePath).toBeUndefined();
    journal.remove();
  });

  it.each(Object.keys(key))("is not gone on with by an import whose %s is another one", (name) => {
    Journal.open(file(name), key, undefined).close();
    expect(() => Journal.open(file(name), { ...key, [name]: "other" }, "resume")).toThrow(
      "is the journal of another import",
    );
  });

  it.each([
    ["in one line", "precious\n"],
    ["without an end of line", "precious"],
    ["in JSON", '{"schema":"mine"}\n'],
    ["in JSON that is no object", "null\n"],
    ["with a line that is none of ours", '{"schema":"zk.journal/1"}\n{"done":5}\n'],
  ])("is no other file, %s: that is left as it is", (name, text) => {
    writeFileSync(file(name), text);
    for (const wish of [undefined, "resume", "restart"] as const)
      expect(() => Journal.open(file(name), key, wish)).toThrow(/journal/);
    expect(readFileSync(file(name), "utf8")).toBe(text);
  });

  it.each(["/dev/full", "/dev/null", "/proc/nope/journal", folder])(
    "that cannot be written at %s is told, as wrong use",
    (path) => {
      let error: unknown;
      try {
        Journal.open(path, key, "restart");
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(CliError);
      expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining(`the journal ${path}`) });
    },
  );
});
