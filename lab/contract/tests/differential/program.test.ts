/** The command: what it says, and how it ends. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { startEnsemble } from "@zk/lab";
import { afterAll, describe, expect, it } from "vitest";
import { generateSchedule } from "../../src/differential/generator.js";
import { runDifferential } from "../../src/differential/program.js";
import { readSchedule, ScheduleFileError, writeSchedule } from "../../src/differential/schedule-file.js";

const folder = mkdtempSync(join(tmpdir(), "zk-differential-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const models = ["--reference", "model", "--against", "model"];

async function run(
  args: readonly string[],
  options: { signal?: AbortSignal; env?: Record<string, string> } = {},
) {
  const text = { stdout: "", stderr: "" };
  const stream = (name: keyof typeof text): PassThrough => {
    const through = new PassThrough();
    through.on("data", (chunk) => {
      text[name] += chunk;
    });
    return through;
  };
  const [stdout, stderr] = [stream("stdout"), stream("stderr")];
  const signal = options.signal ?? new AbortController().signal;
  const env = options.env ?? process.env;
  const code = await runDifferential(args, { stdout, stderr, signal, env });
  return { code, ...text };
}

describe("pnpm differential", () => {
  it("ends with 0 when there is no difference, and says how much was compared", async () => {
    const { code, stdout } = await run([...models, "--operations", "300", "--seed", "6"]);
    expect(stdout).toMatch(
      /^No difference: the model and the model said the same \d+ things about \d+ operations/,
    );
    expect(code).toBe(0);
  });

  it("replays a schedule from a file", async () => {
    const file = join(folder, "schedule.json");
    const schedule = generateSchedule({ seed: 1, episode: 2, length: 60 });
    writeSchedule(file, schedule);
    expect(readSchedule(file)).toEqual(schedule);
    expect(readFileSync(file, "utf8").split("\n").length).toBeGreaterThan(60);
    const { code, stdout } = await run([...models, "--replay", file]);
    expect(stdout).toMatch(/^No difference: the model and the model say the same \d+ things\.\n$/);
    expect(code).toBe(0);
  });

  it("ends with 1 on a difference, with the smallest schedule that shows it on the screen and in a file", async () => {
    // Servers that give other session timeouts than the model of the check does.
    await using other = await startEnsemble({ backend: "memory", servers: 1, tickTimeMs: 1000 });
    const targets = ["--reference", "model", "--against", other.connectionString];
    const { code, stdout } = await run([...targets, "--operations", "200", "--out", folder, "--seed", "8"]);
    expect(stdout).toContain("The smallest schedule that shows it has 1 of ");
    expect(stdout).toMatch(/^> +1 {2}s\d connects: session new, 600000 ms$/m);
    expect(stdout).toContain("timeOut: 600000, not 20000");
    expect(code).toBe(1);
    const file = join(folder, "differential-8-0.json");
    expect(stdout).toContain("Again: pnpm differential --replay ");
    expect(readSchedule(file).operations).toHaveLength(1);
    const again = await run([...targets, "--replay", file]);
    expect(again.stdout).toContain("timeOut: 600000, not 20000");
    expect(again.code).toBe(1);
  });

  it("ends with 2 on a file that is not there or holds no schedule", async () => {
    const bad = join(folder, "bad.json");
    for (const text of [
      "",
      "[]",
      '{"format":"zk-differential-1","seed":1,"episode":0,"operations":[{"kind":"x"}]}',
    ]) {
      writeFileSync(bad, text);
      expect(() => readSchedule(bad)).toThrow(ScheduleFileError);
      const { code, stderr } = await run([...models, "--replay", bad]);
      expect(stderr).toContain("bad.json");
      expect(code).toBe(2);
    }
    expect((await run([...models, "--replay", join(folder, "none.json")])).code).toBe(2);
  });

  it.each([
    [["--seed", "x"], "--seed takes a whole number"],
    [["--operations", "0"], "--operations takes a whole number from 1"],
    [["--against", "nothing"], "--against takes process, model, memory or HOST:PORT"],
    [["--against", "host:0"], "--against takes process, model, memory or HOST:PORT"],
    [["--servers", "10"], "--servers takes a whole number from 1 to 9"],
    [["--nonsense"], "--nonsense"],
    [["word"], "word"],
  ])("ends with 2 and says what is wrong with %j", async (args, message) => {
    const { code, stderr, stdout } = await run(args);
    expect(stderr).toContain(message);
    expect(stderr).toContain("Usage: pnpm differential");
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("shows its options, also behind the dashes that pnpm hands on", async () => {
    for (const args of [["--help"], ["--", "-h"]]) {
      const { code, stdout } = await run(args);
      expect(stdout).toContain("--operations N");
      expect(code).toBe(0);
    }
  });

  it("ends with 69 without Java", async () => {
    const env = { PATH: folder, ZK_LAB_JAVA: join(folder, "java") };
    const { code, stderr } = await run(["--operations", "10"], { env });
    expect(stderr).toContain("ZK_LAB_JAVA");
    expect(code).toBe(69);
  });

  it("ends with 130 when it is interrupted", async () => {
    const controller = new AbortController();
    controller.abort(new Error("ended by SIGINT"));
    const { code, stderr } = await run([...models, "--operations", "1000000"], { signal: controller.signal });
    expect(stderr).toBe("interrupted\n");
    expect(code).toBe(130);
  });

  it("ends with 1 when a server is not there", async () => {
    const { code, stderr } = await run([
      "--reference",
      "model",
      "--against",
      "127.0.0.1:1",
      "--operations",
      "10",
      "--out",
      folder,
    ]);
    expect(stderr).toContain("127.0.0.1:1 gives no session");
    expect(code).toBe(1);
  });
});
