#!/usr/bin/env node
// The program. Its version needs nothing else, and most of a cold start is reading files: the rest comes from one bundled
// file where that is as new as the compiled modules, and else from these. See docs/decisions/0013-a-bundled-command.md.
import { statSync } from "node:fs";

const [first, second, third] = process.argv.slice(2);
if (first === "--version" && (second === undefined || (second === "--json" && third === undefined))) {
  const { versionText } = await import("../dist/program/version.js");
  process.stdout.write(versionText(second === "--json"));
} else {
  const { main } = await import(isBundleFresh() ? "../bundle/zk.js" : "../dist/index.js");
  await main();
}

/** In a workspace somebody may have compiled and not bundled; an installed package has no build info. */
function isBundleFresh() {
  const timeOf = (/** @type {string} */ path) =>
    statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs;
  const bundle = timeOf("../bundle/zk.js");
  return bundle !== undefined && bundle >= (timeOf("../dist/.tsbuildinfo") ?? 0);
}
