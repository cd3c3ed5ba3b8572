/** All doors to a world in memory at once. */
import type { Ports } from "../io/ports.js";
import { ManualClock } from "./manual-clock.js";
import { ManualResolver } from "./manual-resolver.js";
import { MemoryNetwork } from "./memory-network.js";
import { SeededRandomness } from "./seeded-randomness.js";

/** What {@link memoryPorts} makes: the doors, each with the handle by which a test moves what is behind it. */
export interface MemoryPorts extends Ports {
  readonly clock: ManualClock;
  readonly transport: MemoryNetwork;
  readonly resolver: ManualResolver;
  readonly randomness: SeededRandomness;
}

/**
 * A world without real time, sockets, names or chance.
 *
 * @param seed decides everything that is left to chance. Default 1
 * @example
 * ```ts
 * const ports = memoryPorts();
 * ports.transport.listen("10.0.0.1:2181", server);
 * const client = createClient("10.0.0.1:2181", { ports });
 * ```
 */
export function memoryPorts(seed = 1): MemoryPorts {
  return {
    clock: new ManualClock(),
    transport: new MemoryNetwork(),
    resolver: new ManualResolver(),
    randomness: new SeededRandomness(seed),
  };
}
