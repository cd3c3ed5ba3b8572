// The layouts of the real libraries, held against fixtures/layouts. `pnpm test:interop -u` writes them anew.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readLayout } from "../../src/peers/layout.js";
import { type Peer, type PeerKind, recipesOf } from "../../src/peers/peer.js";
import type { Handle, RecipeName } from "../../src/peers/recipes.js";
import type { Ground } from "./ground.js";
import { scenarios } from "./layout-scenarios.js";
import type { Scenario, Scene } from "./layout-scene.js";

export const fixtures = fileURLToPath(new URL("../../fixtures/layouts", import.meta.url));

export function describeLayouts(ground: Ground, kind: PeerKind): void {
  describe(`layout of ${kind}`, () => {
    it.each(scenariosOf(kind))("%s", async (name, scenario) => {
      const peer = ground.peer(kind);
      const look = async () => {
        await ground.client.sync(root);
        return await readLayout(ground.client, root, peer.address);
      };
      const root = ground.path();
      const whileOpen = await playScenario(ground, peer, scenario, root, look);
      const layout = { while_open: whileOpen, closed: await look() };
      const text = `${JSON.stringify(layout, null, 2)}\n`;
      await expect(text).toMatchFileSnapshot(join(fixtures, kind, `${name}.json`));
    });
  });
}

/** Plays a scenario below a new znode, looks, and closes everything that it opened. */
export async function playScenario<Seen>(
  { client }: Ground,
  peer: Peer,
  { play, settled }: Scenario,
  root: string,
  look: () => Promise<Seen>,
): Promise<Seen> {
  await client.create(root, "");
  const kept: Handle[] = [];
  const keep: Scene["keep"] = async (opening) => {
    const opened = await opening;
    kept.push(opened);
    return opened;
  };
  const scene = { peer, client, path: `${root}/at`, keep };
  try {
    await play(scene);
    return await look();
  } finally {
    for (const handle of kept) await handle.close();
    await settled?.(scene);
  }
}

/** The scenarios that a library can play, by name. */
export function scenariosOf(kind: PeerKind): [name: string, scenario: Scenario][] {
  const has: readonly RecipeName[] = recipesOf[kind];
  return scenarios
    .filter(({ recipe, notIn = [] }) => has.includes(recipe) && !notIn.includes(kind))
    .map((scenario) => [scenario.name, scenario]);
}
