/** A real terminal with a program in it. */
import { type IPty, spawn } from "@lydell/node-pty";
import { waitUntil, zkPath } from "./program.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal speaks in control characters.
const CONTROL = /\u001b\[[\d;?]*[A-Za-z]|\u001b\][^\u0007]*\u0007|\r/g;

export class Terminal implements Disposable {
  readonly #pty: IPty;
  #said = "";
  #exitCode: number | undefined;

  constructor(
    [program = "", ...rest]: readonly string[],
    env: Record<string, string | undefined>,
    cwd: string,
  ) {
    this.#pty = spawn(program, rest, {
      cols: 100,
      rows: 40,
      cwd,
      env: env as Record<string, string>,
    });
    this.#pty.onData((text) => {
      this.#said += text;
    });
    this.#pty.onExit(({ exitCode }) => {
      this.#exitCode = exitCode;
    });
  }

  /** A terminal with `zk WORDS` in it. */
  static zk(words: readonly string[], env: Record<string, string | undefined>, cwd: string): Terminal {
    return new Terminal([process.execPath, zkPath, ...words], env, cwd);
  }

  /** Everything that came, as it came. */
  get raw(): string {
    return this.#said;
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

  async exitCode(): Promise<number> {
    await waitUntil("the process to end", () => this.#exitCode !== undefined, 30_000);
    return this.#exitCode!;
  }

  [Symbol.dispose](): void {
    this.kill();
  }

  kill(): void {
    if (this.#exitCode === undefined) this.#pty.kill("SIGKILL");
  }
}

function escaped(text: string): RegExp {
  return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
}
