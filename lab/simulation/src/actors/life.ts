/** The life of one place in the run: a client that is connected again whenever it may be, and replaced now and then. */
import type { ClientOptions, createClient } from "@zk/client";
import type { Chance } from "../world/chance.js";
import type { World } from "../world/world.js";
import { Actor } from "./actor.js";
import { Follower } from "./follower.js";
import { isServedForSure, type Part, retire } from "./part.js";
import { Workload } from "./workload.js";

const CLOSE_MS = 3000;
/** How often one who waits for the others looks after its own session. */
const START_LOOK_MS = 100;

/** See the head of this file. */
export class Life implements Part {
  actor: Actor;
  workload: Workload;
  readonly former: Actor[] = [];
  #follower: Follower | undefined;
  #generation = 0;
  #isStarted = false;
  #isEnding = false;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #name: string;
  readonly #place: number;
  readonly #createClient: typeof createClient;
  readonly #sessionTimeoutMs: number;

  constructor(
    world: World,
    about: {
      readonly place: number;
      readonly createClient: typeof createClient;
      readonly sessionTimeoutMs: number;
    },
  ) {
    this.#world = world;
    this.#place = about.place;
    this.#name = `c${about.place}`;
    this.#chance = world.chance.fork(this.#name);
    this.#createClient = about.createClient;
    this.#sessionTimeoutMs = about.sessionTimeoutMs;
    this.actor = this.#make();
    this.workload = new Workload(world, this.actor, this.#chance.fork("work"));
  }

  /** Begins to connect until it is, and to make what everybody works on if so told. */
  begin(prepares: boolean, prepared: () => void): void {
    this.actor.program.post("user", () => {
      void this.#prepareAtLast(prepares).then(prepared);
    });
    this.#awaitStart();
  }

  /** Works. */
  start(): void {
    this.#isStarted = true;
    this.workload.start();
    this.#tend();
  }

  /** No more work. */
  rest(): void {
    this.workload.stop();
    this.actor.spare();
    this.#isEnding = true;
  }

  /** Whether it is served, and nothing is under way. */
  get isQuiet(): boolean {
    return isServedForSure(this.actor) && this.actor.books.open.size === 0;
  }

  /** Looks at everything once more. */
  inspect(done: () => void): void {
    this.actor.program.post("user", () => {
      this.workload.inspect(30_000).then(
        () => {
          // A stream reads again what it is told of, so it comes a little later.
          this.#world.timeline.after(500, () => {
            this.#follower?.check();
            this.actor.checkWatchCount(this.#follower?.isFollowing === true);
            done();
          });
        },
        (error: unknown) => {
          this.#world.findings.report(
            "liveness",
            `${this.actor.name}: nothing is wrong, and yet ${String(error)}`,
          );
        },
      );
    });
  }

  /** Closes the client for good. */
  end(closed: () => void): void {
    this.rest();
    retire(this.#world, this.actor, CLOSE_MS, closed);
  }

  /** Connects again what may be, begins to follow, replaces the client now and then. */
  #tend(): void {
    this.#world.timeline.after(this.#chance.wait(400), () =>
      this.actor.program.post("user", () => {
        const { actor } = this;
        if (!actor.isClosing && (actor.state === "idle" || actor.state === "expired")) void this.#connect();
        if (!this.#isEnding) {
          if (this.#follower?.isFollowing !== true && this.#chance.is(0.1) && actor.isConnected) {
            this.#follower = new Follower(this.#world, actor, "/s");
          } else if (this.#chance.is(0.04)) this.#replace();
        }
        this.#tend();
      }),
    );
  }

  #connect(): Promise<unknown> {
    return this.actor.connect(this.#chance.pick([500, 3000, 20_000]));
  }

  /** The first election may take longer than one call waits, and a short session may end before all is made. */
  async #prepareAtLast(prepares: boolean): Promise<void> {
    let isMade = false;
    while (!isMade) {
      while (this.actor.state === "idle" || this.actor.state === "expired") await this.#connect();
      isMade = !prepares || (await this.workload.prepare());
    }
  }

  /** Connects again whose session ended while others were still getting ready. */
  #awaitStart(): void {
    this.#world.timeline.after(START_LOOK_MS, () => {
      if (this.#isStarted) return;
      this.actor.program.post("user", () => {
        if (this.actor.state === "expired") void this.#connect();
      });
      this.#awaitStart();
    });
  }

  #replace(): void {
    const former = this.actor;
    this.workload.stop();
    this.former.push(former);
    // It ends with its client, whenever that comes to it.
    this.#follower = undefined;
    if (!this.#world.isCalm && this.#chance.is(0.3)) this.#darken(former);
    retire(this.#world, former, CLOSE_MS, () => {});
    this.actor = this.#make();
    this.workload = new Workload(this.#world, this.actor, this.#chance.fork(`work ${this.#generation}`));
    void this.#connect();
    this.workload.start();
  }

  /** No server answers it any more: it has to close by itself. */
  #darken(actor: Actor): void {
    const { network, servers, trace, timeline } = this.#world;
    trace.add(timeline.nowMs, "fault", `${actor.name} is cut off`);
    for (const server of servers) network.setReach(actor.program, server, "hanging");
    actor.wire.connection?.swallow("both");
  }

  #make(): Actor {
    const chance = this.#chance.fork(`client ${this.#generation}`);
    this.#generation += 1;
    const requestBytesMax = chance.is(0.3) ? chance.pick([220, 120]) : 1_048_575;
    const options: ClientOptions = {
      // Sometimes more than the servers grant.
      sessionTimeoutMs: this.#sessionTimeoutMs * (chance.is(0.1) ? 10 : 1),
      operationTimeoutMs: chance.pick([2000, 10_000, 30_000]),
      closeTimeoutMs: CLOSE_MS - 500,
      retry: chance.pick(["safe", "safe", "safe", "none", "always"]),
      auth: chance.is(0.6) ? [{ scheme: "digest", auth: `${this.#name}:secret` }] : [],
      limits: {
        requestBytesMax,
        ...(chance.is(0.3) ? { outstandingMax: 1 + chance.below(8) } : {}),
        ...(chance.is(0.2) ? { queuedCallsMax: 12, queuedBytesMax: 3000 } : {}),
      },
    };
    const actor = new Actor(this.#world, {
      name: `${this.#name}.${this.#generation}`,
      seed: chance.below(4_294_967_296),
      address: `10.0.1.${this.#place}`,
      createClient: this.#createClient,
      options,
      buffering: {
        roomBytes: chance.is(0.3) ? 200 + chance.below(2000) : Number.POSITIVE_INFINITY,
        copies: chance.is(0.7),
      },
      failpoints: this.#world.isCalm || chance.is(0.7) ? 0 : chance.pick([0.0005, 0.005, 0.03]),
      // Somebody has to see everything, to make it.
      chroot: this.#place > 1 && chance.is(0.3) ? "/s" : "",
      hasDeadAddresses: chance.is(0.2),
      frameBytesMax: requestBytesMax,
    });
    this.#world.actors.add(actor);
    return actor;
  }
}
