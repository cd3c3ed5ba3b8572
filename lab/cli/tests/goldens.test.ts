// What every command says, on a pipe, on a terminal and as JSON, kept in fixtures/. After a wanted change:
// `npx vitest run --project lab lab/cli -u`, and read the difference.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "@zk/cli";
import { createClient } from "@zk/client";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { undocumented, unseen } from "./support/fields.js";
import { GoldenStage, MODES, plant } from "./support/golden-run.js";
import { SCENES } from "./support/golden-scenes.js";
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
    await expect(parts.join("\n")).toMatchFileSnapshot(join(fixtures, `${name.replaceAll(" ", "-")}.txt`));
    expect({ undocumented: undocumented(command, printed) }).toEqual({ undocumented: [] });
    expect({ unseen: unseen(command, printed) }).toEqual({ unseen: [] });
  });

  it("is kept for every command", () => {
    // These show figures that differ from run to run; tests of their own read their JSON.
    const others = [
      "status",
      "top",
      "who",
      "check",
      "doctor",
      "lab",
      "watch",
      "lock",
      "lock ls",
      "lock break",
      "elect",
      "queue put",
      "queue take",
      "queue ls",
      "barrier",
      "members",
      "sniff",
      "support-bundle",
    ];
    const missing = COMMANDS.filter(
      ({ name, isHidden }) => isHidden !== true && !(name in SCENES) && !others.includes(name),
    );
    expect(missing.map(({ name }) => name)).toEqual([]);
  });
});
