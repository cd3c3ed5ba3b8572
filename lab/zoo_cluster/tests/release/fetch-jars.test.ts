import { join } from "node:path";
import { expect, it } from "vitest";
import { fetchJars } from "../../src/release/index.js";
import { temporaryDirectory } from "./support.js";

it("jars cannot be fetched without Maven, and the error says what was wanted and what to install", async () => {
  const dir = await temporaryDirectory();
  const fetching = fetchJars({
    dependencies: [{ name: "a.group:an-artifact", version: "1.2" }],
    dir: join(dir, "made"),
    env: { PATH: dir },
  });
  await expect(fetching).rejects.toMatchObject({
    code: "MAVEN_FAILED",
    message: expect.stringMatching(/^a\.group:an-artifact:1\.2 cannot be fetched: no mvn on PATH \(install/),
  });
});
