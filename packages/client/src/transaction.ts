/** All or nothing: several writes with one zxid. */
import {
  type Acl,
  type CreateMode,
  errorName,
  isSequentialMode,
  type MultiOperation,
  type MultiResult,
  OPEN_ACL_UNSAFE,
  OpCode,
  type Stat,
} from "@zk/protocol";
import { checkAcl, checkKind, checkPath, checkVersion } from "./checks.js";
import type { Chroot } from "./chroot.js";
import { ZkError, type ZkErrorCode } from "./core/index.js";
import { newerKind } from "./newer-servers.js";
import { TTL_DISABLED } from "./operations.js";
import type { CallOptions } from "./options.js";
import { type Data, toBytes } from "./text.js";

/** What one operation of a committed transaction did. */
export type TransactionResult =
  | { readonly type: "check"; readonly zxid: bigint }
  | { readonly type: "create"; readonly path: string; readonly zxid: bigint }
  | { readonly type: "setData"; readonly stat: Stat; readonly zxid: bigint }
  | { readonly type: "remove"; readonly zxid: bigint };

/** The result of an operation by its name. */
export type ResultOf<Type extends TransactionResult["type"]> = Extract<
  TransactionResult,
  { readonly type: Type }
>;

/** What the server said of one operation of a transaction that failed. */
export interface TransactionRefusal {
  readonly type: TransactionResult["type"];
  readonly path: string;
  /** `OK` for one that would have gone through, `RUNTIME_INCONSISTENCY` for one that was not tried any more. */
  readonly code: ZkErrorCode;
}

/** How the transaction reaches the server; made by the client. */
export interface TransactionSender {
  readonly chroot: Chroot;
  send(
    operations: readonly MultiOperation[],
    paths: readonly string[],
    options: CallOptions,
    finish: (results: readonly MultiResult[], zxid: bigint) => unknown,
  ): Promise<unknown>;
}

/**
 * Collects operations; `commit` sends them as one. Later operations see the effects of earlier ones.
 *
 * @example
 * ```ts
 * const [, created] = await client.transaction().check("/leader", { version: 3 }).create("/job", "payload").commit();
 * console.log(created.path);
 * ```
 */
export class Transaction<Results extends readonly TransactionResult[] = readonly []> {
  readonly #sender: TransactionSender;
  readonly #operations: MultiOperation[] = [];
  readonly #paths: string[] = [];
  #committed = false;

  /** Made by `client.transaction()`. */
  constructor(sender: TransactionSender) {
    this.#sender = sender;
  }

  /** How many operations were collected. */
  get size(): number {
    return this.#operations.length;
  }

  /**
   * Demands that the znode exists, and has the given data version unless that is -1 (the default).
   * @throws ZkError INVALID_PATH, INVALID_ARGUMENT
   */
  check(
    path: string,
    options: { readonly version?: number } = {},
  ): Transaction<[...Results, ResultOf<"check">]> {
    const server = this.#serverPath(path, "check");
    const version = checkVersion(options.version, "transaction.check", path);
    return this.#with(path, { type: OpCode.CHECK, request: { path: server, version } });
  }

  /**
   * Creates a znode, of any kind; `ttlMs` as in {@link CreateOptions}.
   * @throws ZkError INVALID_PATH, INVALID_ARGUMENT
   */
  create(
    path: string,
    data: Data = null,
    options: {
      readonly mode?: CreateMode;
      readonly ttlMs?: number;
      readonly acl?: readonly Acl[];
    } = {},
  ): Transaction<[...Results, ResultOf<"create">]> {
    const { flags, ttl } = checkKind(options, "transaction.create", path);
    checkPath(path, "transaction.create", isSequentialMode(flags));
    const acl = checkAcl(options.acl ?? OPEN_ACL_UNSAFE, "transaction.create", path);
    const request = {
      path: this.#sender.chroot.toServer(path),
      data: toBytes(data, "transaction.create", path),
      acl,
      flags,
    };
    if (ttl !== undefined) return this.#with(path, { type: OpCode.CREATE_TTL, request: { ...request, ttl } });
    const isNewer = newerKind(flags) !== undefined;
    return this.#with(path, { type: isNewer ? OpCode.CREATE_CONTAINER : OpCode.CREATE, request });
  }

  /**
   * Replaces the data of a znode, if it has the given data version; -1, the default, takes any.
   * @throws ZkError INVALID_PATH, INVALID_ARGUMENT
   */
  setData(
    path: string,
    data: Data,
    options: { readonly version?: number } = {},
  ): Transaction<[...Results, ResultOf<"setData">]> {
    const request = {
      path: this.#serverPath(path, "setData"),
      data: toBytes(data, "transaction.setData", path),
      version: checkVersion(options.version, "transaction.setData", path),
    };
    return this.#with(path, { type: OpCode.SET_DATA, request });
  }

  /**
   * Removes a znode, if it has the given data version; -1, the default, takes any.
   * @throws ZkError INVALID_PATH, INVALID_ARGUMENT
   */
  remove(
    path: string,
    options: { readonly version?: number } = {},
  ): Transaction<[...Results, ResultOf<"remove">]> {
    const server = this.#serverPath(path, "remove");
    const version = checkVersion(options.version, "transaction.remove", path);
    return this.#with(path, { type: OpCode.DELETE, request: { path: server, version } });
  }

  /**
   * Sends everything as one write. An empty transaction succeeds without being sent.
   *
   * @returns what each operation did, in order
   * @throws ZkError with the code and path of the operation that failed, its `operationIndex`, and in `results` what the
   *   server said of each ({@link TransactionRefusal}); nothing was applied then. UNIMPLEMENTED if it creates containers or
   *   TTL znodes and the server is older than 3.5. Or any error of a write.
   */
  commit(options: CallOptions = {}): Promise<Results> {
    if (this.#committed) {
      return Promise.reject(
        new ZkError({
          code: "INVALID_ARGUMENT",
          message: "a transaction can be committed once",
          operation: "transaction",
        }),
      );
    }
    this.#committed = true;
    if (this.#operations.length === 0) return Promise.resolve([] as unknown as Results);
    const results = this.#sender.send(this.#operations, this.#paths, options, (answers, zxid) =>
      this.#finish(answers, zxid),
    );
    // As it is: behind a promise more, its answer would come after those that stand behind it on the wire.
    return results as Promise<Results>;
  }

  #serverPath(path: string, operation: string): string {
    checkPath(path, `transaction.${operation}`);
    return this.#sender.chroot.toServer(path);
  }

  // One builder whose type grows with each operation: the runtime object is the same throughout.
  #with<Next extends readonly TransactionResult[]>(
    path: string,
    operation: MultiOperation,
  ): Transaction<Next> {
    this.#operations.push(operation);
    this.#paths.push(path);
    return this as unknown as Transaction<Next>;
  }

  #finish(answers: readonly MultiResult[], zxid: bigint): readonly TransactionResult[] | ZkError {
    if (answers.length !== this.#operations.length) {
      throw new Error(`${answers.length} results came for ${this.#operations.length} operations`);
    }
    const failed = answers.findIndex((answer) => answer.type === OpCode.ERROR && answer.err !== 0);
    if (failed >= 0) return this.#refusal(answers, failed);
    return answers.map((answer, index) => this.#resultOf(answer, index, zxid));
  }

  #resultOf(answer: MultiResult, index: number, zxid: bigint): TransactionResult {
    const asked = this.#operations[index] as MultiOperation;
    if (answer.type !== asked.type && !isCreated(answer.type, asked.type))
      throw new Error(`result ${index} is of type ${answer.type}, not ${asked.type}`);
    switch (answer.type) {
      case OpCode.CREATE:
      case OpCode.CREATE2:
        return { type: "create", path: this.#sender.chroot.toUser(answer.path), zxid };
      case OpCode.SET_DATA:
        return { type: "setData", stat: answer.stat, zxid };
      case OpCode.DELETE:
        return { type: "remove", zxid };
      case OpCode.CHECK:
        return { type: "check", zxid };
      default:
        throw new Error(`result ${index} is of the unexpected type ${answer.type}`);
    }
  }

  #refusal(answers: readonly MultiResult[], index: number): ZkError {
    const results: TransactionRefusal[] = answers.map((answer, place) => ({
      type: typeOf(this.#operations[place] as MultiOperation),
      path: this.#paths[place] as string,
      code: answer.type === OpCode.ERROR ? codeOf(answer.err, this.#operations[place]) : "OK",
    }));
    const answer = answers[index] as { readonly err: number };
    const refusal = results[index] as TransactionRefusal;
    const why = refusal.code === TTL_DISABLED.code ? `: ${TTL_DISABLED.message}` : "";
    return new ZkError({
      code: refusal.code,
      message: `operation ${index} (${refusal.type} ${refusal.path}) failed, so nothing was applied${why}`,
      operation: `transaction.${refusal.type}`,
      path: refusal.path,
      serverCode: answer.err,
      operationIndex: index,
      results,
    });
  }
}

function typeOf(operation: MultiOperation): TransactionResult["type"] {
  switch (operation.type) {
    case OpCode.CHECK:
      return "check";
    case OpCode.DELETE:
      return "remove";
    case OpCode.SET_DATA:
      return "setData";
    default:
      return "create";
  }
}

/** Of containers and TTL znodes: with a stat, or as older servers have it without. Source: ZOOKEEPER-4026 */
function isCreated(answered: number, asked: number): boolean {
  return (
    (asked === OpCode.CREATE_CONTAINER || asked === OpCode.CREATE_TTL) &&
    (answered === OpCode.CREATE || answered === OpCode.CREATE2)
  );
}

function codeOf(err: number, operation: MultiOperation | undefined): ZkErrorCode {
  const name = errorName(err) ?? "UNKNOWN_SERVER_ERROR";
  return name === "UNIMPLEMENTED" && operation?.type === OpCode.CREATE_TTL ? TTL_DISABLED.code : name;
}
