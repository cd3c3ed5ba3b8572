import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { Environment } from "./types.js";

/**
 * Where the lab keeps releases between runs: `ZK_LAB_CACHE`, else `$XDG_CACHE_HOME/zk-lab`, else the platform's own
 * place for caches (`~/.cache/zk-lab`, `~/Library/Caches/zk-lab`, `%LOCALAPPDATA%\zk-lab\Cache`).
 */
export function cacheDirectory(env: Environment, platform: NodeJS.Platform = process.platform): string {
  const own = env["ZK_LAB_CACHE"];
  if (own) return resolve(own);
  // The base-directory specification asks for relative values to be ignored.
  const xdg = env["XDG_CACHE_HOME"];
  if (xdg && isAbsolute(xdg)) return join(xdg, "zk-lab");
  const home = env["HOME"] || env["USERPROFILE"] || homedir();
  if (platform === "darwin") return join(home, "Library", "Caches", "zk-lab");
  if (platform === "win32")
    return join(env["LOCALAPPDATA"] || join(home, "AppData", "Local"), "zk-lab", "Cache");
  return join(home, ".cache", "zk-lab");
}
