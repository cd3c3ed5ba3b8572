/** Credentials: read from a file, stdin, a program or a variable, at the moment a session is opened. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import type { AuthOption } from "@zk/client";
import { CliError, UsageError } from "../program/errors.js";
import { whyFile } from "../program/why.js";
import { isReadByOthers } from "./config-files.js";
import type { AuthSource } from "./settings.js";

/** Longest answer of a credential helper that is read. */
const HELPER_BYTES_MAX = 64 * 1024;
/** Time that a credential helper has, in milliseconds; it may have to ask a person. */
const HELPER_LIMIT_MS = 60_000;

/** What reading credentials needs of the process. */
interface SecretIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readStdin(): Promise<Uint8Array>;
  warn(line: string): void;
}

/** @throws UsageError, CliError AUTH_HELPER_FAILED */
export async function readCredentials(source: AuthSource, io: SecretIo): Promise<AuthOption[]> {
  switch (source.kind) {
    case "none":
      return [];
    case "variable":
      return parseCredentials(io.env[source.name] ?? "", source.name);
    case "command":
      return parseCredentials(await runHelper(source.words), source.words[0] ?? "the credential helper");
    case "file": {
      if (source.path === "-")
        return parseCredentials(Buffer.from(await io.readStdin()).toString("utf8"), "stdin");
      try {
        if (isReadByOthers(source.path)) io.warn(`${source.path} can be read by others; chmod 600 it`);
        return parseCredentials(readFileSync(source.path, "utf8"), source.path);
      } catch (error) {
        if (error instanceof CliError) throw error;
        throw new UsageError(`the credentials in ${source.path} cannot be read: ${whyFile(error)}`);
      }
    }
  }
}

/** Lines of `scheme:credential`; blank lines and `#` are passed over. @throws UsageError that never shows a credential */
export function parseCredentials(text: string, where: string): AuthOption[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const colon = line.indexOf(":");
    if (colon <= 0) {
      throw new UsageError(
        `${where}, line ${index + 1}: it must be SCHEME:CREDENTIAL, for example digest:USER:PASSWORD`,
      );
    }
    return [{ scheme: line.slice(0, colon), auth: line.slice(colon + 1) }];
  });
}

function runHelper(words: readonly string[]): Promise<string> {
  const [program = "", ...rest] = words;
  return new Promise((resolve, reject) => {
    const limits = { encoding: "utf8", maxBuffer: HELPER_BYTES_MAX, timeout: HELPER_LIMIT_MS } as const;
    execFile(program, rest, limits, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const said = stderr.trim() === "" ? error.message : stderr.trim();
      reject(new CliError("AUTH_HELPER_FAILED", 5, `the credential helper ${program} failed: ${said}`));
    });
  });
}
