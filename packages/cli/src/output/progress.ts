/**
 * Long work shows itself on stderr: on a terminal a line that is drawn again, from 0.3 seconds on; elsewhere a plain line
 * every five seconds; with `--progress=json` one object a line for programs.
 */
import type { CommandIo } from "../definition/command-io.js";
import { humanSpan } from "./figures.js";

export type ProgressChoice = "auto" | "never" | "json";

const DRAW_AFTER_MS = 300;
const DRAW_EVERY_MS = 100;
const LINE_EVERY_MS = 5_000;
const SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/** One piece of work at a time. */
export class Progress {
  readonly #stderr: CommandIo["stderr"];
  #mode: "terminal" | "lines" | "json" | "none";
  readonly #nowMs: () => number;
  #what = "";
  #unit = "";
  #done = 0;
  #total: number | undefined;
  #beganMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isDrawn = false;
  #tick = 0;

  constructor(
    io: CommandIo,
    choice: ProgressChoice,
    isQuiet: boolean,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#stderr = io.stderr;
    this.#nowMs = nowMs;
    if (choice === "never" || (isQuiet && choice === "auto")) this.#mode = "none";
    else if (choice === "json") this.#mode = "json";
    else this.#mode = io.stderr.isTTY === true && io.env["TERM"] !== "dumb" ? "terminal" : "lines";
  }

  /** Begins a piece of work; `total` when it is known. */
  begin(what: string, unit: string, total?: number): void {
    this.end();
    this.#what = what;
    this.#unit = unit;
    this.#done = 0;
    this.#total = total;
    this.#beganMs = this.#nowMs();
    if (this.#mode === "none") return;
    const everyMs = this.#mode === "terminal" ? DRAW_EVERY_MS : this.#mode === "json" ? 1_000 : LINE_EVERY_MS;
    this.#timer = setInterval(() => this.#show(), everyMs);
    this.#timer.unref();
  }

  /** From now on the terminal is somebody else's. */
  silence(): void {
    this.end();
    this.#mode = "none";
  }

  advance(by = 1): void {
    this.#done += by;
  }

  /** Ends the piece of work; what was drawn is wiped. */
  end(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.clear();
    if (this.#mode === "json") this.#showJson();
  }

  /** Wipes the drawn line, so that another can be printed. */
  clear(): void {
    if (!this.#isDrawn) return;
    this.#stderr.write("\r\u001b[2K");
    this.#isDrawn = false;
  }

  #show(): void {
    const spentMs = this.#nowMs() - this.#beganMs;
    if (this.#mode === "json") return this.#showJson();
    if (this.#mode === "lines") {
      this.#stderr.write(`${this.#describe(spentMs)}\n`);
      return;
    }
    if (spentMs < DRAW_AFTER_MS) return;
    const frame = SPINNER[this.#tick++ % SPINNER.length];
    const columns = this.#stderr.columns ?? 80;
    this.#stderr.write(`\r\u001b[2K${`${frame} ${this.#describe(spentMs)}`.slice(0, columns - 1)}`);
    this.#isDrawn = true;
  }

  #showJson(): void {
    const { spentMs, rate } = this.#figures();
    const fact = {
      what: this.#what,
      unit: this.#unit,
      done: this.#done,
      total: this.#total ?? null,
      ms: Math.round(spentMs),
      perSecond: Math.round(rate),
    };
    this.#stderr.write(`${JSON.stringify({ schema: "zk.progress/1", ...fact })}\n`);
  }

  #figures(): { spentMs: number; rate: number } {
    const spentMs = this.#nowMs() - this.#beganMs;
    return { spentMs, rate: spentMs > 0 ? (this.#done * 1000) / spentMs : 0 };
  }

  #describe(spentMs: number): string {
    const { rate } = this.#figures();
    const total = this.#total;
    if (total === undefined || total <= 0) {
      return `${this.#what}: ${this.#done} ${this.#unit}, ${Math.round(rate)}/s`;
    }
    const part = Math.min(1, this.#done / total);
    const bar = "━".repeat(Math.round(part * 20)).padEnd(20, "─");
    const left =
      rate > 0 && spentMs > 1000 ? `, ${humanSpan(((total - this.#done) * 1000) / rate)} left` : "";
    return `${this.#what} ${bar} ${this.#done}/${total} ${this.#unit}, ${Math.round(rate)}/s${left}`;
  }
}
