import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Manifest } from "../tidy/manifests.js";

/** A package as its users get it. */
export interface Packed {
  readonly name: string;
  readonly manifest: Manifest & {
    readonly exports: Readonly<Record<string, unknown>>;
    readonly version: string;
  };
  readonly tarball: string;
  /** Paths inside the tarball, sorted. */
  readonly files: readonly string[];
}

/** Packs a package with the real `pnpm pack`. @param into an existing folder */
export function pack(root: string, directory: string, into: string): Packed {
  const [command, ...first] = pnpm();
  const args = [...first, "pack", "--json", "--pack-destination", into];
  const out = execFileSync(command, args, {
    cwd: join(root, directory),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { filename: tarball } = JSON.parse(out) as { filename: string };
  const manifest = readPacked(tarball, "package/package.json");
  return { name: JSON.parse(manifest).name, manifest: JSON.parse(manifest), tarball, files: list(tarball) };
}

/** The text of one file of a tarball. */
export function readPacked(tarball: string, path: string): string {
  return execFileSync("tar", ["-xzOf", tarball, path], { encoding: "utf8" });
}

/** The pnpm that runs these tests; by hand, without one, the one that the README's commands use. */
function pnpm(): [string, ...string[]] {
  const script = process.env["npm_execpath"] ?? "";
  if (/pnpm\.c?js$/.test(script) && existsSync(script)) return [process.execPath, script];
  const onPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .some((folder) => existsSync(join(folder, "pnpm")));
  return onPath ? ["pnpm"] : ["npx", "-y", "pnpm@10"];
}

function list(tarball: string): string[] {
  const out = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" });
  return out
    .split("\n")
    .filter((path) => path !== "")
    .map((path) => path.replace(/^package\//, ""))
    .sort();
}

/** The bytes of a tarball, as the checkers want them. */
export function bytesOf({ tarball }: Packed): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(tarball));
}
