/** What the servers said, in memory and, where there is a folder, in a file each. */
import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/** Characters that are kept of each server. */
export const logCharactersMax: number = 4 * 1024 * 1024;

/** One book for all servers. */
export class LogBook {
  readonly #texts = new Map<number, string[]>();
  readonly #lengths = new Map<number, number>();
  readonly #paths: ReadonlyMap<number, string>;
  readonly #nowMs: () => number;

  /** @param paths files to write to; those without one are kept in memory only */
  constructor(paths: ReadonlyMap<number, string>, wallMs: () => number) {
    this.#paths = paths;
    this.#nowMs = wallMs;
    for (const path of paths.values()) mkdirSync(dirname(path), { recursive: true });
  }

  add(server: number, line: string): void {
    const text = `${formatTime(this.#nowMs())} [myid:${server}] - ${line}\n`;
    const lines = this.#texts.get(server) ?? [];
    this.#texts.set(server, lines);
    lines.push(text);
    let length = (this.#lengths.get(server) ?? 0) + text.length;
    // Half of it at a time, so that a long log costs no more than a short one.
    if (length > logCharactersMax) {
      lines.splice(0, Math.ceil(lines.length / 2));
      length = lines.reduce((sum, one) => sum + one.length, 0);
    }
    this.#lengths.set(server, length);
    const path = this.#paths.get(server);
    if (path !== undefined) appendFileSync(path, text);
  }

  text(server: number): string {
    return (this.#texts.get(server) ?? []).join("");
  }

  /** The last lines, for messages. */
  tail(server: number, linesMax = 10): string {
    const lines = (this.#texts.get(server) ?? []).slice(-linesMax).join("").trimEnd();
    return lines === "" ? `Server ${server} has said nothing.` : `Last lines of server ${server}:\n${lines}`;
  }
}

/** `2014-05-13 16:53:20,000`, the form of log4j and therefore of the lab's own readers. */
function formatTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace("T", " ").replace(".", ",").replace("Z", "");
}
