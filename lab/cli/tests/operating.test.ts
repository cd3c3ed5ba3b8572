// Looking at servers that are well, at servers that are not, and at servers that do not say.
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeOperating, type StatusJson } from "./suites/operating.js";
import { documented } from "./support/fields.js";
import { waitUntil } from "./support/program.js";
import { startSilentServer } from "./support/silent-server.js";
import { ZkHome } from "./support/zk.js";

const home = ZkHome.forThisFile();
let ensemble: MemoryEnsemble;
const doors: { close(): void }[] = [];
beforeAll(async () => {
  ensemble = await startMemoryEnsemble({ servers: 3 });
  home.use(ensemble.connectionString);
});
afterEach(async () => {
  for (const { id } of ensemble.servers) await ensemble.start(id, { wait: "process" });
  await ensemble.ready();
  for (const door of doors.splice(0)) door.close();
});
afterAll(async () => await ensemble.stop());

/** A server whose words are whitelisted away; sessions go through. */
async function barredServer(): Promise<string> {
  const silent = await startSilentServer(ensemble.servers[0]!);
  doors.push(silent);
  return silent.address;
}

describe("three servers", () =>
  describeOperating({
    home,
    get ensemble() {
      return ensemble;
    },
  }));

describe("zk status", () => {
  it("ends with 6 when none serves", async () => {
    await ensemble.kill(1);
    await ensemble.kill(2);
    let two = await home.run("status --json");
    // The last one notices within a tick or two that it is alone.
    await waitUntil("the last server to be alone", async () => {
      two = await home.run("status --json");
      return two.exitCode === 6;
    });
    expect(two.json<StatusJson>()).toMatchObject({ hasQuorum: false, leader: null });
    expect(two.json<StatusJson>().servers[2]).toMatchObject({ state: "not-serving" });
  });

  it("says what it could not ask, and does not take a silent word for a dead server", async () => {
    const servers = await barredServer();
    const result = await home.run(["--servers", servers, "status", "--json", "--admin-port", "0"]);
    expect(result.exitCode).toBe(0);
    expect(result.json<StatusJson>().servers).toMatchObject([
      { state: "serving", source: "session", mode: null, why: expect.stringContaining("whitelist") },
    ]);
    expect((await home.run(["--servers", servers, "status", "--admin-port", "0"])).stdout).toContain(
      "not on its whitelist",
    );
    const who = await home.run(["--servers", servers, "who", "0x1", "--json"]);
    expect(who.json<{ notAsked: string[] }>().notAsked).toEqual([
      `${servers}: cons is not on its whitelist`,
      `${servers}: dump is not on its whitelist`,
    ]);
    const top = (await home.run(["--servers", servers, "top", "--once", "--admin-port", "0"])).stdout;
    expect(top).toContain("cons is not on its whitelist");
  });
});

describe("zk check", () => {
  it("is CRITICAL when none serves", async () => {
    await ensemble.kill(3);
    await ensemble.kill(2);
    let last = await home.run("check");
    await waitUntil("the last server to be alone", async () => {
      last = await home.run("check");
      return last.exitCode === 2;
    });
    expect(last.stdout).toMatch(/^ZOOKEEPER CRITICAL - no server serves/);
  });

  it("is UNKNOWN when servers take connections and say nothing for as long as it has time", async () => {
    const deaf = createServer(() => {});
    doors.push(deaf);
    await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
    const { port } = deaf.address() as { readonly port: number };
    const result = await home.run(`check --servers 127.0.0.1:${port} --timeout 300ms`);
    expect(result).toMatchObject({ exitCode: 3, stdout: "ZOOKEEPER UNKNOWN - not done within 0.3 s\n" });
  });
});

describe("zk who", () => {
  it("says of what nobody owns that nobody does", async () => {
    await home.must("create -p /none/of/us x");
    expect(await home.run("who /none/of/us")).toMatchObject({ exitCode: 4 });
    expect(await home.run("who /nowhere")).toMatchObject({ exitCode: 3 });
    expect(await home.run("who 0xdead")).toMatchObject({ exitCode: 1 });
    expect(await home.run("who bob")).toMatchObject({ exitCode: 2 });
  });
});

describe("zk top", () => {
  it("gives one object a round", async () => {
    const controller = new AbortController();
    let rounds = 0;
    const result = await home.run("top --interval 20ms --json", {
      signal: controller.signal,
      onStdout: (text) => {
        rounds += text.split("\n").length - 1;
        if (rounds >= 3) controller.abort(new Error("enough"));
      },
    });
    const last = result
      .lines<{ servers: { requestsPerSecond: number | null }[] }>()
      .filter((each) => each.servers)[2];
    expect(last?.servers[0]?.requestsPerSecond).toBeGreaterThanOrEqual(0);
  });
});

describe("zk doctor", () => {
  const ids = async (text: string): Promise<string[]> => {
    writeFileSync(join(home.path, "zoo.cfg"), text);
    const result = await home.run("doctor --config zoo.cfg --offline --json");
    return result.json<{ findings: { id: string }[] }>().findings.map(({ id }) => id);
  };
  const good =
    "dataDir=/nowhere\ndataLogDir=/elsewhere\nclientPort=2181\nclientPortAddress=10.0.0.1\ninitLimit=10\nsyncLimit=5\nautopurge.purgeInterval=24\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";

  it("has nothing against a good configuration", async () => expect(await ids(good)).toEqual([]));

  it.each([
    ["config.unknown-key", good.replace("initLimit", "initLimti")],
    ["config.no-limit", good.replace(/syncLimit=.*\n/, "")],
    ["config.even-voters", good.replace(/server\.3=.*\n/, "")],
    ["config.one-server", good.replace(/server\.[23]=.*\n/g, "")],
    ["config.port-twice", good.replace("server.2=b", "server.2=a")],
    ["config.loopback", good.replace("server.2=b", "server.2=127.0.0.1")],
    ["config.no-purge", good.replace("purgeInterval=24", "purgeInterval=0")],
    ["config.few-snapshots", `${good}autopurge.snapRetainCount=1\n`],
    ["config.one-disk", good.replace("/elsewhere", "/nowhere")],
    ["config.no-data-dir", good.replace("dataDir", "#dataDir")],
    ["config.no-number", good.replace("initLimit=10", "initLimit=ten")],
    ["config.twice", `${good}syncLimit=7\n`],
    ["config.no-sync", `${good}forceSync=no\n`],
    ["config.server-line", good.replace("c:2888:3888", "c")],
    ["config.spaced-data-dir", good.replace("dataDir=", "dataDir = ")],
    ["config.spaced-data-dir", good.replace("/nowhere", "/nowhere ")],
    ["config.out-of-range", good.replace("syncLimit=5", "syncLimit=-1")],
    ["config.out-of-range", good.replace("=2181", "=70000")],
    ["config.short-limit", good.replace("initLimit=10", "initLimit=1")],
    ["config.session-timeouts", `${good}maxSessionTimeout=1000\ntickTime=500\n`],
    ["config.session-timeouts", `${good}minSessionTimeout=90000\n`],
    ["config.port-twice", good.replace("b:2888", "b:2181")],
    ["config.no-purge", good.replace("purgeInterval=24", "purgeInterval=-1")],
    ["config.no-whitelist", `${good}reconfigEnabled=true\n`],
    ["config.no-whitelist", good.replace("b:2888:3888", "b:2888:3888;2181")],
  ])("finds %s", async (id, text) => expect(await ids(text)).toContain(id));

  it("reads myid where the folder is", async () => {
    const here = good.replace("/nowhere", home.path);
    expect(await ids(here)).toContain("config.no-myid");
    writeFileSync(join(home.path, "myid"), "7\n");
    expect(await ids(here)).toContain("config.stray-myid");
    writeFileSync(join(home.path, "myid"), "seven\n");
    expect(await ids(here)).toContain("config.bad-myid");
    writeFileSync(join(home.path, "myid"), "2\n");
    expect(await ids(here)).toEqual([]);
    expect(await ids(here.replace("/elsewhere", tmpdir()))).toEqual(
      statSync(tmpdir()).dev === statSync(home.path).dev ? ["config.one-disk"] : [],
    );
  });

  it("says in a SARIF document of each finding where it is", async () => {
    writeFileSync(join(home.path, "zoo.cfg"), `${good}initLimti=3\n`);
    const result = await home.run("doctor --config zoo.cfg --offline --sarif --fail-on=warn");
    expect(result.exitCode).toBe(1);
    expect(result.json()).toMatchObject({
      runs: [
        {
          tool: { driver: { rules: [{ id: "config.unknown-key" }] } },
          results: [
            {
              ruleId: "config.unknown-key",
              locations: [
                { physicalLocation: { artifactLocation: { uri: "zoo.cfg" }, region: { startLine: 11 } } },
              ],
            },
          ],
        },
      ],
    });
  });

  it("looks at the lab, its servers and their files", async () => {
    const lab = join(home.path, "lab");
    const config = join(lab, "zookeeper1/conf/zoo.cfg");
    mkdirSync(join(lab, "dist/cli"), { recursive: true });
    mkdirSync(dirname(config), { recursive: true });
    writeFileSync(config, good.replace("initLimit", "initLimti"));
    const says = (state: string): void => {
      const answer = {
        state,
        connectionString: ensemble.connectionString,
        servers: [{ dir: join(lab, "zookeeper1") }],
      };
      // One server of three is away: it ends with 3, and answers.
      writeFileSync(
        join(lab, "dist/cli/main.js"),
        `process.stdout.write(${JSON.stringify(JSON.stringify(answer))}); process.exitCode = 3;`,
      );
    };
    const env = { ZK_LAB: lab, ZK_SERVERS: "127.0.0.1:1" };
    says("partly-up");
    const found = (await home.run("doctor --lab --json --fail-on never", { env })).json<{
      findings: { id: string; message: string }[];
    }>().findings;
    expect(found.map(({ id }) => id)).toEqual(
      expect.arrayContaining(["config.unknown-key", "version.end-of-life"]),
    );
    expect(found.map(({ id }) => id)).not.toContain("live.no-quorum");
    expect(await home.run("doctor --lab --servers 127.0.0.1:1", { env })).toMatchObject({ exitCode: 2 });
    says("down");
    expect(await home.run("doctor --lab", { env })).toMatchObject({
      exitCode: 6,
      stderr: expect.stringContaining("zk lab up starts it"),
    });
    expect(await home.run("doctor --lab", { env: { ZK_LAB: "/nowhere" } })).toMatchObject({ exitCode: 69 });
  });

  it("compares clocks by a scratch znode, if it may and is asked to", async () => {
    const before = (await home.must("ls /")).stdout;
    const found = (await home.must("doctor --clock / --json")).json<{ findings: { id: string }[] }>();
    expect(found.findings.map(({ id }) => id)).not.toContain("live.clock-skew");
    expect((await home.must("ls /")).stdout).toBe(before);
    expect(await home.run("--read-only doctor --clock /")).toMatchObject({ exitCode: 5 });
    expect(await home.run("doctor --clock /nowhere")).toMatchObject({ exitCode: 3 });
    expect(await home.run("doctor --clock / --offline")).toMatchObject({ exitCode: 2 });
  });

  it("looks at running servers, and fails from the severity that it is told", async () => {
    const result = await home.run("doctor --json", { env: { ZK_AUTH: "digest:a:b" } });
    expect(result.exitCode).toBe(0);
    documented("doctor", [result.json()]);
    const found = result.json<{ findings: { id: string }[] }>().findings.map(({ id }) => id);
    expect(found).toEqual(
      expect.arrayContaining(["version.cve-2019-0201", "own.secret-in-variable", "acl.open-root"]),
    );
    expect(result.stdout).not.toContain("digest:a:b");
    expect(await home.run("doctor --fail-on warning")).toMatchObject({ exitCode: 1 });
    const sarif = (await home.run("doctor --sarif")).json<{ runs: { results: unknown[] }[] }>();
    expect(sarif.runs[0]?.results.length).toBeGreaterThan(3);
  });
});

describe("zk support-bundle", () => {
  it("tells what helps, and no name, address or secret", async () => {
    const env = { ZK_AUTH: "digest:bob:hunter2" };
    const result = await home.must("support-bundle --json", { env });
    documented("support-bundle", [result.json()]);
    expect(result.json()).toMatchObject({
      variables: { ZK_AUTH: "(set)", ZK_SERVERS: "(set)" },
      ensemble: { leader: expect.stringMatching(/^server-[123]$/), hasQuorum: true },
    });
    const ports = ensemble.servers.map(({ clientPort }) => clientPort).join("|");
    expect(result.stdout).not.toMatch(new RegExp(`127\\.0\\.0\\.1|hunter2|${ports}|${home.path}`));
    expect(result.json<{ findings: unknown[] }>().findings.length).toBeGreaterThan(0);
    const named = await home.must("support-bundle --with-names", { env });
    expect(named.stdout).toContain(`127.0.0.1:${ensemble.servers[0]!.clientPort}`);
    expect(named.stdout).not.toContain("hunter2");
  });

  it("is written into a new file, and also when no server is there", async () => {
    const down = ["--servers", "127.0.0.1:1", "support-bundle", "-o", "bundle.json"];
    const result = await home.must(down);
    expect(result.stdout).toBe("");
    const text = readFileSync(join(home.path, "bundle.json"), "utf8");
    expect(JSON.parse(text)).toMatchObject({
      ensemble: { servers: [{ server: "server-1", state: "down" }] },
    });
    expect(text).not.toContain("127.0.0.1");
    expect(await home.run(down)).toMatchObject({ exitCode: 4 });
  });
});
