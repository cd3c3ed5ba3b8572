/** Those who want to hear of something, and how they are told. */

/** See the head of this file. */
export class Listeners<Event> {
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #failed: (error: unknown) => void;

  /** @param failed is told what a listener throws; by default nobody is */
  constructor(failed: (error: unknown) => void = () => {}) {
    this.#failed = failed;
  }

  /** Adds a listener; the same one may be added twice. @returns what removes it */
  add(listener: (event: Event) => void): () => void {
    // A function of its own for each call: the set would keep the same listener once.
    const own = (event: Event): void => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Tells everybody. What a listener throws must not keep a recipe from its work, or the others from hearing. */
  tell(event: Event): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
