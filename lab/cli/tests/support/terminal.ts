/** A real terminal with a program in it. */
import { type IPty, spawn } from "@lydell/node-pty";
import { waitUntil, zkPath } from "./program.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal speaks in control characters.
const CONTROL = /\u001b\[[\d;?]*[A-Za-z]|\u001b\][^\u0007]*\u0007|\r/g;

/**
 * Runs the program and says its exit code, unseen. When the process ends that a terminal was opened for, the system throws away
 * what nobody has read yet; this one stays until everything has been.
 */
const KEEPER = `trap : INT QUIT
"$@"
printf '\\033]ended %s\\007' "$?"
exec cat >/dev/null`;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const ENDED = /\u001b\]ended (\d+)\u0007/;

export class Terminal implements Disposable {
  readonly #pty: IPty;
  #said = "";
  #isClosed = false;

  constructor(words: readonly string[], env: Record<string, string | undefined>, cwd: string) {
    this.#pty = spawn("/bin/sh", ["-c", KEEPER, "terminal", ...words], {
      cols: 100,
      rows: 40,
      cwd,
      env: env as Record<string, string>,
    });
    this.#pty.onData((text) => {
      this.#said += text;
    });
    this.#pty.onExit(() => {
      this.#isClosed = true;
    });
  }

  /** A terminal with `zk WORDS` in it. */
  static zk(words: readonly string[], env: Record<string, string | undefined>, cwd: string): Terminal {
    return new Terminal([process.execPath, zkPath, ...words], env, cwd);
  }

  /** Everything that came, as it came. */
  get raw(): string {
    return this.#said.replace(ENDED, "");
  }

  /** Everything that came, without the terminal's controls. */
  get text(): string {
    return this.#said.replaceAll(CONTROL, "");
  }

  /** Presses keys. */
  type(keys: string): void {
    this.#pty.write(keys);
  }

  /** Waits until the screen has said this since `from`. */
  async expect(what: RegExp | string, from = 0): Promise<void> {
    const has = (): boolean => {
      const text = this.text.slice(from);
      return typeof what === "string" ? text.includes(what) : what.test(text);
    };
    try {
      await waitUntil(`the terminal to say ${String(what)}`, has, 30_000);
    } catch (error) {
      throw new Error(`${(error as Error).message}; it said:\n${this.text}`);
    }
  }

  /** Types a line, and waits for what it says and for the next prompt. */
  async line(text: string, says: RegExp | string, prompt: RegExp | string = "> "): Promise<void> {
    const from = this.text.length;
    this.type(`${text}\r`);
    await this.expect(says, from);
    const behind = from + this.text.slice(from).search(typeof says === "string" ? escaped(says) : says);
    await this.expect(prompt, behind);
  }

  /** Waits until the program has ended, and ends the terminal. */
  async exitCode(): Promise<number> {
    const said = (): string | undefined => ENDED.exec(this.#said)?.[1];
    await waitUntil("the process to end", () => said() !== undefined || this.#isClosed, 30_000);
    const code = said();
    if (code === undefined)
      throw new Error(`the terminal has ended before its program; it said:\n${this.text}`);
    this.kill();
    return Number(code);
  }

  [Symbol.dispose](): void {
    this.kill();
  }

  /** Ends the program, if it is there, and the terminal. */
  kill(): void {
    if (this.#isClosed) return;
    try {
      process.kill(-this.#pty.pid, "SIGKILL");
    } catch {
      // They have ended, and the word of it is on its way.
    }
  }
}

function escaped(text: string): RegExp {
  return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
}
