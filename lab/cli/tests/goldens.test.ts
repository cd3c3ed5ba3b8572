// What every command says, on a pipe, on a terminal and as JSON, kept in fixtures/. After a wanted change:
// `npx vitest run --project lab lab/cli -u`, and read the difference.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { COMMANDS } from "@zk/cli";
import { type Client, createClient } from "@zk/client";
import { type MemoryEnsemble, startMemoryEnsemble } from "@zk/memory-server";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { undocumented, unseen } from "./support/fields.js";
import { SCENES } from "./support/golden-scenes.js";
import { ZkHome } from "./support/zk.js";

const fixtures = fileURLToPath(new URL("fixtures/", import.meta.url));
const home = ZkHome.forThisFile();
let ensemble: MemoryEnsemble | undefined;
afterAll(async () => await ensemble?.stop());

/** The tree that every line begins with: small, and with one of each kind of data. */
async function plant(client: Client): Promise<void> {
  for (const [path, data] of [
    ["/shop", null],
    ["/shop/config", '{\n  "pool": 5\n}\n'],
    ["/shop/empty", ""],
    ["/shop/null", null],
    ["/shop/binary", Buffer.from("\x89PNG\r\n\x1a\n\x00\xff", "latin1")],
    ["/shop/escape", "red \u001b[31malert\u001b[0m\n"],
    ["/shop/zipped", gzipSync("unzipped text\n")],
    ["/shop/orders", null],
    ["/shop/orders/o-0000000000", "a.c"],
    ["/many", null],
  ] as const) {
    await client.create(path, data);
  }
  const transaction = client.transaction();
  for (let index = 0; index < 120; index++) transaction.create(`/many/n${String(index).padStart(3, "0")}`);
  await transaction.commit();
}

async function startAnew(): Promise<void> {
  await ensemble?.stop();
  ensemble = await startMemoryEnsemble({ servers: 1 });
  home.use(ensemble.connectionString);
  await using client = createClient(ensemble.connectionString);
  await client.connect();
  await plant(client);
}

/** Files that lines name: a dump, one that was cut short, one that was changed, and one of another tree. */
async function writeDumps(): Promise<void> {
  for (const name of ["out.tar", "part.json"]) rmSync(join(home.path, name), { force: true });
  rmSync(join(home.path, "state"), { recursive: true, force: true });
  if (existsSync(join(home.path, "shop.ndjson"))) return;
  const { stdout } = await home.must("export /shop");
  writeFileSync(join(home.path, "shop.ndjson"), stdout);
  writeFileSync(join(home.path, "cut.ndjson"), stdout.slice(0, stdout.length / 2));
  writeFileSync(join(home.path, "changed.ndjson"), stdout.replace("pool", "poll"));
  await home.must(["set", "/shop/config", '{\n  "pool": 6\n}\n']);
  await home.must("create /shop/new x");
  await home.must("acl /shop/empty world:anyone:cdrwa,ip:127.0.0.1:r");
  await home.must("export /shop -o changed-root.ndjson");
  await startAnew();
}

function writeContexts(): void {
  rmSync(join(home.path, "config"), { recursive: true, force: true });
  mkdirSync(join(home.path, "config/zk"), { recursive: true });
  writeFileSync(
    join(home.path, "config/zk/config.json"),
    '{"contexts":{"dev":{"servers":"h:1","chroot":"/dev","protect":["/kafka"]}}}',
  );
}
beforeEach(startAnew);

/** What differs from run to run and from machine to machine. */
function masked(text: string): string {
  return (
    text
      .replaceAll("\u001b", "␛")
      // Progress that a slow machine has the time to show, and that is wiped out again.
      .replaceAll(/(?:\r*␛\[2K\r*[^\n␛]*)*\r*␛\[2K\r*/g, "")
      .replaceAll(/127\.0\.0\.1:\d{5}/g, "SERVER")
      .replaceAll(home.path, "HOME")
      .replaceAll(/0x[0-9a-f]+/g, "0xZXID")
      .replaceAll(/20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "TIME")
      .replaceAll(/\/[^\s"]*\/zk-edit-[^\s/]*/g, "TMP/zk-edit")
  );
}

describe("what a command says", () => {
  it.each(Object.entries(SCENES))("zk %s", async (name, lines) => {
    const command = COMMANDS.find((each) => each.name === name)!;
    const printed: Record<string, unknown>[] = [];
    const parts: string[] = [];
    for (const scene of lines) {
      const { line, stdin } = typeof scene === "string" ? { line: scene, stdin: undefined } : scene;
      for (const [mode, more, isTerminal] of [
        ["pipe", [], false],
        ["terminal", [], true],
        ["plain", ["--plain"], false],
        ["json", ["--json"], false],
      ] as const) {
        if (mode === "plain" && command.output.plain === undefined) continue;
        // What only reads leaves the next line the same tree.
        if (command.writes !== undefined) await startAnew();
        writeContexts();
        await writeDumps();
        // A terminal's stdin would wait for a person.
        const settings = { isTerminal, ...(stdin === undefined ? {} : { stdin }) };
        const result = await home.run([...line.split(" "), ...more], settings);
        parts.push(
          `$ zk ${line} ${more.join(" ")} (${mode})\n${section("", result.stdout)}${section("! ", result.stderr)}= ${result.exitCode}\n`,
        );
        // A dump on stdout is what was asked for; --json adds nothing to it.
        if (mode === "json" && !result.stdout.includes('"zk.dump/1","root"')) {
          const values = command.output.form === "stream" ? result.lines() : [result.json()];
          for (const value of values) {
            if (value["schema"] === "zk.error/1")
              expect((value["error"] as { exitCode: number }).exitCode).toBe(result.exitCode);
            else printed.push(value);
          }
        }
      }
    }
    await expect(masked(parts.join("\n"))).toMatchFileSnapshot(
      join(fixtures, `${name.replaceAll(" ", "-")}.txt`),
    );
    expect({ undocumented: undocumented(command, printed) }).toEqual({ undocumented: [] });
    expect({ unseen: unseen(command, printed) }).toEqual({ unseen: [] });
  });

  it("is kept for every command", () => {
    // These show figures that differ from run to run; tests of their own read their JSON.
    const others = [
      "status",
      "top",
      "who",
      "check",
      "doctor",
      "lab",
      "watch",
      "lock",
      "lock ls",
      "lock break",
      "elect",
      "queue put",
      "queue take",
      "queue ls",
      "barrier",
      "members",
      "sniff",
    ];
    const missing = COMMANDS.filter(
      ({ name, isHidden }) => isHidden !== true && !(name in SCENES) && !others.includes(name),
    );
    expect(missing.map(({ name }) => name)).toEqual([]);
  });
});

function section(mark: string, text: string): string {
  if (text === "") return "";
  const lines = text.endsWith("\n") ? text.slice(0, -1).split("\n") : [...text.split("\n"), "(no line end)"];
  return lines.map((line) => `${mark}${line}\n`).join("");
}
