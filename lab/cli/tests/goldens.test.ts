// What every command says, on a pipe, on a terminal and as JSON, kept in fixtures/. After a wanted change:
// `npx vitest run lab/cli/tests/goldens -u`, and read the difference. Commands whose output has figures of a moment are played in
// goldens-operating and goldens-coordination.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "@zk/cli";
import { createClient } from "@zk/client";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { COORDINATION_SCENES } from "./support/coordination-scenes.js";
import { undocumented, unseen } from "./support/fields.js";
import { fileOf, GoldenStage, MODES, plant } from "./support/golden-run.js";
import { SCENES } from "./support/golden-scenes.js";
import { section } from "./support/living-run.js";
import { OPERATING_SCENES } from "./support/operating-scenes.js";
import { ZkHome } from "./support/zk.js";

const fixtures = fileURLToPath(new URL("fixtures/", import.meta.url));
const home = ZkHome.forThisFile();
let ensemble: MemoryEnsemble | undefined;
afterAll(async () => await ensemble?.stop());

async function startAnew(): Promise<void> {
  await ensemble?.stop();
  ensemble = await startMemoryEnsemble({ servers: 1 });
  home.use(ensemble.connectionString);
  await using client = createClient(ensemble.connectionString);
  await client.connect();
  await plant(client);
}

const golden = new GoldenStage(home, startAnew);
beforeEach(startAnew);

describe("what a command says", () => {
  it.each(Object.entries(SCENES))("zk %s", async (name, lines) => {
    const command = COMMANDS.find((each) => each.name === name)!;
    const printed: Record<string, unknown>[] = [];
    const parts: string[] = [];
    for (const scene of lines) {
      for (const mode of MODES) {
        if (mode === "plain" && command.output.plain === undefined) continue;
        const said = await golden.run(command, scene, mode);
        parts.push(said.text);
        printed.push(...said.printed);
      }
    }
    await expect(parts.join("\n")).toMatchFileSnapshot(join(fixtures, fileOf(name)));
    expect({ undocumented: undocumented(command, printed) }).toEqual({ undocumented: [] });
    expect({ unseen: unseen(command, printed) }).toEqual({ unseen: [] });
  });

  it("is kept for every command, on a pipe, on a terminal and as JSON", () => {
    const lacks: string[] = [];
    for (const { name, output } of COMMANDS) {
      const isPlayed = [SCENES, OPERATING_SCENES, COORDINATION_SCENES].some((scenes) => name in scenes);
      const file = join(fixtures, fileOf(name));
      const kept = isPlayed && existsSync(file) ? readFileSync(file, "utf8") : "";
      for (const [what, way] of [
        ["a pipe", /^\$ .* \((pipe|process)\)$/m],
        ["a terminal", /^\$ .* \((terminal|pty)\)$/m],
        ["JSON", output.form === "none" ? /^/ : /^\$ .* --json.* \((json|process-json)\)$/m],
      ] as const)
        if (!way.test(kept)) lacks.push(`zk ${name}: ${what}`);
    }
    expect(lacks).toEqual([]);
  });
});

describe("what help says", () => {
  it.each([
    ...COMMANDS.filter(({ passesOn }) => passesOn !== true).map(({ name }) => `${name} --help`),
    "--help",
    "--version",
    "",
  ])("zk %s", async (line) => {
    const said = await home.run(line);
    await expect(
      `$ zk ${line} (pipe)\n${section("", said.stdout)}${section("! ", said.stderr)}= ${said.exitCode}\n`.replace(
        /^\d+\.\d+\.\d+/m,
        "VERSION",
      ),
    ).toMatchFileSnapshot(
      join(fixtures, "help", fileOf(/^(-|$)/.test(line) ? `zk${line}` : line.replace(" --help", ""))),
    );
    // On a terminal it is the same with headings that stand out.
    const shown = await home.run(line, { isTerminal: true });
    const bare = (text: string): string => text.replaceAll("\u001b", "␛").replaceAll(/␛\[[\d;]*m/g, "");
    expect({ ...shown, bytes: 0, stdout: bare(shown.stdout), stderr: bare(shown.stderr) }).toMatchObject({
      exitCode: said.exitCode,
      stdout: said.stdout,
      stderr: said.stderr,
    });
    expect((shown.stdout + shown.stderr).includes("\u001b[1m")).toBe(line !== "--version");
  });
});
