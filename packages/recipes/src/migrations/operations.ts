/** What a migration does to the tree: operations as values, so that they can be compared with what was applied long ago. */
import { type Acl, type Client, CreateMode, type Data, OPEN_ACL_UNSAFE, type Transaction } from "@zk/client";
import { RecipeError } from "../errors.js";
import { hexOf, sha256Hex } from "../io/sha256.js";

/** How a migration may create a znode: it outlives the session that applies it. */
export type MigrationMode = typeof CreateMode.PERSISTENT | typeof CreateMode.PERSISTENT_SEQUENTIAL;

/** One operation, as of a transaction. */
export type MigrationOperation =
  | {
      readonly type: "create";
      readonly path: string;
      /** Default null. */
      readonly data?: Data;
      /** Default persistent. */
      readonly mode?: MigrationMode;
      /** Default: anybody may do anything. */
      readonly acl?: readonly Acl[];
    }
  /** `version`: the one that the znode must have; default -1, any. */
  | { readonly type: "setData"; readonly path: string; readonly data: Data; readonly version?: number }
  | { readonly type: "remove"; readonly path: string; readonly version?: number }
  /** Demands that the znode is there. */
  | { readonly type: "check"; readonly path: string; readonly version?: number };

/** Collects the operations of a migration that is given as a function. Its methods are those of a transaction. */
export class MigrationSteps {
  /** What was collected. */
  readonly operations: MigrationOperation[] = [];

  create(
    path: string,
    data: Data = null,
    options: { readonly mode?: MigrationMode; readonly acl?: readonly Acl[] } = {},
  ): this {
    return this.#add({ ...options, type: "create", path, data });
  }

  setData(path: string, data: Data, options: { readonly version?: number } = {}): this {
    return this.#add({ ...options, type: "setData", path, data });
  }

  remove(path: string, options: { readonly version?: number } = {}): this {
    return this.#add({ ...options, type: "remove", path });
  }

  check(path: string, options: { readonly version?: number } = {}): this {
    return this.#add({ ...options, type: "check", path });
  }

  #add(operation: MigrationOperation): this {
    this.operations.push(operation);
    return this;
  }
}

/** Adds an operation to a transaction. @throws ZkError INVALID_PATH, INVALID_ARGUMENT */
export function addOperation(transaction: Transaction, operation: MigrationOperation): void {
  switch (operation.type) {
    case "create": {
      const { path, data = null, mode = CreateMode.PERSISTENT, acl = OPEN_ACL_UNSAFE } = operation;
      transaction.create(path, data, { mode, acl });
      return;
    }
    case "setData":
      transaction.setData(operation.path, operation.data, { version: operation.version ?? ANY });
      return;
    case "remove":
      transaction.remove(operation.path, { version: operation.version ?? ANY });
      return;
    case "check":
      transaction.check(operation.path, { version: operation.version ?? ANY });
      return;
    default:
      throw new TypeError(`there is no operation ${JSON.stringify(operation satisfies never)}`);
  }
}

const ANY = -1;

/**
 * Refuses what could not be sent, or would make the migration mean something else each time.
 *
 * @param client nothing is asked of it
 * @param about what the error is to say
 * @param own the directory of the migrations, which they must not touch
 * @throws RecipeError INVALID_ARGUMENT
 */
export function checkOperation(
  client: Client,
  operation: MigrationOperation,
  about: { readonly recipe: string; readonly path: string; readonly what: string },
  own: string,
): void {
  const { what, ...rest } = about;
  const refuse = (why: string, cause?: unknown): never => {
    throw new RecipeError({ code: "INVALID_ARGUMENT", message: `${what}: ${why}`, ...rest, cause });
  };
  try {
    addOperation(client.transaction(), operation);
  } catch (cause) {
    refuse(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const { type, path } = operation;
  if (path === own || path.startsWith(`${own}/`)) refuse(`${path} belongs to the migrations themselves`);
  if (type !== "create" || operation.mode === undefined || MODES.has(operation.mode)) return;
  refuse("an ephemeral znode would go with the session that applies the migration");
}

const MODES: ReadonlyMap<CreateMode, string> = new Map([
  [CreateMode.PERSISTENT, "persistent"],
  [CreateMode.PERSISTENT_SEQUENTIAL, "persistentSequential"],
]);

/**
 * The SHA-256 of the operations as canonical JSON (RFC 8785): an array of objects with sorted keys and no spaces. Everything that is
 * left out is written as what it means, data as hexadecimal digits, so other languages come to the same.
 */
export function fingerprintOf(operations: readonly MigrationOperation[]): string {
  return sha256Hex(`[${operations.map(canonical).join()}]`);
}

function canonical(operation: MigrationOperation): string {
  const { type: op, path } = operation;
  switch (operation.type) {
    case "create": {
      const { data = null, mode = CreateMode.PERSISTENT, acl = OPEN_ACL_UNSAFE } = operation;
      const entries = acl.map(({ perms, id: { scheme, id } }) => ({ id, perms, scheme }));
      return JSON.stringify({ acl: entries, data: textOf(data), mode: MODES.get(mode), op, path });
    }
    case "setData":
      return JSON.stringify({ data: textOf(operation.data), op, path, version: operation.version ?? ANY });
    default:
      return JSON.stringify({ op, path, version: operation.version ?? ANY });
  }
}

function textOf(data: Data): string | null {
  return data === null ? null : hexOf(bytesOf(data));
}

/** About how many bytes an operation takes in a transaction on the wire, and in the servers' logs. */
export function weightOf(operation: MigrationOperation): number {
  const head = 9 + 4 + bytesOf(operation.path).length + 4;
  if (operation.type !== "create" && operation.type !== "setData") return head;
  const data = 4 + bytesOf(operation.data ?? "").length;
  if (operation.type === "setData") return head + data;
  const acl = operation.acl ?? OPEN_ACL_UNSAFE;
  return acl.reduce((sum, { id }) => sum + 12 + id.scheme.length + id.id.length, head + data + 4);
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}
