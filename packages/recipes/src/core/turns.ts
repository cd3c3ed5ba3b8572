/** One after another within this process, in the order in which they came. */
import type { Patience } from "./patience.js";

/** See the head of this file. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /**
   * Resolves when all who came before have ended their turn.
   * @returns what ends the turn
   * @throws RecipeError ABORTED or WAIT_TIMEOUT when the wait must end; the turn is given up then
   */
  async take(patience: Patience): Promise<() => void> {
    patience.check();
    const before = this.#last;
    let end = (): void => {};
    this.#last = new Promise((resolve) => {
      end = resolve;
    });
    try {
      await patience.race(before);
    } catch (error) {
      // Those behind wait for those before all the same.
      before.then(end);
      throw error;
    }
    return end;
  }
}
