import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseCredentials, readCredentials } from "./secrets.js";
import type { AuthSource } from "./settings.js";

const folder = mkdtempSync(join(tmpdir(), "zk-secrets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const read = async (source: AuthSource, env: Record<string, string> = {}, stdin = "") => {
  const warnings: string[] = [];
  const credentials = await readCredentials(source, {
    env,
    readStdin: async () => Buffer.from(stdin),
    warn: (line) => warnings.push(line),
  });
  return { credentials, warnings };
};

describe("credentials", () => {
  it("are lines of scheme and credential", () => {
    expect(parseCredentials("# mine\ndigest:bob:a:b\r\n\nip:\n", "f")).toEqual([
      { scheme: "digest", auth: "bob:a:b" },
      { scheme: "ip", auth: "" },
    ]);
  });

  it("are never repeated by an error", () => {
    expect(() => parseCredentials("digest:bob:x\nhunter2", "f")).toThrow(
      /f, line 2: it must be SCHEME:CREDENTIAL/,
    );
    expect(() => parseCredentials("hunter2", "f")).not.toThrow(/hunter2/);
  });

  it("come from a file, stdin, a variable or a program", async () => {
    const path = join(folder, "auth");
    writeFileSync(path, "digest:bob:secret\n", { mode: 0o600 });
    const expected = [{ scheme: "digest", auth: "bob:secret" }];
    expect(await read({ kind: "file", path })).toEqual({ credentials: expected, warnings: [] });
    expect((await read({ kind: "file", path: "-" }, {}, "digest:bob:secret")).credentials).toEqual(expected);
    expect(
      (await read({ kind: "variable", name: "ZK_AUTH" }, { ZK_AUTH: "digest:bob:secret" })).credentials,
    ).toEqual(expected);
    const words = [process.execPath, "-e", "console.log('digest:bob:secret')"];
    expect((await read({ kind: "command", words })).credentials).toEqual(expected);
    chmodSync(path, 0o644);
    expect((await read({ kind: "file", path })).warnings).toEqual([
      `${path} can be read by others; chmod 600 it`,
    ]);
  });

  it("that cannot be had say why", async () => {
    await expect(read({ kind: "file", path: join(folder, "none") })).rejects.toThrow(/cannot be read/);
    const words = [process.execPath, "-e", "console.error('no key ring'); process.exit(3)"];
    await expect(read({ kind: "command", words })).rejects.toMatchObject({
      code: "AUTH_HELPER_FAILED",
      exitCode: 5,
      message: expect.stringContaining("no key ring"),
    });
  });
});
