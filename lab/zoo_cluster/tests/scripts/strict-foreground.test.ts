/** `start-foreground` in strict mode: the script becomes the server. */
import { existsSync } from "node:fs";
import { describe, it } from "vitest";
import { releaseFor } from "./support/test-release.js";

describe.concurrent("start-foreground", () => {
  it("becomes java, with its output and exit code, and leaves no pid file", async (context) => {
    const release = await releaseFor(context);
    await release.behave({ server: "dies", exitCode: 7 });
    for (const env of [{}, { ZOO_NOEXEC: "1" }]) {
      const run = await release.run("zkServer.sh", ["start-foreground"], { env });
      context.expect(run.stdout).toBe("a line on standard output\n");
      context.expect(run.stderr).toContain("a line on standard error\n");
      context.expect(run.exitCode).toBe(7);
    }
    context.expect(existsSync(release.pidFile)).toBe(false);
    context.expect(existsSync(release.dataDir)).toBe(true);
  });

  it("ends with 127 without Java", async (context) => {
    const release = await releaseFor(context);
    const run = await release.run("zkServer.sh", ["start-foreground"], {
      env: { JAVA_HOME: "/nonexistent" },
    });
    context.expect(run.exitCode).toBe(127);
    context.expect(run.stderr).toContain("No Java");
  });
});
