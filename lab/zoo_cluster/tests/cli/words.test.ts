import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { UpResult } from "../../src/lab/up.js";
import { waitForNoServers } from "../ensemble/processes.js";
import { LabHome } from "./lab-home.js";
import type { Run } from "./run.js";

const home = LabHome.forThisFile();
const { name } = home;
const lab = `--name ${name}`;
const go: LabHome["go"] = (...call) => home.go(...call);
const mustGo: LabHome["mustGo"] = (...call) => home.mustGo(...call);

describe("words and options", () => {
  it.each([
    ["", 2, /Usage: lab/],
    ["upp", 2, /unknown command 'upp'\n\(Did you mean up\?\)/],
    ["kil leader", 2, /Did you mean kill\?/],
    ["up --nmae x", 2, /unknown option '--nmae'\n\(Did you mean --name\?\)/],
    ["up --servers many", 2, /It must be a whole number/],
    ["up --servers 0", 2, /It must be a whole number/],
    ["up --servers 12", 2, /servers must be a whole number from 1 to 9; it is 12/],
    ["up --ports a,b", 2, /It must be a whole number/],
    ["up --wait soon", 2, /It must be a number of seconds/],
    ["up --ports 70000", 2, /ports must be numbers from 1 to 65535/],
    ["up --ports 4000,4001 --servers 3", 2, /ports must be one client port for each of 3 servers/],
    ["up --version newest", 2, /"newest" is not an exact ZooKeeper version/],
    ["up --name ../x", 2, /Option name must be/],
    ["status stray", 2, /too many arguments/],
    ["kill", 2, /missing required argument 'server'/],
    ["status --name nobody", 4, /^$/],
    ["kill 1 --name nobody", 4, /The lab "nobody" is not up in .*Bring it up: .*lab:up --name nobody/],
    ["env --name nobody", 4, /is not up/],
    ["logs --name nobody", 4, /is not up/],
    ["start --name nobody", 4, /is not up/],
    ["down --name nobody", 0, /^$/],
    ["--help", 0, /^$/],
    ["up --help", 0, /^$/],
  ])("lab %s ends with %d", async (words, exitCode, message) => {
    const result = await go(words);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toMatch(message);
  });

  it("keeps stdout for JSON, errors too", async () => {
    expect((await go("upp --json")).json()).toEqual({
      error: { code: "USAGE", message: expect.stringContaining("unknown command"), details: {} },
    });
    expect((await go("kill 1 --name nobody --json")).json()).toMatchObject({ error: { code: "NO_LAB" } });
  });

  it("names a server that is not there", async () => {
    await mustGo(`up ${lab}`);
    const unknown = await go(`kill 9 ${lab}`);
    expect(unknown).toMatchObject({
      exitCode: 2,
      stderr: "error: There is no server 9; this ensemble has 1, 2, 3.\n",
    });
    expect((await go(`pause boss ${lab}`)).stderr).toBe(
      'error: "boss" is no server: say its number, or leader, or follower.\n',
    );
    await mustGo(`kill 1 ${lab}`);
    expect(await go(`pause 1 ${lab}`)).toMatchObject({
      exitCode: 1,
      stderr: "error: Server 1 cannot be paused: it does not run: start it first.\n",
    });
  });

  it("is coloured for a terminal, unless told not to", async () => {
    const controlCode = String.fromCharCode(27);
    const colours = async (isTTY: boolean, env: Record<string, string> = {}): Promise<boolean> =>
      (await go("status --name nobody", { isTTY, env })).stdout.includes(controlCode);
    expect(await colours(true)).toBe(true);
    expect(await colours(false)).toBe(false);
    expect(await colours(true, { NO_COLOR: "1" })).toBe(false);
    expect(await colours(true, { TERM: "dumb" })).toBe(false);
    expect(await colours(false, { FORCE_COLOR: "1" })).toBe(true);
    expect(await colours(false, { FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
  });

  it("says what a lab stands on", async () => {
    const json = await mustGo(`doctor ${lab} --json`);
    const diagnosis = json.json<{ checks: { topic: string }[]; releaseChain: { step: string }[] }>();
    expect(diagnosis).toMatchObject({ version: "3.4.6", canBringUp: true });
    expect(new Set(diagnosis.checks.map(({ topic }) => topic))).toEqual(
      new Set(["system", "java", "maven", "release", "engine", "ports", "disk", "lab", "strays"]),
    );
    expect(diagnosis.releaseChain.map(({ step }) => step)).toEqual([
      "home",
      "cache",
      "archive",
      "maven",
      "asf-archive",
    ]);
    const text = await mustGo(`doctor ${lab}`);
    expect(text.stdout).toMatch(/^ok {4}java {5}Java \d+/m);
    expect(text.stdout).toMatch(/A lab can be brought up \(ZooKeeper 3\.4\.6\)\.\n$/);
  });
});

describe("another folder, another release", () => {
  it("holds three servers of 3.9.3 as well, and one alone", async () => {
    // A folder with a blank in its name, as a home folder may have.
    const dir = join(home.path, "else where");
    const at = (words: string): Promise<Run> =>
      home.go([...words.split(" "), "--name", "modern", "--dir", dir]);
    const up = await at("up --version 3.9.3 --json");
    expect(up).toMatchObject({ exitCode: 0 });
    const result = up.json<UpResult>();
    expect(result.status).toMatchObject({ version: "3.9.3", state: "up" });
    expect(result.status.servers.map(({ version }) => version)).toEqual(["3.9.3", "3.9.3", "3.9.3"]);
    expect((await at("down --wipe")).exitCode).toBe(0);
    expect((await at("up --servers 1 --json")).json<UpResult>().status.servers).toMatchObject([
      { mode: "standalone" },
    ]);
    expect((await at("kill leader")).exitCode).toBe(0);
    expect((await at("down --wipe")).exitCode).toBe(0);
    await waitForNoServers("modern", 1_000);
  });
});
