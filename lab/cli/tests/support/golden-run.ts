/** What the goldens are made of: a small tree with one of each kind of data, and what a line says of it. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Command } from "@zk/cli";
import type { Client } from "@zk/client";
import { expect } from "vitest";
import type { SceneLine } from "./golden-scenes.js";
import { section } from "./living-run.js";
import type { ZkHome } from "./zk.js";

/** The ways in which a line is run. */
export const MODES = ["pipe", "terminal", "plain", "json"] as const;
export type Mode = (typeof MODES)[number];

/** The file in which a golden is kept: `lock ls` as `lock-ls.txt`. */
export function fileOf(name: string): string {
  return `${name.replaceAll(/[^a-z]+/g, "-").replace(/^-/, "")}.txt`;
}

/** The tree that every line begins with: small, and with one of each kind of data. */
export async function plant(client: Client): Promise<void> {
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

/** Runs lines of a scene and says what came out, each in the ways that are asked for. */
export class GoldenStage {
  readonly #home: ZkHome;
  readonly #startAnew: () => Promise<void>;

  /** @param startAnew brings the planted tree about, whatever was there */
  constructor(home: ZkHome, startAnew: () => Promise<void>) {
    this.#home = home;
    this.#startAnew = startAnew;
  }

  /** One line in one way: its section of a golden, and the JSON that was printed. */
  async run(
    command: Command,
    scene: SceneLine,
    mode: Mode,
  ): Promise<{ readonly text: string; readonly printed: readonly Record<string, unknown>[] }> {
    const { line, stdin } = typeof scene === "string" ? { line: scene, stdin: undefined } : scene;
    // What only reads leaves the next line the same tree.
    if (command.writes !== undefined || command.group === "moving data") await this.#startAnew();
    this.#writeContexts();
    await this.#writeDumps();
    // A terminal's stdin would wait for a person.
    const settings = { isTerminal: mode === "terminal", ...(stdin === undefined ? {} : { stdin }) };
    const more = mode === "plain" || mode === "json" ? [`--${mode}`] : [];
    const result = await this.#home.run([...line.split(" "), ...more], settings);
    const text = `$ zk ${line} ${more.join(" ")} (${mode})\n${section("", result.stdout)}${section("! ", result.stderr)}= ${result.exitCode}\n`;
    // A dump on stdout is what was asked for; --json adds nothing to it.
    const isDump = mode !== "json" || result.stdout.includes('"zk.dump/1","root"');
    const values = isDump ? [] : command.output.form === "stream" ? result.lines() : [result.json()];
    for (const value of values.filter(({ schema }) => schema === "zk.error/1"))
      expect((value["error"] as { exitCode: number }).exitCode).toBe(result.exitCode);
    return { text: this.#masked(text), printed: values.filter(({ schema }) => schema !== "zk.error/1") };
  }

  /** Files that lines name: a dump, one that was cut short, one that was changed, and one of another tree. */
  async #writeDumps(): Promise<void> {
    for (const name of ["out.tar", "part.json"]) rmSync(join(this.#home.path, name), { force: true });
    rmSync(join(this.#home.path, "state"), { recursive: true, force: true });
    if (existsSync(join(this.#home.path, "shop.ndjson"))) return;
    const { stdout } = await this.#home.must("export /shop");
    writeFileSync(join(this.#home.path, "shop.ndjson"), stdout);
    writeFileSync(join(this.#home.path, "cut.ndjson"), stdout.slice(0, stdout.length / 2));
    writeFileSync(join(this.#home.path, "changed.ndjson"), stdout.replace("pool", "poll"));
    await this.#home.must(["set", "/shop/config", '{\n  "pool": 6\n}\n']);
    await this.#home.must("create /shop/new x");
    await this.#home.must("acl /shop/empty world:anyone:cdrwa,ip:127.0.0.1:r");
    await this.#home.must("export /shop -o changed-root.ndjson");
    await this.#startAnew();
  }

  #writeContexts(): void {
    rmSync(join(this.#home.path, "config"), { recursive: true, force: true });
    mkdirSync(join(this.#home.path, "config/zk"), { recursive: true });
    writeFileSync(
      join(this.#home.path, "config/zk/config.json"),
      '{"contexts":{"dev":{"servers":"h:1","chroot":"/dev","protect":["/kafka"]}}}',
    );
  }
  /** What differs from run to run and from machine to machine. */
  #masked(text: string): string {
    return (
      text
        .replaceAll("\u001b", "␛")
        // Progress that a slow machine has the time to show, and that is wiped out again.
        .replaceAll(/(?:\r*␛\[2K\r*[^\n␛]*)*\r*␛\[2K\r*/g, "")
        .replaceAll(/127\.0\.0\.1:\d{5}/g, "SERVER")
        .replaceAll(this.#home.path, "HOME")
        .replaceAll(/0x[0-9a-f]+/g, "0xZXID")
        .replaceAll(/20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "TIME")
        .replaceAll(/\/[^\s"]*\/zk-edit-[^\s/]*/g, "TMP/zk-edit")
    );
  }
}
