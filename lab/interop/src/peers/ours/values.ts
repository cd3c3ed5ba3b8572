/** Our shared values and numbers in the words of the interface. */
import { AtomicInteger, AtomicLong, type AtomicResult, SharedCount, SharedValue } from "@zk/recipes";
import { PeerError } from "../errors.js";
import type * as words from "../recipes.js";
import { closing, unsupported } from "./held.js";
import type { OurSession } from "./locks.js";

export async function openSharedCount(
  { client }: OurSession,
  path: string,
  { seed = 0 }: words.OptionsOf<"sharedCount">,
): Promise<words.SharedCount> {
  const count = new SharedCount(client, path, { seed });
  await count.ready;
  return {
    ...handleOf(count),
    add: async ({ by }) => (await count.add(by)).value,
  };
}

export async function openSharedValue(
  { client }: OurSession,
  path: string,
  { seed }: words.OptionsOf<"sharedValue">,
): Promise<words.SharedValue> {
  const value = new SharedValue(client, path, { seed });
  await value.ready;
  return handleOf(value);
}

/** As Curator's: `get` tells what was last heard of, and asks nobody. */
function handleOf<T>(value: SharedValue<T>) {
  return {
    get: async (): Promise<T> => {
      const { current } = value;
      if (current === undefined) throw new PeerError("FAILED", "there is no value");
      return current.value;
    },
    set: async (to: { readonly value: T }): Promise<void> => void (await value.set(to.value)),
    trySet: async (to: { readonly value: T }): Promise<boolean> =>
      (await value.compareAndSet(value.current, to.value)) !== null,
    ...closing(async () => value.close()),
  };
}

/** kazoo's: `get` asks. */
export async function openCounter(
  { client }: OurSession,
  path: string,
  { encoding = "text", seed = 0 }: words.OptionsOf<"counter">,
): Promise<words.Counter> {
  const count = new SharedCount(client, path, { seed, dialect: encoding === "text" ? "kazoo" : "curator" });
  await count.ready;
  return {
    get: async () => (await count.get())?.value ?? seed,
    add: async ({ by }) => (await count.add(by)).value,
    ...closing(async () => count.close()),
  };
}

export function openAtomicLong(
  { client }: OurSession,
  path: string,
  options: words.OptionsOf<"atomicLong">,
): words.AtomicNumber {
  const number = new AtomicLong(client, path, promotion(options));
  return {
    get: async () => read(await number.get()),
    add: async ({ by }) => written(await number.add(by)),
    compareAndSet: async ({ expected, value }) => written(await number.compareAndSet(expected, value)),
    set: async ({ value }) => void (await number.set(value)),
    ...common,
  };
}

export function openAtomicInteger(
  { client }: OurSession,
  path: string,
  options: words.OptionsOf<"atomicInteger">,
): words.AtomicNumber {
  const number = new AtomicInteger(client, path, promotion(options));
  return {
    get: async () => read(await number.get()),
    add: async ({ by }) => written(await number.add(Number(by))),
    compareAndSet: async ({ expected, value }) =>
      written(await number.compareAndSet(Number(expected), Number(value))),
    set: async ({ value }) => void (await number.set(Number(value))),
    ...common,
  };
}

const common: Pick<words.AtomicNumber, "initialize" | "close" | typeof Symbol.asyncDispose> = {
  initialize: async () => {
    throw unsupported("number that is set only where there is none: an absent one is 0");
  },
  ...closing(async () => {}),
};

function promotion({
  promoteAt,
}: words.OptionsOf<"atomicLong">): ConstructorParameters<typeof AtomicLong>[2] {
  // At the first conflict, as Curator's lock is taken when its own tries have failed.
  return promoteAt === undefined ? {} : { promotion: { lock: promoteAt, afterConflicts: 1 } };
}

function read(number: number | bigint): words.AtomicResult {
  return { succeeded: true, before: BigInt(number), after: BigInt(number), promoted: false };
}

function written(result: AtomicResult<number | bigint> | null): words.AtomicResult {
  if (result === null) return { succeeded: false, before: null, after: null, promoted: false };
  const { pre, post, promoted } = result;
  return { succeeded: true, before: BigInt(pre), after: BigInt(post), promoted };
}
