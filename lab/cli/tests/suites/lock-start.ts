// How the command of zk lock begins, and what is left of it when zk is killed with KILL in that moment.
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { processesWith } from "../support/processes.js";
import { killSoon, type Running, startProgram, startZk, waitUntil } from "../support/program.js";
import type { Stage } from "../support/stage.js";

/** How often zk is killed at a random moment; ZK_LOCK_DEATHS=400 takes three minutes. */
const DEATHS = Number(process.env["ZK_LOCK_DEATHS"] ?? 20);
/** About the time from its place in the line to the watchdog, and from there to the first words of the command. */
const DEATH_WITHIN_MS = 30;

/** Needs /proc. */
export function describeStart(stage: Stage): void {
  const markOf = (name: string): string => `${stage.home.path}-${name}`;
  const started = (
    name: string,
    begin = "",
    more: Readonly<Record<string, string>> = {},
    words: readonly string[] = ["--kill-after", "1s"],
  ): Running & { readonly path: string; readonly out: string } => {
    const out = join(stage.home.path, name);
    const path = `/deaths/${name}`;
    const env = { ...stage.home.env, ZK_TEST_MARK: markOf(name), ...more };
    const command = ["sh", "-c", `${begin}echo $$ >> ${out}; while :; do sleep 0.05; done`];
    return {
      ...startZk(["lock", ...words, path, "--", ...command], { env }),
      path,
      out,
    };
  };
  const left = (name: string): number[] => processesWith("ZK_TEST_MARK", markOf(name));
  /** Not the end of its streams: a command that is left behind has them open. */
  const allGone = async (name: string, child: ChildProcess): Promise<void> => {
    try {
      await waitUntil("the death of zk", () => child.signalCode === "SIGKILL");
      await waitUntil(`everything of ${name} to be gone`, () => left(name).length === 0, 20_000);
    } finally {
      for (const pid of left(name)) process.kill(pid, "SIGKILL");
    }
  };

  it("gives the command its words, its environment and its files as they are", async () => {
    // Names that no shell can hold, and what shells make or change themselves.
    const odd = {
      "spring.profile": "a b\n'c'",
      _: "/bin/odd",
      SHLVL: "7",
      IFS: "x",
      OLDPWD: "/nowhere",
      word: "w",
    };
    const script =
      "console.log(JSON.stringify([process.argv.slice(1), process.env, require('fs').readdirSync('/proc/self/fd')]))";
    const words = ["", "a b", "--", "$HOME", "x=y", "*"];
    const own = { ...stage.home.env, ...odd };
    const plain = startProgram([process.execPath, "-e", script, "--", ...words], { env: own });
    const locked = startZk(["lock", "/starts/whole", "--", process.execPath, "-e", script, "--", ...words], {
      env: own,
    });
    const [expected, got] = [await plain.ended, await locked.ended].map(({ stdout }) => JSON.parse(stdout));
    const ours = Object.entries(got[1]).filter(([name]) => name.startsWith("ZK_LOCK_"));
    expect(ours).toHaveLength(5);
    expect(got).toEqual([expected[0], { ...expected[1], ...Object.fromEntries(ours) }, expected[2]]);
    expect(got[1]).toMatchObject(odd);
    expect(got[1]).not.toHaveProperty("PWD");
  });

  it("stops the command in time when zk itself is stopped, and says so when it goes on", async () => {
    const name = "stopped";
    const { child, ended, path, out } = started(name, 'trap "" TERM; ', {}, [
      "--session-timeout",
      "6s",
      "--kill-after",
      "2s",
    ]);
    await waitUntil("the command", () => existsSync(out));
    const pid = Number(readFileSync(out, "utf8"));
    child.kill("SIGSTOP");
    // The session may not be over before that.
    await waitUntil("the command to be gone", async () => {
      const line = await stage.client.getChildren(path);
      const isThere = processesWith("ZK_TEST_MARK", markOf(name)).includes(pid);
      if (isThere && line.length === 0) throw new Error("the lock is free, and the command runs");
      return !isThere;
    });
    child.kill("SIGCONT");
    expect(await ended).toMatchObject({ exitCode: 75, stderr: expect.stringContaining("lost") });
  });

  it("leaves no command behind, at whichever of its steps zk dies", async () => {
    const hook = new URL("../support/die-at-step.mjs", import.meta.url).href;
    // More than there are: behind the last one it lives, and the command runs.
    const steps = [1, 2, 3, 4, 5, 6, 7];
    const deaths = await Promise.all(
      steps.map(async (step) => {
        const name = `step-${step}`;
        const died = join(stage.home.path, `${name}-died`);
        const { child, out } = started(name, 'trap "" TERM; ', {
          NODE_OPTIONS: `--import=${hook}`,
          ZK_TEST_DIE_AT_STEP: String(step),
          ZK_TEST_DIED: died,
        });
        await waitUntil("its death, or the command", () => existsSync(died) || existsSync(out));
        const isDead = existsSync(died);
        if (!isDead) child.kill("SIGKILL");
        await allGone(name, child);
        return isDead;
      }),
    );
    // The watchdog, the launcher, what the one is told, and what the other is.
    expect(deaths.filter(Boolean).length).toBeGreaterThanOrEqual(4);
    expect(deaths.at(-1)).toBe(false);
  });

  it("leaves no command behind, at whichever moment zk dies", async () => {
    const counts = { before: 0, after: 0 };
    const die = async (name: string, isLate: boolean): Promise<void> => {
      const { child, path, out } = started(name);
      await waitUntil("its place, or its watchdog", async () =>
        isLate ? left(name).length > 1 : (await stage.client.getChildren(path).catch(() => [])).length > 0,
      );
      killSoon(child.pid!, DEATH_WITHIN_MS);
      await allGone(name, child);
      counts[existsSync(out) ? "after" : "before"]++;
    };
    for (let index = 0; index < DEATHS; index += 5)
      await Promise.all([0, 1, 2, 3, 4].map((more) => die(`moment-${index + more}`, more > 2)));
    expect(counts.before + counts.after).toBeGreaterThanOrEqual(DEATHS);
    console.info(
      `zk died ${counts.before} times before its command said a word, ${counts.after} times after`,
    );
  });
}
