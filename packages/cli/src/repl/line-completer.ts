/** What the Tab key offers in the shell: its own words, commands, options, contexts, and znodes. */
import type { Client } from "@zk/client";
import { allCommands } from "../commands/all-commands.js";
import { complete } from "../completion/complete.js";
import { completePath } from "../completion/znode-paths.js";
import { quoteWord, splitWords } from "../input/words.js";
import { resolvePath } from "../input/znode-path.js";
import { allContexts, type Settings } from "../settings/settings.js";

/** What it is completed from. */
export interface CompletionSources {
  readonly builtIn: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  settings(): Settings;
  /** Where relative paths begin. */
  znode(): string;
  connect(): Promise<Client>;
}

/** Completes a line up to the cursor. */
export class LineCompleter {
  readonly #sources: CompletionSources;

  constructor(sources: CompletionSources) {
    this.#sources = sources;
  }

  /** @returns what readline wants: whole words to offer, and the part of the line that they replace */
  async complete(line: string): Promise<[string[], string]> {
    let words: string[];
    try {
      words = splitWords(line).map(({ text }) => text);
    } catch {
      // Within a quote nothing is offered.
      return [[], line];
    }
    const current = /\s$/.test(line) || line === "" ? "" : (words.pop() ?? "");
    const typed = current === "" ? "" : (/\S*$/.exec(line)?.[0] ?? "");
    if (words.length === 0) {
      const names = [
        ...new Set([
          ...this.#sources.builtIn,
          ...allCommands()
            .filter(({ isHidden }) => isHidden !== true)
            .map(({ name }) => name.split(" ")[0]!),
        ]),
      ];
      return [names.filter((name) => name.startsWith(current)).map((name) => `${name} `), typed];
    }
    const offer =
      words[0] === "cd"
        ? { words: [], kind: "path" as const, prefix: "" }
        : complete(words, current, allCommands());
    if (offer.kind === "context")
      return [
        allContexts(this.#sources.env)
          .map(({ name }) => `${name} `)
          .filter((name) => name.startsWith(current)),
        typed,
      ];
    if (offer.kind !== "path") return [offer.words.map((word) => `${offer.prefix}${word} `), typed];
    return [await this.#paths(current), typed];
  }

  async #paths(current: string): Promise<string[]> {
    const isAbsolute = current.startsWith("/");
    const slash = current.lastIndexOf("/");
    const folder = current.slice(0, slash + 1);
    const parent = resolvePath(folder === "" ? "." : folder, this.#sources.znode());
    const word = `${parent === "/" ? "" : parent}/${current.slice(slash + 1)}`;
    const paths = await completePath(
      word,
      this.#sources.settings(),
      this.#sources.env,
      this.#sources.connect,
    );
    return paths.map((path) => quoteWord(isAbsolute ? path : folder + path.slice(path.lastIndexOf("/") + 1)));
  }
}
