// How `.ci/engine` finds, starts and stops a container engine. Stand-ins play the engine, apt-get and the user.

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";

const script = fileURLToPath(new URL("../.ci/engine", import.meta.url));
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zk-ci-engine-"));
  mkdirSync(join(folder, "bin"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs it with these programs and the few of the system that it needs. */
function engine(action: string, programs: Record<string, string>): { code: number | null; said: string } {
  const link = (name: string): string =>
    `exec ${existsSync(`/bin/${name}`) ? "/bin" : "/usr/bin"}/${name} "$@"`;
  const system = Object.fromEntries(["tail", "rm", "sleep"].map((name) => [name, link(name)]));
  for (const [name, body] of Object.entries({ ...system, ...programs })) {
    // An engine of an earlier call may be running one of these: what runs cannot be written (ETXTBSY).
    if (!(name in programs) && existsSync(join(folder, "bin", name))) continue;
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${body.replaceAll("$FOLDER", folder)}\n`);
    chmodSync(join(folder, "bin", name), 0o755);
  }
  const env = { PATH: join(folder, "bin") };
  const { status, stdout, stderr } = spawnSync("/bin/bash", [script, action, folder], {
    env,
    encoding: "utf8",
  });
  return { code: status, said: stdout + stderr };
}

const root = { id: "echo 0" };
const apt = { "apt-get": 'echo "$*" >> $FOLDER/apt' };
/** Answers once it has been started, and lives until it is told to end. */
const startable = {
  docker: "test -f $FOLDER/up",
  dockerd: "trap 'rm $FOLDER/up; exit 0' TERM; : > $FOLDER/up; while :; do sleep 0.1; done",
  debootstrap: "exit 0",
};

it("leaves an engine alone that answers", () => {
  const { code, said } = engine("start", { ...root, ...apt, docker: "exit 0" });
  expect({ code, said }).toEqual({ code: 0, said: "" });
  expect(existsSync(join(folder, "apt"))).toBe(false);
  engine("stop", {});
});

it("starts one and stops it again", () => {
  expect(engine("start", { ...root, ...apt, ...startable }).said).toMatch(
    /started a container engine \(pid \d+\)/,
  );
  expect(existsSync(join(folder, "apt"))).toBe(false);
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  expect(process.kill(pid, 0)).toBe(true);
  expect(engine("stop", {}).said).toBe("");
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  expect(existsSync(join(folder, "up"))).toBe(false);
});

it("installs what is missing first", () => {
  const install = `case "$*" in *docker.io*) printf '%s\\n' '#!/bin/sh' 'exit 0' > $FOLDER/bin/docker;
    /bin/cp $FOLDER/bin/docker $FOLDER/bin/dockerd; /bin/chmod 755 $FOLDER/bin/docker*;; esac; echo "$*" >> $FOLDER/apt`;
  const { code } = engine("start", { ...root, "apt-get": install, docker: "exit 1" });
  expect(code).toBe(0);
  const asked = readFileSync(join(folder, "apt"), "utf8");
  expect(asked).toMatch(/^update/);
  expect(asked).toMatch(/install .*docker\.io\n.*install .*debootstrap/);
});

it("goes on without one as anybody else, and says why", () => {
  const { code, said } = engine("start", { ...apt, id: "echo 1000", docker: "exit 1" });
  expect(said).toContain("none can be started from here (needs root and apt-get)");
  expect(code).toBe(0);
});

it("says what an engine said that did not come up", () => {
  const broken = { docker: "exit 1", dockerd: "echo no cgroups here; exit 1", debootstrap: "exit 0" };
  const { code, said } = engine("start", { ...root, ...apt, ...broken });
  expect(said).toMatch(/no cgroups here\n.*does not answer/);
  expect(code).toBe(0);
});
