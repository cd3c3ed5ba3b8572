/** What a server's runs wrote: the newest in the file of its script, those before put aside. */
import { readdirSync } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { readTail } from "../files.js";
import type { Follower, Output } from "./control.js";
import { FileFollower } from "./file-follower.js";

/** Outputs of earlier runs that are kept beside the newest one. */
export const keptRunsMax = 9;

/** The folder `logs` of one server. */
export class ServerOutput implements Output {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** File that takes the output of the running or last server. */
  place(): string {
    return join(this.#folder, this.#newestNames().at(-1) ?? "zookeeper.out");
  }

  async text(): Promise<string> {
    const kept = this.#keptRuns().map((run) => keptName(run));
    const paths = [...kept, ...this.#newestNames()].map((name) => join(this.#folder, name));
    return (await Promise.all(paths.map((path) => readFile(path, "utf8")))).join("");
  }

  end(bytesMax: number): Promise<string> {
    return readTail(this.place(), bytesMax);
  }

  follow(bytesMax: number): Promise<Follower> {
    return FileFollower.atEnd(() => this.place(), bytesMax);
  }

  /** Before a start: the scripts of 3.4 truncate the output of the run before, we keep the last few. */
  async putAside(): Promise<void> {
    const runs = this.#keptRuns();
    for (const name of this.#newestNames()) {
      const run = (runs.at(-1) ?? 0) + 1;
      await rename(join(this.#folder, name), join(this.#folder, keptName(run)));
      runs.push(run);
    }
    for (const run of runs.slice(0, -keptRunsMax))
      await rm(join(this.#folder, keptName(run)), { force: true });
  }

  #keptRuns(): number[] {
    return this.#list()
      .flatMap((name) => /^run-(\d+)\.out$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** `zookeeper.out`, or `zookeeper-USER-server-HOST.out` from 3.5 on. */
  #newestNames(): string[] {
    return this.#list().filter((name) => name.startsWith("zookeeper") && name.endsWith(".out"));
  }

  #list(): string[] {
    try {
      return readdirSync(this.#folder);
    } catch {
      // Not installed yet.
      return [];
    }
  }
}

function keptName(run: number): string {
  return `run-${run}.out`;
}
