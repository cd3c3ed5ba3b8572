import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { whyFile, whyServer } from "./why.js";

const thrown = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

describe("why", () => {
  it("a file failed is said without its name", () => {
    expect(whyFile(thrown(() => readFileSync("/no/such, file")))).toBe("no such file or directory");
    expect(whyFile(thrown(() => readFileSync(tmpdir())))).toBe("it is a folder");
    expect(whyFile(thrown(() => writeFileSync(tmpdir(), "", { flag: "wx" })))).toBe("file already exists");
    expect(whyFile(new Error("something, else"))).toBe("something, else");
  });

  it("a server is not reached is said with the code", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" });
    expect(whyServer(refused)).toBe("nobody listens there, ECONNREFUSED");
    expect(whyServer(new Error("something else"))).toBe("something else");
  });
});
