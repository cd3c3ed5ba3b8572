/** Counts what one-shot watches tell. */
import type { WatchEvent, WatchListener } from "@zk/client";

/** One listener for any number of watches; it knows them by their names. */
export class WatchBook {
  readonly #told = new Map<string, string[]>();

  /** A listener of its own for one watch. */
  listener(name: string): WatchListener {
    return (event) => this.#note(name, event);
  }

  /** What a watch was told, in order: event types, for the end of a session with the state. */
  told(name: string): readonly string[] {
    return this.#told.get(name) ?? [];
  }

  /** Every watch that was told anything, with what it was told. */
  get all(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries([...this.#told].sort());
  }

  #note(name: string, event: WatchEvent): void {
    const what = event.type === "None" ? `None ${event.state}` : event.type;
    this.#told.set(name, [...this.told(name), what]);
  }
}
