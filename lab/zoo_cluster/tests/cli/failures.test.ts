import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Interruption } from "../../src/cli/program.js";
import { pidsOf } from "../ensemble/processes.js";
import { LabHome } from "./lab-home.js";

const home = LabHome.forThisFile();
const { name } = home;
const lab = `--name ${name}`;
const go: LabHome["go"] = (...call) => home.go(...call);
const mustGo: LabHome["mustGo"] = (...call) => home.mustGo(...call);

describe("a lab that cannot be brought up", () => {
  const other = `o${process.pid}`;
  afterEach(async () => {
    await go(`down --name ${other}`);
  });

  it("names every taken port with the pid and command that has it, and starts nothing", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as { port: number };
    const refused = await go(`up --name ${other} --ports ${port} --json`);
    blocker.close();
    expect(refused.exitCode).toBe(1);
    expect(refused.json()).toMatchObject({ error: { code: "PORT_TAKEN" } });
    expect(refused.stderr).toContain(`port ${port} is taken by pid ${process.pid} (`);
    expect(refused.stderr).toMatch(/lab:up --name NAME/);
    expect(pidsOf(other)).toEqual([]);
    expect((await go(`status --name ${other}`)).exitCode).toBe(4);
  });

  it("says so of a port that another lab has", async () => {
    await mustGo(`up ${lab}`);
    const port = (await home.status()).connectionString.split(/[:,]/)[1];
    const refused = await go(`up --name ${other} --ports ${port}`);
    expect(refused.stderr).toContain(`port ${port} is taken by pid `);
    expect(refused.stderr).toContain(`(server 1 of the lab "${name}" in ${home.folder})`);
  });

  it("takes everything back on Ctrl-C, whenever it comes", async () => {
    for (const moment of ["starting server 2", "waiting for a leader"]) {
      const controller = new AbortController();
      const ended = await go(`up --name ${other} --json`, {
        signal: controller.signal,
        onLine: (line) => {
          if (line.startsWith(moment)) controller.abort(new Interruption("SIGINT"));
        },
      });
      expect(ended.exitCode).toBe(130);
      expect(ended.json()).toMatchObject({ error: { code: "INTERRUPTED" } });
      if (moment !== "starting server 2")
        expect(ended.stderr).toContain("stopping what was started: server 1, 2, 3");
      expect(pidsOf(other)).toEqual([]);
      expect((await go(`status --name ${other}`)).exitCode).toBe(4);
    }
  });

  it("stops on Ctrl-C only what it has started when it was repairing", async () => {
    await mustGo(`up --name ${other}`);
    await mustGo(`kill 2 --name ${other}`);
    const before = pidsOf(other);
    const controller = new AbortController();
    const ended = await go(`up --name ${other}`, {
      signal: controller.signal,
      onLine: (line) => {
        if (line.startsWith("waiting for a leader")) controller.abort(new Interruption("SIGTERM"));
      },
    });
    expect(ended.exitCode).toBe(143);
    expect(ended.stderr).toContain("stopping what was started: server 2");
    expect(pidsOf(other)).toEqual(before);
  });

  it("says what is missing and exits 69 without Java or without a release", async () => {
    const noJava = await go(`up --name ${other} --json`, {
      env: { ZK_LAB_JAVA: join(home.path, "no-java") },
    });
    expect(noJava.exitCode).toBe(69);
    expect(noJava.json()).toMatchObject({ error: { code: "NO_JAVA" } });
    const nowhere = {
      XDG_CACHE_HOME: join(home.path, "empty"),
      ZK_LAB_OFFLINE: "1",
      ZK_LAB_HOME: join(home.path, "nothing"),
    };
    const noRelease = await go(`up --name ${other}`, { env: nowhere });
    expect(noRelease.exitCode).toBe(69);
    expect(noRelease.stderr).toMatch(/ZK_LAB_HOME/);
    const doctor = await go(`doctor --name ${other} --json`, {
      env: { ZK_LAB_JAVA: join(home.path, "no-java") },
    });
    expect(doctor.exitCode).toBe(69);
    expect(doctor.json()).toMatchObject({ canBringUp: false });
  });

  it("does not touch a state file that it cannot read", async () => {
    const path = join(home.path, ".lab", other, "state.json");
    await mustGo(`up --name ${other}`);
    const good = await readFile(path, "utf8");
    for (const [text, why] of [
      ["{", /it is no JSON/],
      ['{"schema":99}', /its schema is 99, this lab reads 1/],
      ['{"schema":1}', /parts of it are missing/],
    ] as const) {
      await writeFile(path, text);
      for (const word of ["status", "up", "down", "kill 1"]) {
        const refused = await go(`${word} --name ${other}`);
        expect(refused.exitCode).toBe(1);
        expect(refused.stderr).toMatch(why);
      }
    }
    await writeFile(path, good);
    expect(pidsOf(other)).toHaveLength(3);
  });
});
