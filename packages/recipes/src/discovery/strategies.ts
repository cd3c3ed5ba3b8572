/** Which of several instances is used next. */
import type { ServiceInstance } from "./instance.js";

/** What a strategy may know beside the instances. */
export interface PickContext {
  /** At least 0, below 1. */
  random(): number;
  /** When a use of the instance failed last, on the client's clock; undefined when none did. */
  failedAtMs(instance: ServiceInstance): number | undefined;
}

/**
 * Picks one of the instances. They are sorted by id, and there is at least one. A strategy that remembers something belongs to one
 * provider.
 */
export type ProviderStrategy<Payload = unknown> = (
  instances: readonly ServiceInstance<Payload>[],
  context: PickContext,
) => ServiceInstance<Payload> | undefined;

/** Any of them. */
export function randomStrategy<Payload>(): ProviderStrategy<Payload> {
  return (instances, context) => anyOf(instances, context);
}

/** One after the other, by id; one that comes or goes does not disturb the turn of the others. */
export function roundRobin<Payload>(): ProviderStrategy<Payload> {
  // An id and not a number: there is nothing that could overflow.
  let last: string | undefined;
  return (instances) => {
    const before = last;
    const next = before === undefined ? undefined : instances.find(({ id }) => id > before);
    const picked = next ?? instances[0];
    last = picked?.id;
    return picked;
  };
}

/** The same as before, as long as it is there. @param first picks it. Default: any of them */
export function sticky<Payload>(
  first: ProviderStrategy<Payload> = randomStrategy(),
): ProviderStrategy<Payload> {
  let kept: string | undefined;
  return (instances, context) => {
    const picked = instances.find(({ id }) => id === kept) ?? first(instances, context);
    kept = picked?.id;
    return picked;
  };
}

/**
 * Any of them, one of twice the weight twice as often. Who has no weight above 0 is not picked.
 * @param weightOf Default: the payload's `weight`; 1 where there is none
 */
export function weighted<Payload>(
  weightOf: (instance: ServiceInstance<Payload>) => number = weightInPayload,
): ProviderStrategy<Payload> {
  return (instances, { random }) => {
    const weights = instances.map((instance) => {
      const weight = weightOf(instance);
      return Number.isFinite(weight) && weight > 0 ? weight : 0;
    });
    let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
    let last: ServiceInstance<Payload> | undefined;
    for (const [index, instance] of instances.entries()) {
      const weight = weights[index] ?? 0;
      if (weight === 0) continue;
      last = instance;
      left -= weight;
      if (left < 0) return instance;
    }
    return last;
  };
}

/** One that never failed, else the one whose last failure is longest ago. @param among those. Default: round robin */
export function leastRecentlyFailed<Payload>(
  among: ProviderStrategy<Payload> = roundRobin(),
): ProviderStrategy<Payload> {
  return (instances, context) => {
    const failures = instances.map((instance) => context.failedAtMs(instance) ?? Number.NEGATIVE_INFINITY);
    const oldest = Math.min(...failures);
    return among(
      instances.filter((_instance, index) => failures[index] === oldest),
      context,
    );
  };
}

/** Options of {@link zoneAware}. */
export interface ZoneOptions<Payload> {
  /** Ours. */
  readonly zone: string;
  /** Default: the payload's `zone`. */
  readonly zoneOf?: (instance: ServiceInstance<Payload>) => string | undefined;
  /** With fewer than so many of our zone, those of the others are used as well. Default 1. */
  readonly localMin?: number;
  /** Picks among them. Default: round robin. */
  readonly among?: ProviderStrategy<Payload>;
}

/** One of our own zone, if there are enough. */
export function zoneAware<Payload>(options: ZoneOptions<Payload>): ProviderStrategy<Payload> {
  const { zone, zoneOf = zoneInPayload, localMin = 1, among = roundRobin() } = options;
  return (instances, context) => {
    const local = instances.filter((instance) => zoneOf(instance) === zone);
    return among(local.length >= Math.max(1, localMin) ? local : instances, context);
  };
}

function anyOf<Payload>(
  instances: readonly ServiceInstance<Payload>[],
  { random }: PickContext,
): ServiceInstance<Payload> | undefined {
  return instances[Math.floor(random() * instances.length)];
}

function weightInPayload({ payload }: ServiceInstance): number {
  const weight = fieldOf(payload, "weight");
  return weight === undefined ? 1 : Number(weight);
}

function zoneInPayload({ payload }: ServiceInstance): string | undefined {
  const zone = fieldOf(payload, "zone");
  return typeof zone === "string" ? zone : undefined;
}

function fieldOf(payload: unknown, field: string): unknown {
  return typeof payload === "object" && payload !== null
    ? (payload as Record<string, unknown>)[field]
    : undefined;
}
