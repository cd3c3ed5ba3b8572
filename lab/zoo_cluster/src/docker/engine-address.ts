/** Where a container engine may listen, and a question to it that needs no library. */
import { existsSync, readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import type { Environment } from "../release/types.js";

/** The socket file or the port of an engine. */
export type EngineAddress =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number };

/** Limit in milliseconds for an answer to {@link askAddress}. */
export const addressTimeoutMs = 3_000;

/** The engine that the user names: `DOCKER_HOST`, or a line in `~/.testcontainers.properties`. */
export function namedAddress(env: Environment): EngineAddress | "unreadable" | null {
  const named = env["DOCKER_HOST"] || namedInProperties();
  return named ? (parseAddress(named) ?? "unreadable") : null;
}

/** Places in the order in which testcontainers looks at them; the first is the only one when the user names it. */
export function engineAddresses(env: Environment): EngineAddress[] {
  const named = namedAddress(env);
  if (named !== null) return named === "unreadable" ? [] : [named];
  if (process.platform === "win32") return [{ socketPath: "//./pipe/docker_engine" }];
  const home = homedir();
  const runtime = env["XDG_RUNTIME_DIR"];
  return [
    "/var/run/docker.sock",
    ...(runtime ? [join(runtime, "docker.sock")] : []),
    join(home, ".docker", "run", "docker.sock"),
    join(home, ".docker", "desktop", "docker.sock"),
    `/run/user/${userInfo().uid}/docker.sock`,
  ].map((socketPath) => ({ socketPath }));
}

/** The first of {@link engineAddresses} at which there is something. */
export function likelyAddress(env: Environment): EngineAddress | null {
  return (
    engineAddresses(env).find((address) => !("socketPath" in address) || existsSync(address.socketPath)) ??
    null
  );
}

/** `unix:///var/run/docker.sock` */
export function describeAddress(address: EngineAddress): string {
  return "socketPath" in address ? `unix://${address.socketPath}` : `tcp://${address.host}:${address.port}`;
}

/**
 * One GET, and its JSON.
 *
 * @throws the system's error (`ENOENT`, `EACCES`, `ECONNREFUSED`), or one that says what came instead of an answer
 */
export async function askAddress(address: EngineAddress, path: string): Promise<unknown> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(
      { ...address, path, headers: { Host: "engine" }, timeout: addressTimeoutMs },
      resolve,
    );
    asked.once("timeout", () => asked.destroy(new Error(`no answer within ${addressTimeoutMs / 1000} s`)));
    asked.once("error", reject);
    asked.end();
  });
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk as string;
  if (response.statusCode !== 200)
    throw new Error(`it answered ${response.statusCode}: ${text.trim().slice(0, 300)}`);
  return JSON.parse(text);
}

function namedInProperties(): string | undefined {
  try {
    const text = readFileSync(join(homedir(), ".testcontainers.properties"), "utf8");
    return /^\s*(?:tc|docker)\.host\s*=\s*(\S+)/m.exec(text)?.[1];
  } catch {
    // Few have such a file.
    return undefined;
  }
}

function parseAddress(text: string): EngineAddress | null {
  if (!URL.canParse(text)) return null;
  const { protocol, hostname, port, pathname } = new URL(text);
  if (protocol === "unix:" || protocol === "npipe:") return { socketPath: pathname };
  return hostname === "" ? null : { host: hostname, port: Number(port || "2375") };
}
