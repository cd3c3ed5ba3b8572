/** Keys as they are pressed on a terminal. */

/** What a key stands for. */
export type Key = "up" | "down" | "enter" | "back" | "help" | "reset" | "hold" | "quit";

const MEANINGS: Readonly<Record<string, Key>> = {
  "\u001b[A": "up",
  "\u001bOA": "up",
  k: "up",
  "\u001b[B": "down",
  "\u001bOB": "down",
  j: "down",
  "\r": "enter",
  "\n": "enter",
  "\u001b": "back",
  h: "help",
  "?": "help",
  r: "reset",
  " ": "hold",
  q: "quit",
  "\u0004": "quit",
};

/** The keys in what a terminal has sent; what means nothing here is left out. */
export function keysIn(text: string): Key[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys come as control characters.
  return [...text.matchAll(/\u001b[[O][A-Z]|./gs)].flatMap(([each]) => MEANINGS[each] ?? []);
}

/** Reads keys one by one, without Enter behind them, until it is closed. */
export class Keys {
  readonly #stdin: NodeJS.ReadStream;
  readonly #pressed: Key[] = [];
  #wake: () => void = () => {};
  readonly #onData = (chunk: Buffer): void => {
    const text = chunk.toString("latin1");
    // In raw mode Ctrl-C is a key like any other.
    if (text.includes("\u0003")) process.kill(process.pid, "SIGINT");
    this.#pressed.push(...keysIn(text));
    this.#wake();
  };

  constructor(stdin: NodeJS.ReadableStream) {
    this.#stdin = stdin as NodeJS.ReadStream;
    this.#stdin.setRawMode?.(true);
    this.#stdin.on("data", this.#onData);
    this.#stdin.resume();
  }

  /** The next key. */
  take(): Key | undefined {
    return this.#pressed.shift();
  }

  /** Calls back once, at the next key. */
  onKey(wake: () => void): void {
    this.#wake = wake;
    if (this.#pressed.length > 0) wake();
  }

  close(): void {
    this.#stdin.off("data", this.#onData);
    this.#stdin.setRawMode?.(false);
    this.#stdin.pause();
  }
}

/** The next key within a time, which may be endless; undefined when it is over. Rejects with the signal's reason. */
export function nextKey(keys: Keys | undefined, ms: number, signal: AbortSignal): Promise<Key | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      keys?.onKey(() => {});
      resolve(keys?.take());
    };
    const timer = Number.isFinite(ms) ? setTimeout(done, Math.max(0, ms)) : undefined;
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    keys?.onKey(done);
  });
}
