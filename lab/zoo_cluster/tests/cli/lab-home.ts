/** A home of its own for the labs of one test file. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { type Run, type RunSettings, run } from "./run.js";

/** `lab status --json`, as far as the tests look at it. */
export interface StatusJson {
  readonly state: string;
  readonly leader: number | null;
  readonly connectionString: string;
  readonly servers: readonly {
    readonly id: number;
    readonly pid: number | null;
    readonly process: string;
    readonly mode: string | null;
    readonly zxid: string | null;
    readonly dir: string;
  }[];
}

/** Runs commands in that home, mostly on one lab, which is taken down at the end. */
export class LabHome {
  /** Name of the lab of most tests, unlike that of any other test run. */
  readonly name: string = `t${process.pid}`;
  #home = "";

  /** Registers the beginning and the end of the home with the test file that calls it. */
  static forThisFile(): LabHome {
    const home = new LabHome();
    beforeAll(async () => {
      home.#home = await mkdtemp(join(tmpdir(), "zk-lab-cli-"));
    });
    afterAll(async () => {
      // Every lab that a test has begun, whatever became of the test: servers must not outlive their folder.
      for (const name of await home.#labs()) await home.mustGo(`down --name ${name}`);
      await rm(home.#home, { recursive: true, force: true });
    });
    return home;
  }

  /** The home's folder. */
  get path(): string {
    return this.#home;
  }

  /** Folder of the lab. */
  get folder(): string {
    return join(this.#home, ".lab", this.name);
  }

  go(words: string | readonly string[], settings: Partial<RunSettings> = {}): Promise<Run> {
    return run(words, { home: this.#home, ...settings });
  }

  /** As {@link go}, for what must succeed. */
  async mustGo(words: string | readonly string[], settings: Partial<RunSettings> = {}): Promise<Run> {
    const result = await this.go(words, settings);
    expect(result, String(words)).toMatchObject({ exitCode: 0 });
    return result;
  }

  /** Names of the labs that have a folder here. */
  async #labs(): Promise<string[]> {
    const entries = await readdir(join(this.#home, ".lab"), { withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  async status(): Promise<StatusJson> {
    return (await this.go(`status --name ${this.name} --json`)).json();
  }
}
