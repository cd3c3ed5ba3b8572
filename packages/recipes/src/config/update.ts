/** Changing a configuration, so that nobody's change is lost. */
import type { Client } from "@zk/client";
import { type AtomicallyOptions, atomically } from "../stm/atomically.js";
import type { ConfigDefinition } from "./definition.js";

/** What a change came to. */
export interface ConfigUpdate<Stored, Value> {
  readonly stored: Stored;
  /** What the schema makes of it. */
  readonly value: Value;
  /** The transaction that wrote it; undefined when it was so already. */
  readonly zxid: bigint | undefined;
}

/**
 * Changes a configuration. When somebody else changes it meanwhile, the function is called again with what is there then.
 *
 * @param change gets what is stored, or the default, or undefined, and gives what is to be stored. It must not do anything besides.
 * @throws RecipeError CORRUPTED when what is there is no configuration (see {@link setConfig}), INVALID_ARGUMENT for what the schema
 *   does not accept, and as {@link atomically}; what the function throws
 * @example
 * ```ts
 * await updateConfig(client, limits, (stored) => ({ ...stored, requests: 200 }));
 * ```
 */
export async function updateConfig<Stored, Value>(
  client: Client,
  config: ConfigDefinition<Stored, Value>,
  change: (stored: Stored | undefined) => Stored | Promise<Stored>,
  options: AtomicallyOptions = {},
): Promise<ConfigUpdate<Stored, Value>> {
  const { value: written, zxid } = await atomically(
    client,
    async (tx) => {
      const stored = await change((await config.readIn(tx)) ?? config.default);
      return { stored, value: await config.writeIn(tx, stored) };
    },
    options,
  );
  return { ...written, zxid };
}

/**
 * Replaces a configuration, whatever is there.
 * @throws as {@link updateConfig}, but never CORRUPTED
 */
export async function setConfig<Stored, Value>(
  client: Client,
  config: ConfigDefinition<Stored, Value>,
  stored: Stored,
  options: AtomicallyOptions = {},
): Promise<ConfigUpdate<Stored, Value>> {
  const { value, zxid } = await atomically(client, (tx) => config.writeIn(tx, stored), options);
  return { stored, value, zxid };
}

/**
 * Writes the default of a configuration if there is no znode yet.
 * @returns whether it was written
 * @throws as {@link updateConfig}; nothing is done for a configuration without a default
 */
export async function ensureConfig<Stored, Value>(
  client: Client,
  config: ConfigDefinition<Stored, Value>,
  options: AtomicallyOptions = {},
): Promise<boolean> {
  const stored = config.default;
  if (stored === undefined) return false;
  const { value } = await atomically(
    client,
    async (tx) => {
      if ((await tx.read(config.path)) !== undefined) return false;
      await config.writeIn(tx, stored);
      return true;
    },
    options,
  );
  return value;
}
