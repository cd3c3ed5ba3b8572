/** What an error tells people and programs. */
import { isZkError, type ZkError, type ZkErrorCode } from "@zk/client";
import { isRecipeError } from "@zk/recipes";
import { visible } from "../output/visible.js";
import { CliError } from "./errors.js";
import { exitCodeFor } from "./exit-codes.js";

/** An error in words. */
export interface ErrorReport {
  readonly message: string;
  readonly hint: string | undefined;
  readonly exitCode: number;
  /** For `--json`. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** A fault of ours: the stack helps. */
  readonly stack: string | undefined;
}

const HINTS: Readonly<Partial<Record<ZkErrorCode, string>>> = {
  CONNECT_TIMEOUT: "zk context explain shows where these servers come from",
  NO_AUTH: "zk acl PATH shows who may; --auth-file FILE gives credentials",
  AUTH_FAILED: "the servers do not take these credentials",
  NOT_EMPTY: "zk delete --recursive takes what is below as well",
  BAD_VERSION: "somebody was faster; zk stat PATH shows its version",
  NODE_EXISTS: "zk set changes its data",
  INVALID_ACL: "auth: needs credentials (--auth-file); schemes are world, auth, digest, ip",
  SESSION_EXPIRED: "its ephemerals are gone; what was done before stays",
  UNIMPLEMENTED: "zk status shows the releases of the servers",
  TTL_DISABLED:
    "extendedTypesEnabled=true in the zoo.cfg of each server, and a restart of one after the other",
  REQUEST_TOO_LARGE: "servers take about 1 MB in one znode",
};

/** What to do about an error of this code; empty where there is nothing to say. */
export function hintFor(code: ZkErrorCode): string {
  return HINTS[code] ?? "";
}

/** The words for an error, and where paths begin; never throws. */
export function describeError(error: unknown, chroot = "/"): ErrorReport {
  const exitCode = exitCodeFor(error);
  if (error instanceof CliError) {
    const { message, hint, code, details } = error;
    return {
      message,
      hint,
      exitCode,
      stack: undefined,
      fields: { code, message, exitCode, hint: hint ?? null, ...details },
    };
  }
  if (isZkError(error)) return describeZkError(error, exitCode, chroot);
  if (isRecipeError(error)) {
    const { code } = error;
    // The code is for programs, and has a field of its own.
    const message = error.message.replace(`${code}: `, "");
    return {
      message,
      hint: undefined,
      exitCode,
      stack: undefined,
      fields: { code, message, exitCode, hint: null },
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    message: `internal error: ${message}`,
    hint: "this is a fault of zk; please report it with the lines above",
    exitCode,
    stack: error instanceof Error ? error.stack : undefined,
    fields: { code: "INTERNAL", message, exitCode, hint: null },
  };
}

/** Refusals that need no more words than these; the server and its number are in the JSON. */
const REFUSALS: Readonly<Partial<Record<ZkErrorCode, (path: string, operation: string) => string>>> = {
  NO_NODE: (path, operation) =>
    operation === "create" ? `the parent of ${path} does not exist` : `${path} does not exist`,
  NODE_EXISTS: (path) => `${path} exists already`,
  NOT_EMPTY: (path) => `${path} has children`,
  BAD_VERSION: (path, operation) =>
    operation === "setACL" ? `the ACL of ${path} has another version` : `${path} has another version`,
  NO_AUTH: (path) => `${path}: not permitted`,
  TTL_DISABLED: (path) => `${path}: the servers have times to live switched off`,
  NO_CHILDREN_FOR_EPHEMERALS: (path) => `the parent of ${path} is ephemeral, and those have no children`,
};

function hintOf({ code, path, operation }: ZkError, chroot: string): string | undefined {
  if (code === "INVALID_PATH" && path !== undefined && /^[^/]/.test(path))
    return `paths begin with a slash: /${path}`;
  if (code === "NO_NODE" && operation === "create") return "--parents creates it";
  if (code === "NO_NODE" && chroot !== "/")
    return `paths begin at the chroot ${chroot}; zk context explain shows who says so`;
  if (code === "BAD_VERSION" && operation === "setACL")
    return "somebody was faster; zk acl --stat PATH shows its aversion";
  return HINTS[code];
}

function describeZkError(error: ZkError, exitCode: number, chroot: string): ErrorReport {
  const { code, path, operation, server, applied } = error;
  const isRefusal = error.serverCode !== undefined || code === "NO_NODE";
  const say = isRefusal && path !== undefined ? REFUSALS[code] : undefined;
  // The code is for programs, and has a field of its own.
  const said = say === undefined ? error.message.replace(`${code}: `, "") : say(path ?? "", operation ?? "");
  const isChroot = code === "NO_NODE" && path === "/" && chroot !== "/";
  const message = visible(isChroot ? `the chroot ${chroot} does not exist` : said);
  const hint = hintOf(error, chroot);
  return {
    message,
    hint,
    exitCode,
    stack: code === "INTERNAL" ? error.stack : undefined,
    fields: {
      code,
      message,
      exitCode,
      hint: hint ?? null,
      path: path ?? null,
      operation: operation ?? null,
      server: server ?? null,
      applied,
      ...(error.operationIndex === undefined ? {} : { operationIndex: error.operationIndex }),
    },
  };
}
