// What a scenario of a layout is, and what scenarios share.
import type { Client } from "@zk/client";
import { expect, vi } from "vitest";
import type { Peer } from "../../src/peers/peer.js";
import type { Handle, RecipeName } from "../../src/peers/recipes.js";

/** What a scenario works with. */
export interface Scene {
  readonly peer: Peer;
  readonly client: Client;
  /** The path of the recipe; what stands beside it is looked at as well. */
  readonly path: string;
  /** Keeps an object until its layout has been read. */
  keep<Object extends Handle>(opening: Promise<Object>): Promise<Object>;
}

/** One layout: with what the library needs to have for it. */
export interface Scenario {
  readonly name: string;
  readonly recipe: RecipeName;
  /** Libraries that have the recipe and lack what this asks for. */
  readonly notIn?: readonly string[];
  play(scene: Scene): Promise<void>;
  /** Waits, when all is closed, for what a library still does behind that. */
  settled?(scene: Scene): Promise<void>;
}

/** Long enough for whatever is to happen. */
export const limit = { timeoutMs: 10_000 };

/** Waits until a znode has so many children; one that is not there has none. */
export async function waitForChildren({ client }: Scene, path: string, count: number): Promise<void> {
  const look = async (): Promise<void> => {
    const children = (await client.exists(path)) === null ? [] : await client.getChildren(path);
    expect(children).toHaveLength(count);
  };
  await vi.waitFor(look, { timeout: 10_000, interval: 20 });
}
