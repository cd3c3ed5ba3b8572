// The fixture, under the runner of these tests and under Node's own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createClient } from "@zk/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type MemoryEnsemble, useEnsemble } from "../src/index.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

async function run(command: readonly string[]): Promise<{ readonly code: unknown; readonly text: string }> {
  // The outer runner's variables are none of the inner one's business.
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, VITEST: ___, ...env } = process.env;
  const child = spawn(process.execPath, command, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
  }
  const [code] = await once(child, "close");
  return { code, text };
}

describe("useEnsemble", () => {
  describe("for all tests", () => {
    const zk = useEnsemble({ beforeAll, afterAll }, { servers: 1 });
    let seen: MemoryEnsemble | undefined;

    it("cannot be used while tests are declared", () => {
      const none = useEnsemble({ before: () => {}, after: () => {} });
      expect(() => none.connectionString).toThrow(expect.objectContaining({ code: "WRONG_STATE" }));
    });
    it("gives an ensemble", async () => {
      seen = zk.ensemble;
      await using client = createClient(zk.connectionString);
      await client.connect();
      await client.create("/a", "x");
    });
    it("gives the same one again", async () => {
      expect(zk.ensemble).toBe(seen);
      await using client = createClient(zk.connectionString);
      expect(await client.connect().then(() => client.exists("/a"))).not.toBeNull();
    });
  });

  describe("for each test", () => {
    const zk = useEnsemble({ beforeEach, afterEach }, { servers: 3 });
    const seen = new Set<MemoryEnsemble>();

    it.each([1, 2])("gives an empty one, %i", async () => {
      seen.add(zk.ensemble);
      await using client = createClient(zk.connectionString);
      await client.connect();
      expect(await client.exists("/a")).toBeNull();
      await client.create("/a", "x");
    });
    it("has stopped those before", async () => {
      expect(seen.size).toBe(2);
      for (const ensemble of seen) await expect(ensemble.leader()).rejects.toMatchObject({ code: "STOPPED" });
    });
  });

  it("works under Node's own runner, which then ends by itself", async () => {
    const build = await run(["tools/build.mjs", "lab/memory_server", "packages/client"]);
    expect(build).toMatchObject({ code: 0 });
    const file = fileURLToPath(new URL("fixtures/node-test.mjs", import.meta.url));
    const { code, text } = await run(["--test", file]);
    expect(text).toMatch(/# pass 2\n# fail 0/);
    expect(code).toBe(0);
  });

  it("lets a process end that has forgotten its ensemble", async () => {
    const index = fileURLToPath(new URL("../dist/index.js", import.meta.url));
    const program = `const { startMemoryEnsemble } = await import(${JSON.stringify(index)});
      const ensemble = await startMemoryEnsemble(); console.log(await ensemble.leader() > 0);`;
    expect(await run(["--input-type=module", "-e", program])).toEqual({ code: 0, text: "true\n" });
  });
});
