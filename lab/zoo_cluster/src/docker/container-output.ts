/** What a server in a container wrote: the engine keeps it, over all runs of the container. */
import type { Follower, Output } from "../ensemble/control.js";
import { askingFor, type Docker } from "./engine.js";

/** Asked for the end of an output of so many bytes; more lines than that are hardly ever in it. */
const bytesPerLine = 100;

/** See {@link Output}. */
export class ContainerOutput implements Output {
  readonly #docker: Docker;
  readonly #container: string;

  constructor(docker: Docker, container: string) {
    this.#docker = docker;
    this.#container = container;
  }

  place(): string {
    return `docker logs ${this.#container}`;
  }

  text(): Promise<string> {
    return this.#read({});
  }

  async end(bytesMax: number): Promise<string> {
    return endOf(await this.#read({ tail: linesIn(bytesMax) }), bytesMax);
  }

  async follow(bytesMax: number): Promise<Follower> {
    const lines = timedLines(await this.#read({ tail: linesIn(bytesMax), timestamps: true }));
    const before = endOf(lines.map(({ line }) => `${line}\n`).join(""), bytesMax);
    return new LogFollower((since) => this.#read({ since, timestamps: true }), before, lines.at(-1)?.time);
  }

  async #read(options: {
    readonly tail?: number;
    readonly since?: string;
    readonly timestamps?: boolean;
  }): Promise<string> {
    const bytes = await askingFor("what the server wrote", () =>
      // The types know no fractions of a second, the engine does.
      this.#docker
        .getContainer(this.#container)
        .logs({ follow: false, stdout: true, stderr: true, ...(options as object) }),
    );
    return bytes === null ? "" : unframe(bytes as unknown as Buffer).toString("utf8");
  }
}

/** At least one: of the last line the time is wanted. */
function linesIn(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / bytesPerLine));
}

function endOf(text: string, bytesMax: number): string {
  if (text.length <= bytesMax) return text;
  const cut = text.slice(text.length - bytesMax);
  return cut.slice(cut.indexOf("\n") + 1);
}

/** Asks again and again for what came since the last line, which the engine gives once more. */
class LogFollower implements Follower {
  readonly before: string;
  readonly #readSince: (since: string) => Promise<string>;
  /** Of the last line given, and how many lines had it. */
  #time: string;
  #count = Number.POSITIVE_INFINITY;

  constructor(readSince: (since: string) => Promise<string>, before: string, time = "0") {
    this.#readSince = readSince;
    this.before = before;
    this.#time = time;
  }

  async read(): Promise<string[]> {
    const lines = timedLines(await this.#readSince(toEpoch(this.#time)));
    const again = lines.filter(({ time }) => time === this.#time);
    // What was there at the beginning is not given; afterwards a line may bear the time of one that was.
    const fresh = [...again.slice(this.#count), ...lines.filter(({ time }) => time > this.#time)];
    const last = fresh.at(-1);
    if (last !== undefined) {
      this.#time = last.time;
      this.#count = lines.filter(({ time }) => time === last.time).length;
    } else if (this.#count === Number.POSITIVE_INFINITY && again.length > 0) {
      this.#count = again.length;
    }
    return fresh.map(({ line }) => line);
  }
}

/** `2025-11-22T04:36:01.123456789Z text` */
function timedLines(text: string): { readonly time: string; readonly line: string }[] {
  if (text === "") return [];
  return text
    .trimEnd()
    .split("\n")
    .map((row) => {
      const cut = row.indexOf(" ");
      return { time: row.slice(0, cut === -1 ? undefined : cut), line: cut === -1 ? "" : row.slice(cut + 1) };
    });
}

/** Seconds since 1970 with all nine digits behind the point, as the engine takes them. */
function toEpoch(time: string): string {
  const match = /^(.*?)(?:\.(\d+))?Z$/.exec(time);
  if (match === null) return "0";
  return `${Math.floor(Date.parse(`${match[1]}Z`) / 1000)}.${(match[2] ?? "0").padEnd(9, "0")}`;
}

/**
 * Both streams of a container in the order in which they came.
 *
 * Source: Docker Engine API, ContainerAttach, "stream format": a byte for the stream, three of nothing, the length in four.
 */
export function unframe(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at + 4);
    parts.push(bytes.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(parts);
}
