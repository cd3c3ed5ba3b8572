/** Who hears of a signal of the system: the last one who asked for it, and else the process's own way to end. */

const ENDING = ["SIGINT", "SIGHUP", "SIGTERM"] as const;

/** Says whether it took the signal. */
export type TakeSignal = (signal: NodeJS.Signals) => boolean;

export class SignalDesk {
  readonly #end: (signal: NodeJS.Signals) => void;
  readonly #takers: { readonly signals: ReadonlySet<NodeJS.Signals>; readonly take: TakeSignal }[] = [];
  readonly #listening = new Set<NodeJS.Signals>();

  constructor(end: (signal: NodeJS.Signals) => void) {
    this.#end = end;
    for (const signal of ENDING) this.#listen(signal);
  }

  /** @returns what gives them back */
  take(signals: readonly NodeJS.Signals[], take: TakeSignal): () => void {
    const taker = { signals: new Set(signals), take };
    this.#takers.push(taker);
    // What nobody asks for keeps its usual effect, such as the debugger of SIGUSR1.
    for (const signal of signals) this.#listen(signal);
    return () => {
      const at = this.#takers.indexOf(taker);
      if (at >= 0) this.#takers.splice(at, 1);
    };
  }

  #listen(signal: NodeJS.Signals): void {
    if (this.#listening.has(signal)) return;
    this.#listening.add(signal);
    process.on(signal, () => {
      const isTaken = [...this.#takers]
        .reverse()
        .some(({ signals, take }) => signals.has(signal) && take(signal));
      if (isTaken) return;
      if ((ENDING as readonly string[]).includes(signal)) this.#end(signal);
      // Once asked for, it has no effect of its own any more.
      if (signal === "SIGTSTP") process.kill(process.pid, "SIGSTOP");
    });
  }
}
