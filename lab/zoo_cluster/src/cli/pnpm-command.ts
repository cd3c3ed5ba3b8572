/** How the user can run a script of this workspace from where they are. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Environment } from "../release/types.js";

/**
 * `pnpm`, or `npx -y pnpm@10` for who has none: folders that a running npx or pnpm has put into `PATH` are gone when the
 * command has ended, so they do not count.
 */
export function pnpmCommand(env: Environment): string {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => !/_npx|node_modules/.test(folder));
  return folders.some((folder) => folder !== "" && existsSync(join(folder, "pnpm")))
    ? "pnpm"
    : "npx -y pnpm@10";
}
