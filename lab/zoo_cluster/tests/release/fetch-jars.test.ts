import { join } from "node:path";
import { expect, it } from "vitest";
import { fetchJars } from "../../src/release/index.js";
import { fakeMaven, mavenJars, temporaryDirectory } from "./support.js";

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

it("two that fetch at once do so one after the other: Maven's local repository is not made for two", async () => {
  const dir = await temporaryDirectory();
  const busy = join(dir, "busy");
  // Fails where another one is at work, and takes long enough to be met there.
  const work = `mkdir "${busy}" || exit 3; head -c 20000000 /dev/zero | cksum >/dev/null; rmdir "${busy}"`;
  const { env, calls } = await fakeMaven(dir, mavenJars("1.2"), work);
  const dependencies = [{ name: "a.group:an-artifact", version: "1.2" }];
  const fetched = await Promise.all(
    ["one", "two", "three"].map((name) => fetchJars({ dependencies, dir: join(dir, name), env })),
  );
  expect(fetched.map((jars) => jars.length)).toEqual([3, 3, 3]);
  expect(await calls()).toHaveLength(3);
});
