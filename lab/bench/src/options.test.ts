import { describe, expect, it } from "vitest";
import { parseOptions, UsageError, usage } from "./options.js";

describe("the command line", () => {
  it("has defaults for everything", () => {
    expect(parseOptions([])).toEqual({
      works: ["get", "set"],
      windows: [1, 100, 1000],
      rounds: 5,
      seconds: 2,
      warmUpSeconds: 2,
      json: undefined,
      server: undefined,
      profileDir: undefined,
    });
  });

  it("takes every option, with the dashes that pnpm hands on", () => {
    const args =
      "-- --work set --windows 7,1000,7 --rounds 1 --seconds 0.5 --warm-up 0 --json out.json".split(" ");
    expect(parseOptions([...args, "--servers=[::1]:2181,other:2182", "--profile", "p"])).toEqual({
      works: ["set"],
      windows: [7, 1000],
      rounds: 1,
      seconds: 0.5,
      warmUpSeconds: 0,
      json: "out.json",
      server: { host: "::1", port: 2181 },
      profileDir: "p",
    });
  });

  it("gives help when asked", () => {
    expect(parseOptions(["--help"])).toBe("help");
    expect(usage).toContain("--json FILE");
  });

  it.each([
    [["--fast"], /--fast/],
    [["get"], /get/],
    [["--json"], /--json/],
    [["--work", "delete"], /--work takes get or set; "delete" is not/],
    [["--windows", "0"], /--windows takes whole numbers from 1 to 1000; "0" is not/],
    [["--windows", "1001"], /"1001" is not/],
    [["--windows", "1,,2"], /"" is not/],
    [["--rounds", "1.5"], /--rounds takes a whole number from 1 to 1000; "1.5" is not/],
    [["--seconds", "0"], /--seconds takes a number from 0.05 to 3600; "0" is not/],
    [["--seconds", "soon"], /"soon" is not/],
    [["--servers", "localhost"], /--servers takes HOST:PORT/],
    [["--servers", "localhost:0"], /--servers takes HOST:PORT/],
    [["--servers", "localhost:2181/path"], /--servers takes HOST:PORT/],
  ] satisfies [string[], RegExp][])("refuses %j", (args, message) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(message);
  });
});
