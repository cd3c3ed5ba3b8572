/** A small typed event emitter, so that the package needs none of Node's. */

/** Event names with the arguments of their listeners. */
export type EventMap = Record<string, readonly unknown[]>;

/** Keeps listeners in the order in which they were added. */
export class Emitter<Events extends EventMap> {
  readonly #listeners = new Map<keyof Events, ((...args: never[]) => unknown)[]>();
  readonly #failed: (error: unknown) => void;

  /** @param failed hears of every listener that throws, or whose promise rejects */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => unknown): void {
    this.#listeners.set(name, [
      ...(this.#listeners.get(name) ?? []),
      listener as (...args: never[]) => unknown,
    ]);
  }

  /** Removes one registration of the listener; unknown ones are ignored. */
  off<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => unknown): void {
    const listeners = this.#listeners.get(name) ?? [];
    const index = listeners.indexOf(listener as (...args: never[]) => unknown);
    if (index >= 0) this.#listeners.set(name, listeners.toSpliced(index, 1));
  }

  has(name: keyof Events): boolean {
    return (this.#listeners.get(name)?.length ?? 0) > 0;
  }

  /** Calls every listener, whatever the others do. */
  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of this.#listeners.get(name) ?? [])
      callListener(listener, args as never, this.#failed);
  }
}

/** Calls a listener of the user: what it throws, now or later, goes to `failed` and nowhere else. */
export function callListener<Args extends readonly unknown[]>(
  listener: (...args: Args) => unknown,
  args: Args,
  failed: (error: unknown) => void,
): void {
  try {
    const result = listener(...args);
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}
