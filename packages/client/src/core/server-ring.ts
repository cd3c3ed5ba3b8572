/**
 * Which server to try next.
 *
 * The list is shuffled once, so that a fleet of clients spreads over the ensemble, then walked in a circle. A host name
 * is resolved afresh at each turn; all of its addresses are tried before the turn passes on, so a name that resolves to
 * an address nobody listens on (`localhost` as ::1, say) costs no waiting. The first servers after a loss are tried at
 * once; only a whole fruitless round is followed by a pause.
 */
import type { Prng } from "./prng.js";

/** A server as the connection string names it. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** How the last try of a server ended, for people who ask why there is no connection. */
export interface AttemptFailure {
  readonly server: ServerAddress;
  readonly reason: string;
  readonly atMs: number;
}

/** How long to pause after fruitless rounds. */
export interface ReconnectPolicy {
  /** The upper bound of the random pause after the first fruitless round, in milliseconds. Default 200. */
  readonly roundDelayMs: number;
  /** The bound doubles with every round up to this, in milliseconds. Default 1000. */
  readonly roundDelayMaxMs: number;
}

/** `host:port`, with brackets round an IPv6 address. */
export function formatServer(server: ServerAddress): string {
  return server.host.includes(":") ? `[${server.host}]:${server.port}` : `${server.host}:${server.port}`;
}

/** The circle of servers; pure but for the generator it is given. */
export class ServerRing {
  readonly #servers: readonly ServerAddress[];
  readonly #prng: Prng;
  readonly #policy: ReconnectPolicy;
  readonly #failures: (AttemptFailure | undefined)[];
  #index = -1;
  #candidate = -1;
  #preferred: number | undefined;
  #triesSinceSuccess = 0;
  #rounds = 0;
  #addresses: string[] = [];
  #addressesInTurn = 0;

  constructor(servers: readonly ServerAddress[], prng: Prng, policy: ReconnectPolicy) {
    this.#servers = prng.shuffled(servers);
    this.#prng = prng;
    this.#policy = policy;
    this.#failures = this.#servers.map(() => undefined);
  }

  get size(): number {
    return this.#servers.length;
  }

  /** Whole fruitless rounds since the last success. */
  get rounds(): number {
    return this.#rounds;
  }

  /** How many addresses the current server turned out to have; 0 until it is known. */
  get addressesInTurn(): number {
    return this.#addressesInTurn;
  }

  /** Moves to the next server. */
  advance(): ServerAddress {
    this.#index = this.#preferred ?? (this.#index + 1) % this.#servers.length;
    this.#preferred = undefined;
    this.#candidate = -1;
    this.#addresses = [];
    this.#addressesInTurn = 0;
    return this.current();
  }

  current(): ServerAddress {
    return this.#servers[this.#index] as ServerAddress;
  }

  /**
   * A server to be asked on the side while the current one serves: another one each time, and the current one only when
   * there is no other.
   */
  candidate(): ServerAddress {
    const size = this.#servers.length;
    this.#candidate = ((this.#candidate < 0 ? this.#index : this.#candidate) + 1) % size;
    if (this.#candidate === this.#index) this.#candidate = (this.#candidate + 1) % size;
    return this.#servers[this.#candidate] as ServerAddress;
  }

  /** Makes the last candidate the next to be tried. */
  chooseCandidate(): void {
    if (this.#candidate >= 0) this.#preferred = this.#candidate;
  }

  /** Takes what the resolver found for the current server, and gives the address to try first. */
  resolved(addresses: readonly string[]): string | undefined {
    this.#addresses = this.#prng.shuffled(addresses);
    this.#addressesInTurn = addresses.length;
    return this.#addresses.shift();
  }

  /** Another address of the current server that was not tried in this turn. */
  nextAddress(): string | undefined {
    return this.#addresses.shift();
  }

  /**
   * Notes that the current server's turn brought nothing.
   * @returns the pause in milliseconds before the next turn; 0 in the middle of a round.
   */
  failed(reason: string, nowMs: number): number {
    this.#failures[this.#index] = { server: this.current(), reason, atMs: nowMs };
    this.#triesSinceSuccess += 1;
    if (this.#triesSinceSuccess % this.#servers.length !== 0) return 0;
    this.#rounds += 1;
    const bound = Math.min(
      this.#policy.roundDelayMaxMs,
      this.#policy.roundDelayMs * 2 ** Math.min(this.#rounds - 1, 20),
    );
    // Never nothing at all, so that time moves between two rounds whatever the generator says.
    return Math.max(1, this.#prng.next() * bound);
  }

  /** Notes that the current server took us in. */
  succeeded(): void {
    this.#triesSinceSuccess = 0;
    this.#rounds = 0;
    this.#failures[this.#index] = undefined;
  }

  /** Notes the loss of an established connection, so that the reason can be told; it is no fruitless try. */
  lost(reason: string, nowMs: number): void {
    this.#failures[this.#index] = { server: this.current(), reason, atMs: nowMs };
  }

  /** The last failure of each server that has one. */
  failures(): AttemptFailure[] {
    return this.#failures.filter((failure) => failure !== undefined);
  }
}
