/**
 * Who leads. Votes are not sent around one by one: when enough servers that hear each other look for a leader, the time of
 * an election passes, and the one with the longest history has won.
 *
 * Source: ZooKeeper 3.4.6, FastLeaderElection.java, totalOrderPredicate and ooePredicate
 */
import type { Server } from "./server.js";
import type { World } from "./world.js";

/** See the head of this file. */
export class Elections {
  readonly #world: World;
  readonly #servers: readonly Server[];
  /** When the election among the servers of this key ends. */
  #underWay = new Set<string>();

  constructor(world: World, servers: readonly Server[]) {
    this.#world = world;
    this.#servers = servers;
  }

  /** To be called after whatever may have changed who looks and who is heard. */
  consider(): void {
    const world = this.#world;
    world.electionIsDue = false;
    for (const server of this.#servers) {
      if (!isLooking(server)) continue;
      const leader = this.#leaderFor(server);
      if (leader !== undefined) {
        server.follow(leader.id);
        continue;
      }
      const voters = this.#votersWith(server);
      if (voters.length < world.quorum) continue;
      const key = voters.map(({ id }) => id).join();
      if (this.#underWay.has(key)) continue;
      const electionMs = world.draw(world.settings.electionMs);
      if (electionMs === 0) this.#decide(voters);
      else {
        this.#underWay.add(key);
        world.schedule.add(world.nowMs + electionMs, () => {
          this.#underWay.delete(key);
          const still = this.#votersWith(server);
          if (still.map(({ id }) => id).join() === key) this.#decide(still);
          else world.electionIsDue = true;
        });
      }
    }
  }

  #decide(voters: readonly Server[]): void {
    const winner = voters.reduce((best, other) => (isBetter(other, best) ? other : best));
    winner.lead();
    for (const voter of voters) {
      if (voter !== winner) voter.follow(winner.id);
    }
  }

  /** A leader that says so, and whom a quorum follows: one alone may be left over from an election that came to nothing. */
  #leaderFor(server: Server): Server | undefined {
    const heard = this.#servers.filter(
      (other) => other.isRunning && !other.isPaused && this.#hear(server, other),
    );
    return heard.find(
      ({ role, reign }) =>
        role === "leading" && heard.filter((other) => other.reign === reign).length >= this.#world.quorum,
    );
  }

  #votersWith(server: Server): Server[] {
    if (!isLooking(server)) return [];
    return this.#servers.filter(
      (other) => isLooking(other) && (other === server || this.#hear(server, other)),
    );
  }

  #hear(a: Server, b: Server): boolean {
    return this.#world.canHear(a.id, b.id);
  }
}

function isLooking({ isRunning, isPaused, role }: Server): boolean {
  return isRunning && !isPaused && (role === "looking" || role === "readonly");
}

function isBetter(a: Server, b: Server): boolean {
  const [left, right] = [a.disk, b.disk];
  if (left.currentEpoch !== right.currentEpoch) return left.currentEpoch > right.currentEpoch;
  if (left.loggedZxid !== right.loggedZxid) return left.loggedZxid > right.loggedZxid;
  return a.id > b.id;
}
