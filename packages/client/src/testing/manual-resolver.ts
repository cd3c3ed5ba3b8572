/** Names that resolve to what the test says. */
import type { Resolver } from "../io/ports.js";

type Answer = readonly string[] | { readonly reason: string } | "hang";

/** Literal addresses resolve to themselves, names to what they were given, unknown names to an error. */
export class ManualResolver implements Resolver {
  /** Every name that was asked for, in order. */
  readonly asked: string[] = [];
  readonly #answers = new Map<string, Answer>();

  /** From now on the name has these addresses. */
  answers(host: string, ...addresses: string[]): this {
    this.#answers.set(host, addresses);
    return this;
  }

  /** From now on the name cannot be resolved. */
  fails(host: string, reason = `ENOTFOUND ${host}`): this {
    this.#answers.set(host, { reason });
    return this;
  }

  /** From now on questions about the name are never answered. */
  hangs(host: string): this {
    this.#answers.set(host, "hang");
    return this;
  }

  /** @throws Error for a name that fails or is unknown */
  async resolve(host: string): Promise<readonly string[]> {
    this.asked.push(host);
    const answer = this.#answers.get(host);
    if (answer === undefined) {
      if (/^[\d.]+$/.test(host) || host.includes(":")) return [host];
      throw new Error(`ENOTFOUND ${host}`);
    }
    if (answer === "hang") return new Promise(() => {});
    if ("reason" in answer) throw new Error(answer.reason);
    return answer;
  }
}
