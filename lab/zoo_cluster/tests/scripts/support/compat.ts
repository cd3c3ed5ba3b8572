/** What the tests of the mode of 3.4.6 share. */
import type { TestContext } from "vitest";
import type { RunOptions, ScriptRun } from "./run-program.js";
import { releaseFor, type TestRelease } from "./test-release.js";

export const jmxOn = "JMX enabled by default\n";
export const jmxOff = "JMX disabled by user request\n";
export const using = (config: string): string => `Using config: ${config}\n`;
export const jmxFlags = ["-Dcom.sun.management.jmxremote", "-Dcom.sun.management.jmxremote.local.only=false"];
export const serverClass = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

/** A release whose server idles; it goes with the test. */
export async function idleReleaseFor(context: TestContext): Promise<TestRelease> {
  const release = await releaseFor(context);
  await release.behave({ server: "idles" });
  return release;
}

/** Runs zkServer.sh in the mode of 3.4.6. */
export async function runCompat(
  release: TestRelease,
  words: readonly string[],
  options: RunOptions = {},
): Promise<ScriptRun> {
  return await release.run("zkServer.sh", words, { mode: "3.4.6", ...options });
}

/** The arguments of the server, of a release that was not changed. */
export function serverWords(
  release: TestRelease,
  change: { readonly logDir?: string; readonly flags?: readonly string[]; readonly config?: string } = {},
): string[] {
  return [
    `-Dzookeeper.log.dir=${change.logDir ?? "."}`,
    "-Dzookeeper.root.logger=INFO,CONSOLE",
    "-cp",
    release.compatClassPath,
    ...(change.flags ?? jmxFlags),
    serverClass,
    change.config ?? release.spelledConfig,
  ];
}
