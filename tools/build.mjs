// Builds the workspace through turbo: quiet when nothing changed, on stderr only, so that commands with `--json`
// keep stdout for themselves. `node tools/build.mjs @zk/lab` builds that package and what it stands on.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const filters = process.argv.slice(2).map((name) => `--filter=${name}...`);
const turbo = spawnSync(
  process.execPath,
  [`${root}/node_modules/turbo/bin/turbo`, "run", "build", "--output-logs=errors-only", ...filters],
  {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1" },
  },
);
if (turbo.status !== 0) {
  process.stderr.write(turbo.stdout ?? "");
  process.stderr.write(turbo.stderr ?? "");
  if (turbo.error) process.stderr.write(`${turbo.error.message}\n`);
  process.stderr.write("The build failed; the compiler's own words are above. `pnpm build` runs it alone.\n");
  process.exit(turbo.status ?? 1);
}
