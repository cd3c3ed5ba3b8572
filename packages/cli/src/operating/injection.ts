/** Faults that a proxy makes on wish: `delay=200ms,op=getData,path=/config/**`, `drop,op=setData`, `reset,after=10`. */
import { parseDuration, parseWhole } from "../definition/specs.js";
import { parseGlob } from "../input/comparison.js";
import { UsageError } from "../program/errors.js";
import type { WireRequest } from "./wire-reader.js";

/** What becomes of a request that fits. */
export type Fault =
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "drop" }
  | { readonly kind: "reset" };

/** A rule with its memory of how often it was used. */
export class Injection {
  readonly fault: Fault;
  readonly #fits: (request: WireRequest) => boolean;
  #after: number;
  #times: number;

  private constructor(fault: Fault, fits: (request: WireRequest) => boolean, after: number, times: number) {
    this.fault = fault;
    this.#fits = fits;
    this.#after = after;
    this.#times = times;
  }

  /** @throws UsageError */
  static parse(text: string): Injection {
    const [first = "", ...rest] = text.split(",").map((part) => part.trim());
    const [kind, value] = first.split("=");
    let fault: Fault;
    if (kind === "delay" && value !== undefined) fault = { kind, ms: parseDuration(value) };
    else if ((kind === "drop" || kind === "reset") && value === undefined) fault = { kind };
    else throw new UsageError(`a fault is delay=TIME, drop or reset, not ${JSON.stringify(first)}`);
    let op: string | undefined;
    let path: ((value: string) => boolean) | undefined;
    let after = 0;
    let times = Number.POSITIVE_INFINITY;
    for (const part of rest) {
      const [name, given = ""] = part.split(/=(.*)/s);
      if (name === "op") op = given;
      else if (name === "path") path = parseGlob(given);
      else if (name === "after") after = parseWhole(given);
      else if (name === "times") times = parseWhole(given, 1);
      else throw new UsageError(`a fault has op, path, after and times, not ${JSON.stringify(part)}`);
    }
    const fits = (request: WireRequest): boolean =>
      (op === undefined || request.op === op) &&
      (path === undefined || (request.path !== null && path(request.path)));
    return new Injection(fault, fits, after, times);
  }

  /** Whether the fault is to happen to this request. Counts. */
  takes(request: WireRequest): boolean {
    if (this.#times <= 0 || !this.#fits(request)) return false;
    if (this.#after > 0) {
      this.#after--;
      return false;
    }
    this.#times--;
    return true;
  }
}
