/** What a configuration is: where it lies, what may be in it, and how it is written. */
import { checkRecipePath, invalid } from "../core/checks.js";
import { type Codec, jsonCodec } from "../core/codec.js";
import { RecipeError } from "../errors.js";
import type { AtomicTransaction } from "../stm/atomically.js";
import { redact, type Secrets } from "./redact.js";
import { placeOfIssue, type SchemaResult, type StandardSchema } from "./standard-schema.js";

/** How recipes of this family call themselves in errors. */
export const CONFIG_RECIPE = "Config";

/** What {@link defineConfig} is told. `Stored` is what is written, `Value` what the schema makes of it. */
export interface ConfigOptions<Stored, Value> {
  /** The znode. */
  readonly path: string;
  /** What may be in it: a schema of any library that follows Standard Schema, such as zod or valibot. */
  readonly schema: StandardSchema<Stored, Value>;
  /** What is read while there is no znode. It is not written, unless asked for. Default: none. */
  readonly default?: Stored;
  /** How it becomes bytes. Default: JSON. */
  readonly codec?: Codec<unknown>;
  /** What must not be seen in logs, errors and telemetry; see {@link Secrets}. Default: nothing. */
  readonly secrets?: Secrets;
}

/** See {@link defineConfig}. */
export class ConfigDefinition<Stored, Value = Stored> {
  readonly path: string;
  /** What is read while there is no znode. */
  readonly default: Stored | undefined;
  readonly secrets: Secrets | undefined;
  readonly #schema: StandardSchema<Stored, Value>;
  readonly #codec: Codec<unknown>;

  /** Made by {@link defineConfig}. */
  constructor(options: ConfigOptions<Stored, Value>) {
    checkRecipePath(CONFIG_RECIPE, options?.path);
    const { validate } = options.schema?.["~standard"] ?? {};
    if (typeof validate !== "function") {
      const about = { recipe: CONFIG_RECIPE, path: options.path };
      throw invalid(
        about,
        "schema",
        "a Standard Schema, such as one of zod, valibot or arktype",
        options.schema,
      );
    }
    this.path = options.path;
    this.default = options.default;
    this.secrets = options.secrets;
    this.#schema = options.schema;
    this.#codec = options.codec ?? jsonCodec();
  }

  /**
   * What the bytes mean.
   * @throws RecipeError CORRUPTED saying what is wrong, with the schema's or the codec's error as its cause unless there are secrets
   */
  async parse(data: Uint8Array | null): Promise<{ readonly stored: Stored; readonly value: Value }> {
    const stored = this.#decode(data);
    const value = await this.#validate(stored, "CORRUPTED");
    return { stored: stored as Stored, value };
  }

  /**
   * The bytes of a value that the schema accepts.
   * @throws RecipeError INVALID_ARGUMENT
   */
  async serialize(stored: Stored): Promise<{ readonly data: Uint8Array; readonly value: Value }> {
    const value = await this.#validate(stored, "INVALID_ARGUMENT");
    try {
      return { data: this.#codec.encode(stored), value };
    } catch (error) {
      throw this.#error("INVALID_ARGUMENT", "it cannot be written", error);
    }
  }

  /**
   * What is stored, within {@link atomically}; undefined when there is no znode. Several configurations can be read and written
   * together so.
   *
   * @throws RecipeError CORRUPTED; what a read may end with
   * @example
   * ```ts
   * await atomically(client, async (tx) => {
   *   const limits = await limitsConfig.readIn(tx);
   *   await featuresConfig.writeIn(tx, { beta: (limits?.requests ?? 0) > 100 });
   * });
   * ```
   */
  async readIn(tx: AtomicTransaction): Promise<Stored | undefined> {
    const data = await tx.read(this.path);
    return data === undefined ? undefined : (await this.parse(data)).stored;
  }

  /**
   * Wants it to be this, within {@link atomically}. Nothing is written where the bytes are the same.
   * @throws RecipeError INVALID_ARGUMENT for what the schema does not accept
   */
  async writeIn(tx: AtomicTransaction, stored: Stored): Promise<Value> {
    const { data, value } = await this.serialize(stored);
    if (!isSame(await tx.read(this.path), data)) tx.write(this.path, data);
    return value;
  }

  /** A value, or what is stored, as it may be shown in logs. */
  redact(value: Value | Stored | undefined): unknown {
    return value === undefined ? undefined : redact(value, this.secrets);
  }

  #decode(data: Uint8Array | null): unknown {
    if (data === null) throw this.#error("CORRUPTED", "the znode has no data", undefined);
    try {
      return this.#codec.decode(data);
    } catch (error) {
      throw this.#error("CORRUPTED", "its bytes cannot be decoded", error);
    }
  }

  async #validate(stored: unknown, code: "CORRUPTED" | "INVALID_ARGUMENT"): Promise<Value> {
    let result: SchemaResult<Value>;
    try {
      result = await this.#schema["~standard"].validate(stored);
    } catch (error) {
      throw this.#error(code, "the schema threw", error);
    }
    if (result.issues === undefined) return result.value;
    const issues = result.issues.map((issue) => {
      const place = placeOfIssue(issue);
      // What a library says of a value may quote it.
      const message = this.secrets === undefined ? issue.message : "is not as it should be";
      return place === "" ? message : `${place}: ${message}`;
    });
    throw this.#error(code, `the schema does not accept it: ${issues.join("; ")}`, result.issues);
  }

  #error(code: "CORRUPTED" | "INVALID_ARGUMENT", message: string, cause: unknown): RecipeError {
    return new RecipeError({
      code,
      message,
      recipe: CONFIG_RECIPE,
      path: this.path,
      cause: this.secrets === undefined ? cause : undefined,
    });
  }
}

/** Whether there are bytes, and these. */
export function isSame(found: Uint8Array | null | undefined, wanted: Uint8Array | null): boolean {
  if (found === undefined) return false;
  if (found === null || wanted === null) return found === wanted;
  return found.length === wanted.length && found.every((byte, index) => byte === wanted[index]);
}

/**
 * Says what a configuration is. To read it as it changes see {@link watchConfig}, to change it {@link updateConfig}.
 *
 * @example
 * ```ts
 * const limits = defineConfig({
 *   path: "/config/limits",
 *   schema: z.object({ requests: z.number().int().positive(), token: z.string() }),
 *   default: { requests: 100, token: "none" },
 *   secrets: ["token"],
 * });
 * ```
 */
export function defineConfig<Stored, Value = Stored>(
  options: ConfigOptions<Stored, Value>,
): ConfigDefinition<Stored, Value> {
  return new ConfigDefinition(options);
}
