/** Does harm, as the seed says: in each run other kinds of it, now and then or all the time. */

import type { Chance } from "../world/chance.js";
import type { Inhabitant } from "../world/inhabitant.js";
import type { World } from "../world/world.js";
import { expireSession } from "./outside.js";
import { ServerFaults } from "./server-faults.js";

/** The kinds of harm. */
export const HARM = [
  "cut",
  "cutSoon",
  "swallow",
  "refuse",
  "names",
  "weather",
  "kill",
  "killLeader",
  "pause",
  "wipe",
  "partition",
  "stall",
  "jump",
  "expire",
] as const;

/** A kind of harm. */
export type Harm = (typeof HARM)[number];

/** See the head of this file. */
export class Adversary {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #servers: ServerFaults;
  readonly #choose: () => Harm;
  readonly #pauseMs: number;
  readonly #calm = { delayMs: 0.2, jitterMs: 0.2, tearing: 0 };
  #isRunning = true;

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
    this.#servers = new ServerFaults(world, chance.fork("servers"));
    const { isStorm } = world;
    this.#pauseMs = isStorm ? chance.pick([10, 40]) : chance.pick([15, 40, 150, 600]);
    const some = (weight: number): number =>
      chance.is(0.6) ? weight * chance.between(0.3, 1) * (isStorm ? 0.05 : 1) : 0;
    this.#choose = chance.chooser<Harm>({
      cut: (isStorm ? 6 : 2) * chance.between(0.3, 1),
      cutSoon: some(6),
      swallow: some(1.5),
      refuse: some(1),
      names: some(0.5),
      weather: some(1),
      kill: some(0.6),
      killLeader: some(0.6),
      pause: some(0.4),
      wipe: some(0.3),
      partition: some(0.4),
      stall: some(0.6),
      jump: some(0.3),
      expire: some(0.15),
    });
  }

  /** Goes on until {@link heal}. */
  start(): void {
    this.#later();
  }

  /** No more harm, and all of it is mended. */
  heal(): void {
    this.#isRunning = false;
    this.#note("heal everything");
    this.#world.network.setWeather(this.#calm);
    for (const actor of this.#world.actors) actor.names.weather = "quick";
    this.#servers.heal();
    this.#world.network.mend();
  }

  #later(): void {
    this.#world.timeline.after(this.#chance.wait(this.#pauseMs), () => {
      if (!this.#isRunning) return;
      this.#harm(this.#choose());
      this.#later();
    });
  }

  #harm(harm: Harm): void {
    const chance = this.#chance;
    const world = this.#world;
    switch (harm) {
      case "cut":
        return this.#cut(0);
      case "cutSoon":
        return this.#cut(chance.pick([1, 4, 20, 60, 300]));
      case "swallow": {
        const connection = this.#anyConnection();
        if (connection === undefined || connection.isSwallowed) return;
        const which = chance.pick(["up", "down", "both"] as const);
        this.#note(`swallow ${which} on connection ${connection.number}`);
        connection.swallow(which);
        if (chance.is(0.5)) world.timeline.after(chance.wait(1500), () => connection.mend());
        return;
      }
      case "refuse": {
        const actor = this.#anyActor();
        const server = chance.pick(world.servers);
        const reach = chance.pick(["refused", "hanging"] as const);
        if (actor === undefined) return;
        this.#note(`zk${server} is ${reach} for ${actor.name}`);
        world.network.setReach(actor.program, server, reach);
        world.timeline.after(chance.wait(1000), () => world.network.setReach(actor.program, server, "open"));
        return;
      }
      case "names": {
        const actor = this.#anyActor();
        if (actor === undefined) return;
        const weather = chance.pick(["slow", "failing", "silent"] as const);
        this.#note(`names are ${weather} for ${actor.name}`);
        actor.names.weather = weather;
        world.timeline.after(chance.wait(800), () => {
          actor.names.weather = "quick";
        });
        return;
      }
      case "weather": {
        const weather = {
          delayMs: chance.between(0.05, chance.pick([1, 5, 80])),
          jitterMs: chance.between(0, chance.pick([0.5, 3, 100])),
          tearing: chance.is(0.5) ? chance.next() : 0,
        };
        this.#note(`weather ${weather.delayMs.toFixed(1)} + ${weather.jitterMs.toFixed(1)} ms`);
        world.network.setWeather(weather);
        world.timeline.after(chance.wait(1500), () => world.network.setWeather(this.#calm));
        return;
      }
      case "kill":
        return this.#servers.kill(chance.pick(world.servers), chance.wait(800));
      case "killLeader": {
        const { leaderId } = world.ensemble.model;
        return leaderId === undefined ? undefined : this.#servers.kill(leaderId, chance.wait(800));
      }
      case "pause":
        return this.#servers.pause(chance.pick(world.servers), chance.wait(1500));
      case "wipe":
        return this.#servers.wipe(chance.pick(world.servers));
      case "partition":
        return this.#servers.partition(chance.wait(2000));
      case "stall": {
        const actor = this.#anyActor();
        const forMs = chance.wait(chance.pick([100, 1500, 6000]));
        if (actor === undefined) return;
        this.#note(`stall ${actor.name} for ${Math.round(forMs)} ms`);
        return actor.program.stall(forMs);
      }
      case "jump": {
        const actor = this.#anyActor();
        const byMs = chance.wait(chance.pick([100, 1500, 20_000]));
        if (actor === undefined) return;
        this.#note(`the clock of ${actor.name} jumps by ${Math.round(byMs)} ms`);
        return actor.program.jump(byMs);
      }
      case "expire": {
        const actor = this.#anyActor();
        const id = actor?.client.sessionId ?? 0n;
        if (actor === undefined || id === 0n) return;
        this.#note(`expire session ${id.toString(16)} of ${actor.name}`);
        expireSession(world, id);
        return;
      }
      default:
        harm satisfies never;
    }
  }

  /** Now, or behind one of the next bytes. */
  #cut(bytesMax: number): void {
    const connection = this.#anyConnection();
    if (connection === undefined) return;
    const bytes = bytesMax === 0 ? 0 : this.#chance.below(bytesMax);
    const which = this.#chance.pick(["up", "down"] as const);
    this.#note(`cut connection ${connection.number} ${bytesMax === 0 ? "now" : `${bytes} bytes ${which}`}`);
    if (bytesMax === 0) return connection.cut("ECONNRESET");
    connection[which].cutAfter(bytes);
  }

  #anyConnection(): ReturnType<World["network"]["connections"]>[number] | undefined {
    const connections = this.#world.network.connections();
    return connections.length === 0 ? undefined : this.#chance.pick(connections);
  }

  #anyActor(): Inhabitant | undefined {
    const actors = [...this.#world.actors];
    return actors.length === 0 ? undefined : this.#chance.pick(actors);
  }

  #note(what: string): void {
    this.#world.trace.add(this.#world.timeline.nowMs, "fault", what);
  }
}
