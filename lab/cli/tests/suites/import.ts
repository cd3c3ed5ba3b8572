// An import that is killed, and killed again, and goes on to the same digest.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, digestId } from "@zk/client";
import { expect, it } from "vitest";
import { startZk, waitUntil } from "../support/program.js";
import type { Stage } from "../support/stage.js";
import type { ZkHome } from "../support/zk.js";

/** Who anybody may read and bob alone may change. */
export const readOnly = [
  { perms: 1, id: { scheme: "world", id: "anyone" } },
  { perms: 31, id: { scheme: "digest", id: digestId("bob", "secret") } },
];

/** Families of a hundred below /src, exported into a file. @returns the file */
export async function plantMany(client: Client, home: ZkHome, families: number): Promise<string> {
  await client.addAuth("digest", "bob:secret");
  await client.create("/src");
  for (let family = 0; family < families; family++) {
    const path = `/src/f${String(family).padStart(2, "0")}`;
    await client.create(path, null, { acl: readOnly });
    const children = client.transaction();
    for (let index = 0; index < 99; index++)
      children.create(`${path}/n${index}`, `data ${index} of ${family}`);
    await children.commit();
  }
  const file = join(home.path, "many.ndjson");
  await home.must(["export", "/src", "-o", file, "--force"]);
  return file;
}

export function describeKilledImport(
  stage: Pick<Stage, "client" | "home">,
  { families, kills }: { readonly families: number; readonly kills: number },
): void {
  it("that is killed in the middle goes on to the same digest", async () => {
    const { client, home } = stage;
    const journals = (): string[] =>
      readdirSync(join(home.path, "state/zk/imports")).map((name) =>
        join(home.path, "state/zk/imports", name),
      );
    const file = await plantMany(client, home, families);
    const { sha256 } = JSON.parse(readFileSync(file, "utf8").trim().split("\n").at(-1)!).footer;
    const auth = join(home.path, "auth");
    writeFileSync(auth, "digest:bob:secret\n", { mode: 0o600 });
    const words = ["import", file, "/copy", "--auth-file", auth, "--json"];
    rmSync(join(home.path, "state"), { recursive: true, force: true });
    for (let kill = 1; kill <= kills; kill++) {
      const running = startZk(kill === 1 ? words : [...words, "--resume"], { env: home.env });
      const before = kill === 1 ? 1 : readFileSync(journals()[0]!, "utf8").split("\n").length;
      await waitUntil("the journal to grow", () => {
        try {
          return readFileSync(journals()[0]!, "utf8").split("\n").length > before + 1;
        } catch {
          return false;
        }
      });
      running.child.kill("SIGKILL");
      expect(await running.ended).toMatchObject({ signal: "SIGKILL" });
    }
    const there = (await client.getChildren("/copy")).length;
    expect(there).toBeGreaterThan(0);
    expect(there).toBeLessThan(families);
    // Without a word on the journal nothing is done.
    expect(await home.run(words)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("--resume goes on, --restart begins anew"),
    });
    const result = (await home.must([...words, "--resume"])).json();
    expect(result).toMatchObject({ nodes: families * 100 + 1, verified: true, sha256 });
    expect((await home.run(["diff", `file:${file}`, "/copy", "--auth-file", auth])).exitCode).toBe(0);
    expect(journals()).toEqual([]);
  });
}
