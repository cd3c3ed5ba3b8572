// Trees on their way: from ensemble to ensemble, into files and back, through every kind of interruption.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Client, CreateMode, createClient } from "@zk/client";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeKilledImport, plantMany, readOnly } from "./suites/import.js";
import { buildZk, startZk, waitUntil } from "./support/program.js";
import { ZkHome } from "./support/zk.js";

const home = ZkHome.forThisFile();
let ensemble: MemoryEnsemble;
let client: Client;
beforeAll(() => buildZk());
beforeEach(async () => {
  await client?.close();
  await ensemble?.stop();
  ensemble = await startMemoryEnsemble({ servers: 3 });
  home.use(ensemble.connectionString);
  client = createClient(ensemble.connectionString, { auth: [{ scheme: "digest", auth: "bob:secret" }] });
  await client.connect();
});
afterAll(async () => {
  await client?.close();
  await ensemble?.stop();
});

async function plantAll(): Promise<void> {
  await client.create("/src", "root");
  await client.create("/src/binary", Uint8Array.of(0, 255, 10));
  await client.create("/src/empty", "");
  await client.create("/src/null");
  await client.create("/src/ümläut %2F", "x");
  await client.create("/src/=data", "a name that looks like a file of the archive");
  await client.create("/src/locked", "may be read only", { acl: readOnly });
  await client.create("/src/locked/child", "below");
  await client.create("/src/queue");
  for (let index = 0; index < 7; index++) {
    const { path } = await client.create("/src/queue/job-", null, { mode: CreateMode.PERSISTENT_SEQUENTIAL });
    if (index < 5) await client.remove(path);
  }
  await client.create("/src/mine", "gone with me", { mode: CreateMode.EPHEMERAL });
}

describe("a dump", () => {
  it.each(["out.ndjson", "out.json", "out.tar", "out.ndjson.gz", "out.tar.gz"])(
    "as %s brings everything back",
    async (file) => {
      await plantAll();
      const written = (await home.must(`export /src -o ${file} --force --json`)).json<{
        nodes: number;
        sha256: string;
        ephemeralsSkipped: number;
      }>();
      expect(written).toMatchObject({ nodes: 11, ephemeralsSkipped: 1, changed: 0 });
      const auth = join(home.path, "auth");
      writeFileSync(auth, "digest:bob:secret\n", { mode: 0o600 });
      const read = (
        await home.must(["import", file, "/deep/copy", "--restore-sequence", "--auth-file", auth, "--json"])
      ).json();
      expect(read).toMatchObject({
        created: 11,
        verified: true,
        sha256: written.sha256,
        sequencesRestored: 2,
      });
      expect((await home.run("diff /src /deep/copy --ephemerals skip")).exitCode).toBe(0);
      expect((await client.getData("/deep/copy/binary")).data).toEqual(Uint8Array.of(0, 255, 10));
      expect((await client.getData("/deep/copy/empty")).data).toHaveLength(0);
      expect((await client.getData("/deep/copy/null")).data).toBeNull();
      expect((await client.getACL("/deep/copy/locked")).acl).toEqual(readOnly);
      // The next number is the one that the original would have given.
      const { path } = await client.create("/deep/copy/queue/job-", null, {
        mode: CreateMode.PERSISTENT_SEQUENTIAL,
      });
      expect(path).toBe("/deep/copy/queue/job-0000000007");
    },
  );

  it("keeps ephemerals only when it is told, and refuses them when it is told", async () => {
    await plantAll();
    expect(await home.run("export /src --ephemerals fail")).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("/src/mine is ephemeral"),
    });
    const { stdout } = await home.must("export /src --ephemerals as-persistent");
    await home.must("import - /copy --ephemerals as-persistent", { stdin: stdout });
    expect((await client.exists("/copy/mine"))?.ephemeralOwner).toBe(0n);
    // Whoever imports may leave them out again.
    expect((await home.must("import - /without --json", { stdin: stdout })).json()).toMatchObject({
      ephemeralsSkipped: 1,
      verified: true,
    });
    expect(await client.exists("/without/mine")).toBeNull();
  });

  it("goes through a pipe from one ensemble to another", async () => {
    await plantAll();
    await using other = await startMemoryEnsemble({ servers: 1 });
    const { stdout } = await home.must("export /src");
    expect(
      (await home.must(`--servers ${other.connectionString} import - /src --json`, { stdin: stdout })).json(),
    ).toMatchObject({ verified: true });
    expect((await home.run(`diff /src zk://${other.connectionString}/src`)).exitCode).toBe(0);
    expect((await home.must(`cp /src zk://${other.connectionString}/twice --json`)).json()).toMatchObject({
      verified: true,
    });
  });

  it("is refused as a whole when any of it is not as it was written", async () => {
    await plantAll();
    const { stdout } = await home.must("export /src");
    const lines = stdout.split("\n").filter(Boolean);
    const cases: [string, RegExp][] = [
      [lines.slice(0, -1).join("\n"), /has no end: it was cut short/],
      [stdout.slice(0, -20), /cut short/],
      [[...lines.slice(0, 3), ...lines.slice(4)].join("\n"), /10 of 11 znodes/],
      [stdout.replace("may be read only", "may be read once"), /is not what was written/],
      [stdout.replace("world:anyone:r", "world:anyone:cdrwa"), /is not what was written/],
      [
        [...lines.slice(0, 2), lines[3], lines[2], ...lines.slice(4)].join("\n"),
        /znodes must be in the order of the tree/,
      ],
      [stdout.replace("zk.dump/1", "zk.dump/9"), /this is no dump of zk export/],
      [lines.slice(1).join("\n"), /this is no dump of zk export/],
      [stdout.replace('"/binary"', '"/../binary"'), /the path .* is none/],
      [`${stdout}\n{}`, /something behind the end/],
      ["", /is empty/],
      [
        [...lines.slice(0, -1), '{"footer":null}'].join("\n"),
        /the end of a dump must have counts and a SHA-256/,
      ],
      [stdout.replace('"root":"/src"', '"root":5'), /"root" must be the path/],
      [`${lines[0]}\n${"[".repeat(100_000)}${"]".repeat(100_000)}`, /it is no object/],
      ["\0\u0001\u0002", /line 1: .* is not valid JSON/],
    ];
    for (const [text, says] of cases) {
      const result = await home.run("import - /copy", { stdin: text });
      expect({
        exitCode: result.exitCode,
        says: says.test(result.stderr),
        stderr: result.stderr,
      }).toMatchObject({ exitCode: 2, says: true });
      expect(await client.exists("/copy")).toBeNull();
    }
  });

  it("is known by what it is, not by its name, also compressed and behind a mark of byte order", async () => {
    await plantAll();
    await home.must("export /src -o archive.tar");
    const { stdout } = await home.must("export /src");
    const archive = readFileSync(join(home.path, "archive.tar"));
    const forms = [gzipSync(stdout), archive, gzipSync(archive), Buffer.from(`\uFEFF${stdout}`)];
    for (const [index, bytes] of forms.entries()) {
      writeFileSync(join(home.path, "nameless"), bytes);
      expect((await home.run(`diff nameless /src`)).stderr, `form ${index}`).toContain("no difference\n");
    }
    for (const [name, bytes] of [
      ["cut.ndjson.gz", gzipSync(stdout).subarray(0, -30)],
      ["cut", gzipSync(archive).subarray(0, -30)],
      ["flipped", gzipSync(stdout).fill(0, 40, 60)],
    ] as const) {
      writeFileSync(join(home.path, name), bytes);
      expect(await home.run(`import ${name} /copy`), name).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining("cannot be read: "),
      });
    }
    expect(await client.exists("/copy")).toBeNull();
  });

  it("takes what is selected, with the parents that it needs", async () => {
    await plantAll();
    const paths = async (words: string): Promise<string[]> =>
      (await home.must(`export /src ${words}`)).stdout
        .split("\n")
        .slice(1, -2)
        .map((line) => JSON.parse(line).path);
    expect(await paths("--include /queue/**")).toEqual([
      "/",
      "/queue",
      "/queue/job-0000000005",
      "/queue/job-0000000006",
    ]);
    expect(await paths("--exclude /locked --exclude /queue --exclude /=data --exclude /ü*")).toEqual([
      "/",
      "/binary",
      "/empty",
      "/null",
    ]);
    expect(await paths("--depth 0")).toEqual(["/"]);
    expect(await paths("--max-size 3 --exclude /queue/** --exclude /locked/**")).toEqual([
      "/",
      "/binary",
      "/empty",
      "/null",
      "/ümläut %2F",
    ]);
    expect(await paths("--mtime +1h")).toEqual([]);
  });

  it("appears under its name only when it is whole", async () => {
    await plantAll();
    const signal = AbortSignal.abort(new Error("given up"));
    await home.run("export /src -o whole.ndjson.gz", { signal });
    expect(readdirSync(home.path).filter((name) => name.startsWith("whole"))).toEqual([]);
    await home.must("export /src -o whole.ndjson.gz");
    expect(
      gunzipSync(readFileSync(join(home.path, "whole.ndjson.gz")))
        .toString()
        .split("\n")
        .at(-2),
    ).toMatch(/^\{"footer":/);
    expect(await home.run("export /src -o whole.ndjson.gz")).toMatchObject({ exitCode: 4 });
  });
});

describe("an import", () => {
  const families = 40;

  describeKilledImport(
    {
      home,
      get client() {
        return client;
      },
    },
    { families, kills: 3 },
  );

  it("ends with 9 and can be resumed when its servers are gone for good", async () => {
    const file = await plantMany(client, home, families);
    const running = startZk(["import", file, "/copy", "--json", "--timeout", "4s"], { env: home.env });
    await waitUntil("the first znodes", async () => (await client.exists("/copy/f03")) !== null);
    for (const server of ensemble.servers) await ensemble.pause(server.id);
    const { exitCode, stdout } = await running.ended;
    expect({ exitCode, error: JSON.parse(stdout).error }).toMatchObject({
      exitCode: 9,
      error: { code: "PARTLY_DONE", cause: "TIMED_OUT", causeExitCode: 8 },
    });
    for (const server of ensemble.servers) await ensemble.resume(server.id);
    await ensemble.ready();
    expect((await home.must(["import", file, "/copy", "--resume", "--json"])).json()).toMatchObject({
      verified: true,
    });
  });

  it("lives through the death of the leader", async () => {
    const file = await plantMany(client, home, families);
    const running = startZk(["import", file, "/copy", "--json"], { env: home.env });
    await waitUntil("the first znodes", async () => (await client.exists("/copy/f03")) !== null);
    await ensemble.killLeader();
    const { exitCode, stdout, stderr } = await running.ended;
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(stdout)).toMatchObject({ nodes: families * 100 + 1, verified: true });
  });

  it("touches nothing that is there with other data, unless it is told", async () => {
    await plantAll();
    const { stdout } = await home.must("export /src");
    await client.create("/copy", "root");
    await client.create("/copy/binary", "mine");
    expect(await home.run("import - /copy", { stdin: stdout })).toMatchObject({
      exitCode: 4,
      stderr: expect.stringContaining("/copy/binary is there with other data"),
    });
    expect(await client.getChildren("/copy")).toEqual(["binary"]);
    const plan = (
      await home.must("import - /copy --on-conflict overwrite --dry-run --json", { stdin: stdout })
    ).json<{ changes: unknown[] }>();
    expect(plan).toMatchObject({ created: 9, updated: 1, same: 1 });
    expect(plan.changes).toContainEqual({ op: "set", path: "/copy/binary" });
    expect(await client.getChildren("/copy")).toEqual(["binary"]);
    expect(
      (await home.must("import - /copy --on-conflict skip --json", { stdin: stdout })).json(),
    ).toMatchObject({ created: 9, skipped: 1, verified: true });
    expect(Buffer.from((await client.getData("/copy/binary")).data!).toString()).toBe("mine");
  });
});

describe("zk cp and zk mirror", () => {
  it("say how to go on without a znode that no request of the servers can hold", async () => {
    await client.create("/src", "root");
    await client.create("/src/large", new Uint8Array(1_048_450));
    await client.create("/src/small", "s");
    const target = "/a-name-that-leaves-too-little-room-for-the-data-beside-it-in-one-request-of-a-client";
    const result = await home.run(`cp /src ${target}`);
    expect(result.exitCode).toBe(9);
    expect(result.stderr).toContain("--max-size leaves such a znode out");
    await home.must(`cp /src ${target} --max-size 1000`);
    expect(await client.getChildren(target)).toEqual(["small"]);
  });

  it("leave a target alone whose context is read-only", async () => {
    await plantAll();
    await home.must(`context add guarded --servers ${ensemble.connectionString} --read-only`);
    expect(await home.run("cp /src zk://guarded/copy")).toMatchObject({ exitCode: 5 });
    expect(await home.run("mirror /src zk://guarded/copy --yes")).toMatchObject({ exitCode: 5 });
    expect(await client.exists("/copy")).toBeNull();
    // To read from it is fine.
    await home.must("cp zk://guarded/src /copy");
    rmSync(join(home.path, "config"), { recursive: true });
  });

  it("make the target the same, with what it has too many deleted last", async () => {
    await plantAll();
    await home.must("cp /src /copy");
    await client.create("/copy/extra");
    await client.create("/copy/extra/below");
    await client.setData("/copy/null", "changed");
    expect(await home.run("mirror /src /copy")).toMatchObject({ exitCode: 2 });
    await home.must("mirror /src /copy --no-delete");
    expect(await client.exists("/copy/extra/below")).not.toBeNull();
    expect(
      (await home.must("mirror /src /copy --yes --json")).lines().map(({ op, path }) => `${op} ${path}`),
    ).toEqual(["delete /copy/extra", "delete /copy/extra/below"]);
    expect((await home.run("diff /src /copy")).exitCode).toBe(0);
  });

  it("follow what happens in the source", async () => {
    await plantAll();
    const controller = new AbortController();
    let said = "";
    const running = home.run("mirror /src /copy --follow --yes --json --no-acl", {
      signal: controller.signal,
      onStdout: (text) => (said += text),
    });
    await waitUntil("the first copy", async () => (await client.exists("/copy/ümläut %2F")) !== null);
    await client.create("/src/new", "1");
    await client.create("/src/new/child", "2");
    await client.setData("/src/null", "3");
    await client.removeRecursive("/src/queue");
    await waitUntil(
      "the changes to arrive",
      async () =>
        (await client.exists("/copy/new/child")) !== null &&
        (await client.exists("/copy/queue")) === null &&
        said.includes("/copy/null"),
    );
    expect(Buffer.from((await client.getData("/copy/null")).data!).toString()).toBe("3");
    controller.abort(new Error("enough"));
    await running;
    expect((await home.run("diff /src /copy --no-acl")).exitCode).toBe(0);
  });
});

it("leaves nothing of stdin in the folder for temporary files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zk-cli-tmp-"));
  await client.create("/src", "x");
  const { stdout } = await home.must("export /src");
  const { exitCode } = await startZk(["import", "-", "/copy"], {
    env: { ...home.env, TMPDIR: folder },
    stdin: stdout,
  }).ended;
  expect({ exitCode, left: readdirSync(folder) }).toEqual({ exitCode: 0, left: [] });
  rmSync(folder, { recursive: true });
});
