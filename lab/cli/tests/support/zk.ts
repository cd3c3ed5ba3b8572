/** Runs `zk` inside the test: with streams, variables and a home of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { runZk, type SessionPool, type ZkOptions } from "@zk/cli";
import { afterAll } from "vitest";

/** How a run ended and what it said. */
export interface ZkResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both in the order in which they came, as somebody at a terminal reads them. */
  readonly both: string;
  readonly bytes: Buffer;
  /** stdout as one JSON document. */
  json<T = Record<string, unknown>>(): T;
  /** stdout as one JSON value a line. */
  lines<T = Record<string, unknown>>(): T[];
}

/** Settings of one run besides its words. */
export interface ZkSettings {
  readonly env?: Record<string, string | undefined>;
  readonly stdin?: string | Uint8Array;
  readonly isTerminal?: boolean;
  readonly signal?: AbortSignal;
  readonly cwd?: string;
  readonly sessions?: SessionPool;
  /** Sees each piece of stdout as it comes. */
  readonly onStdout?: (text: string) => void;
}

class Collector extends Writable {
  readonly chunks: Buffer[] = [];
  readonly isTTY: boolean;
  readonly columns = 80;
  readonly #onText: (text: string) => void;

  constructor(isTTY: boolean, onText: (text: string) => void) {
    super();
    this.isTTY = isTTY;
    this.#onText = onText;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    this.#onText(chunk.toString("utf8"));
    done();
  }
}

/** A home folder and servers for the runs of one test file. */
export class ZkHome {
  readonly path: string = mkdtempSync(join(tmpdir(), "zk-cli-"));
  #variables: Readonly<Record<string, string>> = {};

  /** Registers the end of the home with the test file that calls it. */
  static forThisFile(): ZkHome {
    const home = new ZkHome();
    afterAll(() => rmSync(home.path, { recursive: true, force: true }));
    return home;
  }

  /** The servers of the runs from now on, and other variables. */
  use(connectionString: string, variables: Readonly<Record<string, string>> = {}): void {
    this.#variables = { ZK_SERVERS: connectionString, ...variables };
  }

  get env(): Record<string, string | undefined> {
    return {
      PATH: process.env["PATH"],
      HOME: this.path,
      XDG_CONFIG_HOME: join(this.path, "config"),
      XDG_CONFIG_DIRS: join(this.path, "xdg"),
      XDG_CACHE_HOME: join(this.path, "cache"),
      XDG_STATE_HOME: join(this.path, "state"),
      TERM: "xterm",
      ...this.#variables,
    };
  }

  /** `zk WORDS`; a text is split at blanks. Never rejects. */
  async run(words: string | readonly string[], settings: ZkSettings = {}): Promise<ZkResult> {
    const isTTY = settings.isTerminal === true;
    let both = "";
    const stdout = new Collector(isTTY, (text) => {
      both += text;
      settings.onStdout?.(text);
    });
    const stderr = new Collector(isTTY, (text) => {
      both += text;
    });
    const stdin = Object.assign(
      Readable.from(settings.stdin === undefined ? [] : [Buffer.from(settings.stdin)]),
      { isTTY },
    );
    const options: ZkOptions = {
      stdin,
      stdout,
      stderr,
      env: { ...this.env, ...settings.env },
      cwd: settings.cwd ?? this.path,
      signal: settings.signal ?? new AbortController().signal,
      ...(settings.sessions === undefined ? {} : { sessions: settings.sessions }),
    };
    const exitCode = await runZk(
      typeof words === "string" ? words.split(" ").filter(Boolean) : words,
      options,
    );
    const bytes = Buffer.concat(stdout.chunks);
    const text = bytes.toString("utf8");
    return {
      exitCode,
      stdout: text,
      stderr: Buffer.concat(stderr.chunks).toString("utf8"),
      both,
      bytes,
      json: () => JSON.parse(text),
      lines: () =>
        text
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
    };
  }

  /** As {@link run}, for what must succeed. */
  async must(words: string | readonly string[], settings: ZkSettings = {}): Promise<ZkResult> {
    const result = await this.run(words, settings);
    if (result.exitCode !== 0)
      throw new Error(`zk ${String(words)} ended with ${result.exitCode}: ${result.stderr}`);
    return result;
  }
}
