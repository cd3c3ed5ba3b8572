/** Those who want to hear of something, and how they are told. */

/** See the head of this file. */
export class Listeners<Event> {
  readonly #listeners = new Set<(event: Event) => void>();

  /** Adds a listener; the same one may be added twice. @returns what removes it */
  add(listener: (event: Event) => void): () => void {
    // A function of its own for each call: the set would keep the same listener once.
    const own = (event: Event): void => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Tells everybody. What a listener throws is ignored: it must not keep a recipe from its work, or the others from hearing. */
  tell(event: Event): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch {
        // See above.
      }
    }
  }
}
