/** What can happen to servers. Never so much that what a quorum has taken could be forgotten: that is no client's fault. */
import type { Chance } from "../world/chance.js";
import type { World } from "../world/world.js";

/** See the head of this file. */
export class ServerFaults {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #down = new Set<number>();
  readonly #paused = new Set<number>();
  #isPartitioned = false;
  /** A server that lost its disk: until it has caught up nobody else may fail, or what only the others have could be lost. */
  #wiped: number | undefined;

  constructor(world: World, chance: Chance) {
    this.#world = world;
    this.#chance = chance;
  }

  /** A server dies and comes back after a while. */
  kill(server: number, forMs: number): void {
    if (this.#down.has(server) || this.#isWipedSettling()) return;
    this.#note(`kill zk${server} for ${Math.round(forMs)} ms`);
    this.#paused.delete(server);
    this.#down.add(server);
    this.#world.ensemble.step({ kind: "kill", server });
    this.#world.timeline.after(forMs, () => this.#start(server));
  }

  /** A server stands still for a while. */
  pause(server: number, forMs: number): void {
    // One that stands still is as good as dead to the others.
    if (this.#down.has(server) || this.#paused.has(server) || this.#isWipedSettling()) return;
    this.#note(`pause zk${server} for ${Math.round(forMs)} ms`);
    this.#paused.add(server);
    this.#world.ensemble.step({ kind: "pause", server });
    this.#world.timeline.after(forMs, () => this.#resume(server));
  }

  /**
   * A server dies, loses its disk and comes back at once; only while all others have on their disks whatever it has, which
   * includes all that was committed with its help, or will be.
   */
  wipe(server: number): void {
    const { model } = this.#world.ensemble;
    const views = this.#world.servers.map((id) => model.server(id));
    const newest = views[0]?.loggedZxid;
    const isSafe =
      views.length >= 3 &&
      this.#down.size === 0 &&
      this.#paused.size === 0 &&
      !this.#isPartitioned &&
      !this.#isWipedSettling() &&
      views.every(({ isServing, loggedZxid }) => isServing && loggedZxid === newest);
    if (!isSafe) return;
    this.#note(`wipe zk${server}`);
    this.#wiped = server;
    this.#world.ensemble.step({ kind: "kill", server, wipe: true });
    this.#world.ensemble.step({ kind: "start", server });
  }

  /** The servers fall into groups that do not hear each other, for a while. */
  partition(forMs: number): void {
    if (this.#isPartitioned || this.#isWipedSettling()) return;
    const lone = this.#chance.is(0.5) ? this.#world.ensemble.model.leaderId : undefined;
    const alone = lone ?? this.#chance.pick(this.#world.servers);
    const others = this.#world.servers.filter((server) => server !== alone);
    this.#note(`cut zk${alone} off for ${Math.round(forMs)} ms`);
    this.#isPartitioned = true;
    this.#world.ensemble.step({ kind: "partition", groups: [[alone], others] });
    this.#world.timeline.after(forMs, () => this.#mend());
  }

  /** Everything runs and hears everything. */
  heal(): void {
    this.#mend();
    for (const server of [...this.#paused]) this.#resume(server);
    for (const server of [...this.#down]) this.#start(server);
  }

  #start(server: number): void {
    if (!this.#down.delete(server)) return;
    this.#note(`start zk${server}`);
    this.#world.ensemble.step({ kind: "start", server });
  }

  #resume(server: number): void {
    if (!this.#paused.delete(server)) return;
    this.#note(`resume zk${server}`);
    this.#world.ensemble.step({ kind: "resume", server });
  }

  #mend(): void {
    if (!this.#isPartitioned) return;
    this.#isPartitioned = false;
    this.#note("mend the links");
    this.#world.ensemble.step({ kind: "partition", groups: [] });
  }

  /** Who serves has been brought in step by a leader, and has on its disk what that one had. */
  #isWipedSettling(): boolean {
    if (this.#wiped === undefined) return false;
    if (!this.#world.ensemble.model.server(this.#wiped).isServing) return true;
    this.#wiped = undefined;
    return false;
  }

  #note(what: string): void {
    this.#world.trace.add(this.#world.timeline.nowMs, "fault", what);
  }
}
