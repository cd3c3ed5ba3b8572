// Which znodes Curator 5 makes as containers. No stat tells; the servers take them away when they are empty, and leave others.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { type LaidNode, readLayout } from "../../src/peers/layout.js";
import { useGround } from "./ground.js";
import { fixtures, playScenario, scenariosOf } from "./layouts.js";

const ground = useGround("3.9.3", ["curator-5"], {
  servers: 1,
  javaFlags: ["-Dznode.container.checkIntervalMs=300"],
});

it("the containers of curator-5 are the znodes that go by themselves", async () => {
  const { client } = ground;
  const peer = ground.peer("curator-5");
  const played: { readonly name: string; readonly root: string }[] = [];
  for (const [name, scenario] of scenariosOf("curator-5")) {
    const root = ground.path();
    await playScenario(ground, peer, scenario, root, async () => {});
    played.push({ name, root });
  }
  // The deepest of all is emptied last: when its uppermost parent is gone, so is all that was empty before it.
  const last = await peer.open("mutex", "/last/of/them/all/here");
  await last.acquire();
  await last.close();
  const isGone = async (): Promise<void> => expect(await client.exists("/last")).toBe(null);
  await vi.waitFor(isGone, { timeout: 60_000, interval: 100 });
  const gone: Record<string, string[]> = {};
  for (const { name, root } of played) {
    const left = (await readLayout(client, root, null)).map(({ path }) => path);
    gone[name] = closed(name).filter((path) => !left.includes(path));
  }
  const text = `${JSON.stringify(gone, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot(join(fixtures, "curator-5/containers.json"));
});

/** What the library itself leaves behind. */
function closed(name: string): string[] {
  const layout = JSON.parse(readFileSync(join(fixtures, "curator-5", `${name}.json`), "utf8"));
  return layout.closed.map(({ path }: LaidNode) => path);
}
