/** What an engine refuses, and why there is none, as errors that say what to do. */
import { userInfo } from "node:os";
import { isLabError, LabError, type LabErrorCode } from "../errors.js";
import type { Environment } from "../release/types.js";
import { askAddress, describeAddress, engineAddresses } from "./engine-address.js";

/** An error of the engine or of the way to it. @param what completes "the engine did not do …" */
export function asLabError(what: string, error: unknown): LabError {
  if (isLabError(error)) return error;
  const words = wordsOf(error);
  const code = codeOf(error, words);
  return new LabError(
    code,
    `${heads[code] ?? "The container engine refused"} (${what}): ${words}${advice[code] ?? ""}`,
    {
      cause: error,
      details: { wanted: what },
    },
  );
}

/** Looks at each place where an engine could be, and tells what there is instead. @param cause what testcontainers said */
export async function whyNoEngine(env: Environment, cause: unknown): Promise<LabError> {
  const tried: string[] = [];
  let isDenied = false;
  for (const address of engineAddresses(env)) {
    const place = describeAddress(address);
    try {
      await askAddress(address, "/info");
      return new LabError(
        "ENGINE_FAILED",
        `The container engine at ${place} answers, but cannot be used: ${wordsOf(cause)}`,
        {
          cause,
        },
      );
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EACCES" || code === "EPERM") isDenied = true;
      tried.push(`  ${place}: ${code === "ENOENT" ? "not there" : wordsOf(error)}`);
    }
  }
  if (env["DOCKER_HOST"] && tried.length === 0)
    tried.push(`  DOCKER_HOST=${env["DOCKER_HOST"]} is no address`);
  const details = { tried: tried.map((line) => line.trim()) };
  if (isDenied) {
    return new LabError("ENGINE_DENIED", `${denied()}\nTried:\n${tried.join("\n")}`, { cause, details });
  }
  const lines = [
    "no container engine answers, and containers need one. Tried:",
    ...tried,
    "Ways out:",
    "  Debian, Ubuntu:   sudo apt-get install docker.io, then sudo systemctl start docker (without systemd: sudo dockerd &)",
    "  Fedora:           sudo dnf install moby-engine, then sudo systemctl start docker",
    "  macOS, Windows:   Docker Desktop, or colima start",
    "  it is elsewhere:  export DOCKER_HOST=unix:///path/to/docker.sock",
    "Without containers: pnpm lab:up runs the servers as processes (needs Java), pnpm lab:up --memory a model of them.",
  ];
  return new LabError("NO_ENGINE", lines.join("\n"), { cause, details });
}

/** @param version of the engine @param api which it speaks */
export function tooOld(version: string, api: string, min: string): LabError {
  return new LabError(
    "ENGINE_TOO_OLD",
    `The container engine is too old: version ${version} speaks API ${api}, and the lab needs ${min} (Docker 20.10) or newer. Install a newer one: https://docs.docker.com/engine/install/`,
    { details: { version, api, needed: min } },
  );
}

const heads: Partial<Record<LabErrorCode, string>> = {
  ENGINE_FULL: "The container engine has no space left",
  NO_ENGINE: "The container engine does not answer any more",
  PORT_TAKEN: "The container engine found a port taken",
};

const advice: Partial<Record<LabErrorCode, string>> = {
  ENGINE_FULL:
    "\nSee what takes it: docker system df. Free it: docker container prune, docker image prune, docker builder prune; or give the engine's data folder (docker info, Docker Root Dir) more room.",
  ENGINE_DENIED: `\n${denied()}`,
  NO_ENGINE: "\nWas it stopped? docker version tells whether it is there; its log, why it ended.",
  PORT_TAKEN: "\nEnd who has it, or take other ports (--name NAME leases free ones).",
};

function codeOf(error: unknown, words: string): LabErrorCode {
  if (/no space left on device|ENOSPC|disk quota exceeded/i.test(words)) return "ENGINE_FULL";
  if (/port is already allocated|address already in use/i.test(words)) return "PORT_TAKEN";
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM") return "ENGINE_DENIED";
  if (["ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE"].includes(code ?? "")) return "NO_ENGINE";
  return "ENGINE_FAILED";
}

function denied(): string {
  return `The user ${userName()} may not use the container engine. Put the user into the group of its socket (sudo usermod -aG docker ${userName()}, then log in again), or use a rootless engine.`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the password file has no name.
    return "of this process";
  }
}

/** The engine's own message, without what dockerode puts round it. */
export function wordsOf(error: unknown): string {
  const json = (error as { readonly json?: { readonly message?: unknown } }).json;
  if (typeof json?.message === "string") return json.message.trim();
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^\(HTTP code \d+\) [^-]* - /, "").trim();
}
