// Two hundred changes of leader under faults, in virtual time. Each term writes its token to one znode through its guard; what
// the servers made of that shows whether two led at once: in the order of the writes no token may follow a greater one.
import { type Client, isZkError } from "@zk/client";
import { Election, type Hold, isRecipeError, LeaderLatch, type Leadership, type Term } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { type Actor, World } from "../src/index.js";

const LOG = "/log";
const FAULTS = ["kill", "pause", "expiry", "abort"] as const;
type Fault = (typeof FAULTS)[number];

/** Appends to the log, if the term still stands. */
async function append(client: Client, term: Pick<Hold, "guard" | "token">, who: string): Promise<void> {
  for (;;) {
    try {
      const { data, stat } = await client.getData(LOG);
      const lines = new TextDecoder().decode(data ?? new Uint8Array(0));
      const { version } = stat;
      await term.guard((tx) => tx.setData(LOG, `${lines}${term.token} ${who}\n`, { version }));
      return;
    } catch (error) {
      // Another wrote meanwhile, or the answer was lost: what was read may not be what is there.
      if (!isZkError(error, "BAD_VERSION") && !isZkError(error, "CONNECTION_LOSS")) throw error;
    }
  }
}

/** A leader that obeys, or one that goes on until the servers refuse it: whatever it does, its writes must do no harm. */
async function reign(client: Client, term: Term | Leadership, who: string, obeys: boolean): Promise<void> {
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      client.clock.setTimer(100, resolve);
    });
  try {
    while (!(obeys && term.signal.aborted)) {
      await append(client, term, who);
      await pause();
    }
  } catch (error) {
    const isOver = isRecipeError(error) && ["HOLD_LOST", "RELEASED"].includes(error.code);
    if (!isOver && !isZkError(error)) throw error;
  }
}

interface Candidate {
  readonly actor: Actor;
  /** Whether a lost connection alone ends its term. Otherwise it leads on, in the same term, when it is connected again. */
  readonly yields: boolean;
  readonly name: string;
  /** Gives up the leadership of its own will. */
  abort(): void;
  close(): Promise<void>;
  /** What it believes. */
  readonly token: bigint | undefined;
}

function electionCandidate(actor: Actor, name: string, obeys: boolean): Candidate {
  const election = new Election(actor.client, "/leader", { identity: name });
  const stop = new AbortController();
  let resign = (): void => {};
  let current: Term | undefined;
  const ended = election
    .lead(
      async (term) => {
        current = term;
        const resigned = new Promise<void>((resolve) => {
          resign = resolve;
        });
        await Promise.race([reign(actor.client, term, name, obeys), resigned]);
      },
      { autoRequeue: true, signal: stop.signal, onOverstay: () => {}, onError: () => {} },
    )
    .catch((error: unknown) => error);
  return {
    actor,
    yields: obeys,
    name,
    abort: () => resign(),
    close: async () => {
      stop.abort();
      resign();
      expect(await ended).toMatchObject({ code: "ABORTED" });
    },
    get token() {
      return current !== undefined && !current.signal.aborted && current.state === "held"
        ? current.token
        : undefined;
    },
  };
}

function latchCandidate(actor: Actor, name: string, obeys: boolean): Candidate {
  let latch = startLatch();
  function startLatch(): LeaderLatch {
    const started = new LeaderLatch(actor.client, "/leader", { identity: name });
    started.onEvent((event) => {
      if (event.type === "leader") void reign(actor.client, event.leadership, name, obeys);
    });
    return started.start();
  }
  return {
    actor,
    yields: false,
    name,
    abort: () => {
      const before = latch;
      latch = startLatch();
      void before.close();
    },
    close: () => latch.close(),
    get token() {
      return latch.leadership?.token;
    },
  };
}

/** The tokens that wrote to the log, in the order of their writes. */
function tokensIn(world: World): readonly bigint[] {
  const data = world.tree.data(LOG);
  const lines = new TextDecoder().decode(data ?? new Uint8Array(0)).split("\n");
  return lines.filter((line) => line !== "").map((line) => BigInt(line.split(" ")[0]!));
}

class Trial {
  readonly world: World;
  readonly candidates: readonly Candidate[];
  readonly changes: Record<Fault, number> = { kill: 0, pause: 0, expiry: 0, abort: 0 };

  constructor(world: World, candidates: readonly Candidate[]) {
    this.world = world;
    this.candidates = candidates;
  }

  get newest(): bigint {
    return tokensIn(this.world).at(-1) ?? 0n;
  }

  get leader(): Candidate {
    return this.candidates.find(({ token }) => token !== undefined && token === this.newest)!;
  }

  /** Somebody leads and has written so. */
  async led(): Promise<void> {
    await this.world.until("somebody leads", () => this.leader !== undefined);
  }

  /** Does it to the leader, until another term has written. */
  async change(fault: Fault): Promise<void> {
    await this.led();
    const { newest, leader, world } = this;
    const undo = await this.#strike(fault, leader);
    await world.until(`another leader after ${fault}`, () => this.newest > newest);
    await undo();
    this.changes[fault] += 1;
  }

  async #strike(fault: Fault, { actor, abort, yields }: Candidate): Promise<() => Promise<void>> {
    const { world } = this;
    switch (fault) {
      case "abort":
        abort();
        return async () => {};
      case "pause":
        // For longer than its session: it wakes up as a leader that has been voted out.
        actor.fallAsleep();
        return async () => actor.wake();
      case "expiry":
        await world.let("the session's end", world.ensemble.expireSession(actor.client));
        return async () => {};
      case "kill": {
        const { id } = world.ensemble.servers.find(
          ({ host, clientPort }) => actor.client.server === `${host}:${clientPort}`,
        )!;
        if (!yields) actor.cable.cut();
        await world.let("the kill", world.ensemble.kill(id));
        return async () => {
          actor.cable.mend();
          await world.let("the start", world.ensemble.start(id));
          await world.let("all servers", world.ensemble.ready());
        };
      }
    }
  }
}

describe.each([
  { what: "an election", make: electionCandidate },
  { what: "a latch", make: latchCandidate },
])("$what", ({ make }) => {
  it("has one leader at a time over 200 changes by kill, pause, expiry and abort, by a guarded log", async () => {
    await using world = await World.begin({ seed: 7 });
    const actors = [];
    for (let each = 0; each < 3; each += 1) actors.push(await world.actor({ afterExpiry: "renew" }));
    await world.let("the log", actors[0]!.client.create(LOG, ""));
    const trial = new Trial(
      world,
      actors.map((actor, index) => make(actor, `c${index}`, index !== 0)),
    );
    for (let round = 0; round < 200; round += 1) await trial.change(FAULTS[round % 4]!);
    await trial.led();
    await world.pass(10_000);
    const tokens = tokensIn(world);
    expect(trial.changes).toEqual({ kill: 50, pause: 50, expiry: 50, abort: 50 });
    expect(new Set(tokens).size).toBeGreaterThan(200);
    expect(tokens).toEqual(tokens.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
    await world.let("all close", Promise.all(trial.candidates.map((candidate) => candidate.close())));
    await world.until("no znode is left", () => world.names("/leader").length === 0);
  });
});
