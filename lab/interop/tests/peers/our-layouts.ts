// What ours writes, held against what the libraries really write: the same scenarios, the same fixtures.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type LaidNode, readLayout } from "../../src/peers/layout.js";
import { ourRecipes } from "../../src/peers/ours/our-peer.js";
import type { PeerKind } from "../../src/peers/peer.js";
import type { Ground } from "./ground.js";
import { fixtures, playScenario, scenariosOf } from "./layouts.js";

interface Layouts {
  readonly while_open: readonly LaidNode[];
  readonly closed: readonly LaidNode[];
}

/** Scenarios that ours does not go through, by library or for all, and why. */
const differing: Readonly<Record<string, string>> = {
  "mutex-persistent": "our locks go with their session",
  "write-lock-downgraded": "ours is downgraded by a method of the hold, which the interface does not have",
  "curator-4 semaphore-with-waiter": "ours waits without having made its permit",
  "curator-5 semaphore-with-waiter": "ours waits without having made its permit",
  "kazoo semaphore-with-waiter": "kazoo writes b'bob' for bob into its inner lock",
  "discovery-sequential": "ours writes no number behind an id: Curator does not find such an instance again",
  "kazoo mutex-with-curator-names": "kazoo keeps its own prefix; ours writes Curator's whole name",
};

/** Where ours takes away on closing what the library leaves until its session ends. */
const tidier: ReadonlySet<string> = new Set(["double-barrier", "kazoo-locking-queue"]);

/** Instances that Curator unregisters when it is closed; ours stay, for that is what they are for. */
const staying: ReadonlySet<string> = new Set(["discovery-text-payload", "discovery-with-enabled"]);

/** Where Curator puts an item back as a new one when its consumer is closed; ours leaves it in its place. */
const putBack = "queue-item-at-work";

/** What kazoo makes and leaves empty, and ours fills with its seed: Curator could not read it otherwise. */
const seeded = { path: "/at/only-read", data: "hex:00000000" };

/**
 * What matters to others: without what ours keeps beside a queue or a value, and without what a znode says of its owner where nobody was
 * told. Leases of ours say more than the identity, claims of ours are never empty, and no library reads either.
 */
function essence(nodes: readonly LaidNode[]): readonly LaidNode[] {
  return nodes
    .filter(({ path }) => !/^\/at(\/[^/]+)?-state(\/|$)/.test(path))
    .map(({ path, mode, data }) => {
      const isMember = /^\/at\/‹(uuid|hex)›$/.test(path);
      // In kazoo's partitioner a lock of an item says nothing; ours says whose it is.
      const isClaim = path.startsWith("/at-locks/") || /^\/at\/locks\/[^/]+\/‹hex›__lock__/.test(path);
      const lease = /^\{"identity":"(.*)","max":\d+\}$/.exec(data ?? "");
      const isSeed = path === seeded.path && data === seeded.data;
      const said = isClaim || isSeed || nobody.has(data) ? "" : (lease?.[1] ?? data);
      return { path: isMember ? "/at/‹member›" : path, mode, data: said };
    });
}

const nobody: ReadonlySet<string | null> = new Set(["‹address›", "‹host›-‹pid›", null]);

export function describeOurLayouts(ground: Ground, kind: PeerKind): void {
  const dialect = kind === "kazoo" ? "kazoo" : "curator";
  describe(`our layout in the dialect of ${kind}`, () => {
    const scenarios = scenariosOf(kind).filter(
      ([name, { recipe }]) =>
        ourRecipes.has(recipe) && (differing[name] ?? differing[`${kind} ${name}`]) === undefined,
    );
    it.each(scenarios)("%s", async (name, scenario) => {
      const root = ground.path();
      const look = async (): Promise<LaidNode[]> => {
        await ground.client.sync(root);
        return await readLayout(ground.client, root, null);
      };
      const whileOpen = await playScenario(ground, ground.ours(dialect), scenario, root, look);
      const theirs = JSON.parse(await readFile(join(fixtures, kind, `${name}.json`), "utf8")) as Layouts;
      expect(essence(whileOpen)).toEqual(essence(theirs.while_open));
      if (name === putBack) return;
      const closed = staying.has(name) ? theirs.while_open : theirs.closed;
      const left = essence(closed).filter(({ mode }) => mode === "persistent" || !tidier.has(name));
      expect(essence(await look())).toEqual(left);
    });
  });
}
