import { resolve } from "node:path";
import { type Acl, isZkError, OPEN_ACL_UNSAFE, type Transaction } from "@zk/client";
import { type Command, defineCommand } from "../../definition/command.js";
import { flag, optional } from "../../definition/specs.js";
import { parseAcls } from "../../input/acl-text.js";
import { readAll, readFile, readInput } from "../../input/value.js";
import { splitWords } from "../../input/words.js";
import { kindOf, parseTtl } from "../../input/znode-kind.js";
import { resolvePath } from "../../input/znode-path.js";
import { hex, plural } from "../../output/figures.js";
import { utf8OrUndefined } from "../../output/json.js";
import { visible } from "../../output/visible.js";
import { hintFor } from "../../program/describe-error.js";
import { CliError, UsageError } from "../../program/errors.js";
import { ExitCode, exitCodeFor } from "../../program/exit-codes.js";

/** One operation as it was written. */
type Operation = { readonly line: number; readonly path: string } & (
  | { readonly type: "check"; readonly version: number }
  | {
      readonly type: "create";
      readonly data: Uint8Array | null;
      readonly kind: ReturnType<typeof kindOf>;
      readonly acl: readonly Acl[];
    }
  | { readonly type: "set"; readonly data: Uint8Array | null; readonly version: number }
  | { readonly type: "delete"; readonly version: number }
);

export const txn: Command = defineCommand({
  name: "txn",
  group: "everyday",
  summary: "several changes that are made together or not at all",
  details: [
    "One operation a line: `check PATH [VERSION]`, `create [-e] [-s] [-c] [-t TTL] [--acl ACL] PATH [DATA]`, `set PATH DATA [VERSION]`, `delete PATH [VERSION]`. Words are quoted as in a shell, # begins a comment, @FILE is the content of a file. When one operation fails none is made, and the line that failed is named.",
  ],
  examples: [
    { command: "zk txn changes.txt", does: "operations from a file" },
    { command: "printf 'check /leader 3\\nset /job now\\n' | zk txn -", does: "from stdin" },
    { command: "zk txn changes.txt --dry-run", does: "read them, and say what they are" },
  ],
  arguments: { file: optional("a file, or - for stdin (the default)", "file") },
  options: { dryRun: flag("read the operations and change nothing", "n") },
  writes: true,
  exits: [
    [3, "an operation's znode is missing"],
    [4, "a version is another, or a znode exists already"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "dryRun", type: "true or false", means: "whether nothing was changed" },
      { name: "zxid", type: "text or null", means: "the transaction" },
      {
        name: "results",
        type: "list",
        means: "line, type and path of each operation; path as the server made it",
      },
    ],
    plain: ["type", "path"],
  },
  async run(run) {
    const { file = "-" } = run.arguments;
    if (file === "-" && run.io.stdin.isTTY === true)
      run.note("waiting for operations on stdin; end them with Ctrl-D");
    const bytes =
      file === "-"
        ? await readAll(run.io.stdin, run.signal)
        : await readInput(resolve(run.io.cwd, file), run.signal);
    const script = utf8OrUndefined(bytes);
    if (script === undefined) throw new UsageError("the operations are no UTF-8 text");
    const operations = parseOperations(script, run.io.cwd, run.io.znode);
    if (operations.length === 0) throw new UsageError("there is no operation");
    const planned = operations.map(({ line, type, path }) => ({ line, type, path }));
    if (run.options.dryRun) return { dryRun: true, zxid: null, results: planned };
    const client = await run.connect();
    const transaction = client.transaction();
    for (const operation of operations) addTo(transaction, operation);
    try {
      const results = (await transaction.commit({ signal: run.signal })) as unknown as readonly {
        readonly zxid: bigint;
        readonly path?: string;
      }[];
      return {
        dryRun: false,
        zxid: hex(results[0]?.zxid ?? 0n),
        results: planned.map((each, index) => ({ ...each, path: results[index]?.path ?? each.path })),
      };
    } catch (error) {
      if (!isZkError(error) || error.operationIndex === undefined) throw error;
      const failed = operations[error.operationIndex];
      throw new CliError(
        error.code,
        exitCodeFor(error),
        `line ${failed?.line ?? "?"} (${failed?.type} ${visible(failed?.path ?? "")}): ${error.code}; nothing was changed`,
        {
          details: {
            line: failed?.line ?? null,
            path: failed?.path ?? null,
            operationIndex: error.operationIndex,
            applied: error.applied,
          },
          cause: error,
          ...(exitCodeFor(error) === ExitCode.UNAVAILABLE ? { hint: hintFor(error.code) } : {}),
        },
      );
    }
  },
  human({ dryRun, results }, screen, run) {
    if (!dryRun) run.note(`${plural(results.length, "operation")} applied`);
    for (const { type, path } of results) screen.line(`${dryRun ? "would " : ""}${type} ${visible(path)}`);
  },
  plain: ({ results }) => results.map(({ type, path }) => [type, path]),
});

/** A transaction collects what is called on it. */
function addTo(transaction: Transaction, operation: Operation): unknown {
  const { path } = operation;
  switch (operation.type) {
    case "check":
      return transaction.check(path, { version: operation.version });
    case "create":
      return transaction.create(path, operation.data, { ...operation.kind, acl: operation.acl });
    case "set":
      return transaction.setData(path, operation.data, { version: operation.version });
    case "delete":
      return transaction.remove(path, { version: operation.version });
  }
}

/** @throws UsageError naming the line */
export function parseOperations(script: string, cwd: string, znode: string | undefined): Operation[] {
  const operations: Operation[] = [];
  for (const [index, text] of script.split("\n").entries()) {
    const line = index + 1;
    try {
      const words = splitWords(text.replace(/\r$/, "")).map((word) => word.text);
      if (words.length > 0) operations.push(parseOperation(words, line, cwd, znode));
    } catch (error) {
      throw error instanceof UsageError
        ? new UsageError(`line ${line}: ${error.message}; nothing was changed`, error.hint)
        : error;
    }
  }
  return operations;
}

function parseOperation(
  words: readonly string[],
  line: number,
  cwd: string,
  znode: string | undefined,
): Operation {
  const [word = "", ...rest] = words;
  const data = (given: string | undefined): Uint8Array | null => {
    if (given === undefined) return null;
    return given.startsWith("@") ? readFile(resolve(cwd, given.slice(1))) : Buffer.from(given, "utf8");
  };
  const path = (given: string | undefined): string => {
    if (given === undefined) throw new UsageError(`${word} needs a path`);
    return resolvePath(given, znode, word === "create");
  };
  const version = (given: string | undefined): number => {
    if (given === undefined) return -1;
    if (!/^-?\d+$/.test(given))
      throw new UsageError(`the version must be a whole number, not ${JSON.stringify(given)}`);
    return Number(given);
  };
  const atMost = (count: number): void => {
    if (rest.length > count)
      throw new UsageError(
        `${word} takes ${count} words, not ${rest.length}`,
        "quote data that has blanks in it",
      );
  };
  switch (word) {
    case "check":
      atMost(2);
      return { line, type: "check", path: path(rest[0]), version: version(rest[1]) };
    case "set":
    case "setData":
      atMost(3);
      if (rest.length < 2) throw new UsageError("set needs a path and data");
      return { line, type: "set", path: path(rest[0]), data: data(rest[1]), version: version(rest[2]) };
    case "delete":
    case "remove":
      atMost(2);
      return { line, type: "delete", path: path(rest[0]), version: version(rest[1]) };
    case "create": {
      const kind = {
        sequential: false,
        ephemeral: false,
        container: false,
        ttl: undefined as number | undefined,
      };
      let acl: readonly Acl[] = OPEN_ACL_UNSAFE;
      while (rest[0]?.startsWith("-")) {
        const option = rest.shift();
        if (option === "-e") kind.ephemeral = true;
        else if (option === "-s") kind.sequential = true;
        else if (option === "-c") kind.container = true;
        else if (option === "-t") kind.ttl = parseTtl(rest.shift() ?? "");
        else if (option === "--acl") acl = parseAcls(rest.shift() ?? "");
        else throw new UsageError(`create has no option ${option}`);
      }
      atMost(2);
      return {
        line,
        type: "create",
        path: path(rest[0]),
        data: data(rest[1]),
        kind: kindOf(kind),
        acl,
      };
    }
    default:
      throw new UsageError(`there is no operation ${JSON.stringify(word)}`, "check, create, set, delete");
  }
}
