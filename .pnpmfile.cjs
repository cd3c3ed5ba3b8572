// pnpm reads this file before it does anything else. It changes no dependency: it only makes sure that an install which
// fails, often the very first thing a person sees of this project, ends with what to do instead of a stack trace.
const { existsSync } = require("node:fs");
const { join } = require("node:path");

const oldestNode = [20, 19];

// pnpm writes this file as the last step of an install that went through.
const installed = join(__dirname, "node_modules", ".pnpm-workspace-state-v1.json");
const command = process.argv[2] ?? "";
const isInstall = ["install", "i", "ci"].includes(command);
// `pnpm test` in a bare clone starts `pnpm install` by itself. The outer one speaks, so that its words come last; it knows
// only of a first install that failed, so of any later one the inner one speaks.
const isInner = process.env.ZK_TOOLKIT_PNPM !== undefined;
process.env.ZK_TOOLKIT_PNPM = String(process.pid);

process.once("exit", (code) => {
  if (code === 0) return;
  if (isInstall ? isInner && !existsSync(installed) : existsSync(installed)) return;
  const [major, minor] = process.versions.node.split(".").map(Number);
  const tooOld = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
  const lines = tooOld
    ? [
        `This Node.js is ${process.version}; the project needs ${oldestNode.join(".")} or newer.`,
        "Install a newer one (https://nodejs.org, or `nvm install 22`), then run the same command again.",
      ]
    : [
        "The development dependencies could not be installed, so nothing was built or run. The errors above say why.",
        "  ECONNREFUSED, ENOTFOUND, ETIMEDOUT  no way to the package registry: look at the network, at HTTPS_PROXY, and at",
        "                                      what `npm config get registry` says",
        "  ERR_PNPM_OUTDATED_LOCKFILE          package.json and pnpm-lock.yaml disagree: `pnpm install` and commit both",
        "  ERR_PNPM_UNSUPPORTED_ENGINE         another version of Node.js is needed; the error says which",
        "  ENOSPC, EACCES                      no room, or no right to write here or in pnpm's store",
        "Then run the same command again; it goes on where it stopped. To start over, delete node_modules first.",
      ];
  process.stderr.write(`\n${lines.join("\n")}\n`);
});

module.exports = {};
