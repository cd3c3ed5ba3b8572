// Deleting a subtree of which a part is closed to us: all or nothing where that can be known, and else the truth.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { stageForThisFile } from "./support/stage.js";

const stage = stageForThisFile("memory", { servers: 1 });
const { home } = stage;
const mine = (words: string) => home.must(`${words} --auth-file ${join(home.path, "auth")}`);
beforeEach(async () => {
  writeFileSync(join(home.path, "auth"), "digest:bob:secret\n", { mode: 0o600 });
  await stage.client.removeRecursive("/job").catch(() => {});
  for (const path of ["/job", "/job/a", "/job/b", "/job/c"]) await stage.client.create(path);
});

it("is refused before anything goes, and so is its rehearsal", async () => {
  await mine("create /job/b/closed x --acl auth::cdrwa");
  await mine("create /job/b/closed/below");
  for (const words of ["delete -r /job --dry-run", "delete -r /job --yes", "delete -r /job --confirm=/job"]) {
    expect(await home.run(words), words).toMatchObject({
      exitCode: 5,
      stdout: "",
      stderr: expect.stringContaining(
        "zk: 1 znode below /job may not be read (/job/b/closed); nothing was changed\n",
      ),
    });
  }
  const { exitCode, json } = await home.run("delete -r /job --yes --json");
  expect({ exitCode, error: json()["error"] }).toMatchObject({
    exitCode: 5,
    error: { code: "NO_AUTH", denied: ["/job/b/closed"] },
  });
  expect(await stage.client.exists("/job/c")).not.toBeNull();
  expect((await mine("delete -r /job --yes")).stderr).toContain("deleted /job and 5 znodes below it");
});

it("takes a closed znode by itself, as the right to that is its parent's", async () => {
  await mine("create /job/closed x --acl auth::cdrwa");
  await home.must("delete /job/closed");
  await home.must("delete -r /job --yes");
  expect(await stage.client.exists("/job")).toBeNull();
});

it("says after how many it was stopped, where it could begin", async () => {
  await stage.client.create("/job/b/kept");
  await mine("acl /job/b world:anyone:r,auth::cdrwa");
  const stopped = await home.run("delete -r /job --yes --json");
  expect(stopped).toMatchObject({
    exitCode: 9,
    stderr: expect.stringContaining("1 of 5 znodes below /job were deleted before that"),
  });
  expect(stopped.json()["error"]).toMatchObject({ code: "PARTLY_DONE", path: "/job", deleted: 1, of: 5 });
  expect(await stage.client.exists("/job/c")).toBeNull();
  expect(await stage.client.exists("/job/a")).not.toBeNull();
  await mine("delete -r /job --yes");
});
