/** Everything between the clients and the servers: who reaches whom, how well, and every connection there is. */
import type { ConnectionEvents, ConnectionTarget, Transport } from "@zk/client";
import type { Chance } from "./chance.js";
import { type Buffering, type ServerEnd, SimConnection, type Tap } from "./connection.js";
import type { Weather } from "./direction.js";
import type { Program } from "./program.js";
import type { Timeline } from "./timeline.js";

/** What becomes of attempts to connect. */
export type Reach = "open" | "refused" | "hanging";

/** The servers' side of the network. */
export interface ServerHost extends ServerEnd {
  isListening(server: number): boolean;
  accept(connection: SimConnection, address: string): void;
}

/** One client's place in the network. */
export interface Site {
  readonly program: Program;
  readonly address: string;
  readonly tap: Tap;
  readonly buffering: Buffering;
}

/** The address of a server. */
export function addressOf(server: number): string {
  return `10.0.0.${server}`;
}

/** See the head of this file. */
export class Network {
  #weather: Weather;
  readonly #timeline: Timeline;
  readonly #chance: Chance;
  readonly #host: ServerHost;
  readonly #reach = new Map<string, Reach>();
  readonly #connections = new Map<number, SimConnection>();
  /** Those that are on their way to a server. */
  readonly #opening = new Set<SimConnection>();
  #numbered = 0;

  constructor(timeline: Timeline, chance: Chance, host: ServerHost, weather: Weather) {
    this.#timeline = timeline;
    this.#chance = chance;
    this.#host = host;
    this.#weather = weather;
  }

  /** A number for a connection that nobody else has. */
  nextNumber(): number {
    this.#numbered += 1;
    return this.#numbered;
  }

  /** How bytes travel from now on, on connections that stand too. */
  setWeather(weather: Weather): void {
    this.#weather = weather;
    for (const connection of this.connections()) {
      connection.up.weather = weather;
      connection.down.weather = weather;
    }
  }

  /** A client's way to the servers. */
  transport(site: Site): Transport {
    return { open: (target, events) => this.#open(site, target, events) };
  }

  /** Connections that one of the sides still believes in. */
  connections(): SimConnection[] {
    for (const [number, connection] of this.#connections) {
      if (connection.clientIsOver && connection.serverIsOver) this.#connections.delete(number);
    }
    return [...this.#connections.values()];
  }

  find(number: number): SimConnection | undefined {
    return this.#connections.get(number);
  }

  /** Says what becomes of a client's attempts to reach a server from now on. */
  setReach(program: Program, server: number, reach: Reach): void {
    this.#reach.set(`${program.name}>${server}`, reach);
  }

  /**
   * A client's process or its whole machine is gone. Of a process the servers hear at once; of a machine nothing, until
   * all is mended.
   */
  bury(program: Program, what: "process" | "machine"): void {
    for (const connection of this.connections()) {
      if (connection.program !== program) continue;
      if (what === "machine") connection.swallow("both");
      connection.close();
    }
  }

  /** Everybody reaches everybody, what is half open breaks, and what is on its way goes on in the weather of now. */
  mend(): void {
    this.#reach.clear();
    for (const { up, down } of this.#opening) {
      up.weather = this.#weather;
      down.weather = this.#weather;
    }
    for (const connection of this.connections()) connection.mend();
  }

  #open(site: Site, target: ConnectionTarget, events: ConnectionEvents): SimConnection {
    const server = Number(target.address.split(".")[3]);
    const connection = new SimConnection({
      number: this.nextNumber(),
      server,
      program: site.program,
      events,
      serverEnd: this.#host,
      tap: site.tap,
      timeline: this.#timeline,
      chance: this.#chance,
      weather: this.#weather,
      buffering: site.buffering,
    });
    const reach = this.#reach.get(`${site.program.name}>${server}`) ?? "open";
    const { delayMs, jitterMs } = this.#weather;
    const travelMs = delayMs + (jitterMs > 0 ? this.#chance.wait(jitterMs) : 0);
    if (reach === "hanging") return connection;
    this.#opening.add(connection);
    this.#timeline.after(travelMs, () => {
      this.#opening.delete(connection);
      if (connection.clientIsOver || site.program.isDead) return;
      if (reach === "refused" || !this.#host.isListening(server)) {
        return connection.clientHearsEnd("ECONNREFUSED");
      }
      this.#connections.set(connection.number, connection);
      connection.accepted();
      this.#host.accept(connection, site.address);
      this.#timeline.after(delayMs, () => connection.open());
    });
    return connection;
  }
}
