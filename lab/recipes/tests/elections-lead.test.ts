import type { Client } from "@zk/client";
import {
  type Candidate,
  Election,
  type ElectionOptions,
  isRecipeError,
  recipeMetrics,
  type Term,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { aborted, Cable, gate, stage, told, until, World, within } from "../src/index.js";

const zk = stage();

async function candidates(client: Client, path: string): Promise<readonly Candidate[]> {
  await client.sync(path);
  return new Election(client, path).candidates();
}

describe("a leader function", () => {
  it("gives what it returns, or throws, after its term was given back", async () => {
    const client = await zk.connect();
    const election = new Election(client, zk.path);
    let term: Term | undefined;
    expect(
      await election.lead(async (each) => {
        term = each;
        return 42;
      }),
    ).toBe(42);
    expect(term?.state).toBe("released");
    await expect(
      election.lead(() => {
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(await candidates(client, zk.path)).toEqual([]);
  });

  it("is the only one of its election, however many are asked for at once", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const [election, other] = [new Election(one, zk.path), new Election(two, zk.path)];
    let running = 0;
    let runs = 0;
    const work = async (term: Term): Promise<void> => {
      running += 1;
      expect(running).toBe(1);
      await term.verify();
      // Of one process at most one stands in line.
      expect((await candidates(one, zk.path)).length).toBeLessThanOrEqual(2);
      running -= 1;
      runs += 1;
    };
    const loop = async (): Promise<void> => {
      for await (const term of election) {
        await work(term);
        break;
      }
    };
    await within(
      "all",
      Promise.all([
        ...Array.from({ length: 5 }, () => election.lead(work)),
        ...Array.from({ length: 5 }, () => other.lead(work)),
        loop(),
        loop(),
      ]),
    );
    expect(runs).toBe(12);
  });

  it("can be asked for while a term is ending, and has its turn (CURATOR-671, 518, 73)", async () => {
    const client = await zk.connect();
    const election = new Election(client, zk.path);
    const ran: number[] = [];
    let again: Promise<unknown> | undefined;
    const stop = new AbortController();
    const first = election.lead(
      async (term) => {
        stop.abort();
        stop.abort("a second time");
        await aborted(term.signal);
        again = election.lead(() => ran.push(2));
        ran.push(1);
      },
      { signal: stop.signal },
    );
    await within("the first", first);
    await within("the second", again!);
    // And after a call that was aborted while it waited.
    const gone = election.lead(() => ran.push(0), { signal: AbortSignal.abort() });
    await expect(gone).rejects.toMatchObject({ code: "ABORTED" });
    await within(
      "the third",
      election.lead(() => ran.push(3)),
    );
    expect(ran).toEqual([1, 2, 3]);
  });

  it("given up while it waits for its turn in the process does not hold up those behind it", async () => {
    const client = await zk.connect();
    const election = new Election(client, zk.path);
    const { passed, open } = gate();
    const leads = gate();
    const first = election.lead(async () => {
      leads.open();
      await passed;
    });
    await leads.passed;
    const stop = new AbortController();
    const second = told(election.lead(() => {}, { signal: stop.signal }));
    const third = election.lead(() => "third");
    stop.abort();
    expect(await second).toMatchObject({ code: "ABORTED" });
    expect(await told(election.lead(() => {}, { timeoutMs: 20 }))).toMatchObject({ code: "WAIT_TIMEOUT" });
    open();
    await first;
    expect(await within("the third", third)).toBe("third");
  });

  it("is told to stop when its term is lost (kazoo's is not)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const election = new Election(one, zk.path);
    const reason = await within(
      "the leader",
      election.lead(async (term) => {
        await two.remove(term.path);
        await aborted(term.signal);
        return term.signal.reason;
      }),
    );
    expect(reason).toMatchObject({ code: "HOLD_LOST" });
  });

  it("sees that it is told to stop also when that was before it began (CURATOR-54)", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    let term: Term | undefined;
    await new Election(one, zk.path).lead(async (each) => {
      term = each;
      await two.remove(each.path);
      await until("it is lost", () => each.state === "lost");
      // The listener comes late, and the signal says it all the same.
      expect(each.signal.aborted).toBe(true);
    });
    expect(term?.state).toBe("lost");
    const stop = new AbortController();
    await new Election(one, zk.path).lead(
      async (each) => {
        stop.abort();
        expect(each.signal.reason).toMatchObject({ code: "ABORTED" });
      },
      { signal: stop.signal },
    );
  });

  it("that sits is told to stop by its call's signal (kazoo's cancel is not heard)", async () => {
    const client = await zk.connect();
    const stop = new AbortController();
    const leads = gate();
    const leading = new Election(client, zk.path).lead(
      async (term) => {
        leads.open();
        await aborted(term.signal);
        return term.signal.reason;
      },
      { signal: stop.signal },
    );
    await leads.passed;
    stop.abort("enough");
    expect(await leading).toMatchObject({ code: "ABORTED", cause: "enough" });
    expect(await candidates(client, zk.path)).toEqual([]);
  });

  it.each([{ graceMs: -1 }, { graceMs: Number.NaN }, { graceMs: "1" as unknown as number }])(
    "refuses %j",
    async (options) => {
      const client = await zk.connect();
      await expect(new Election(client, zk.path).lead(() => {}, options)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
    },
  );

  it("is asked for again only when its last znode is gone for certain, whatever was lost on the way", async () => {
    await using world = await World.begin();
    const { client, cable } = await world.actor();
    const election = new Election(client, "/leader");
    let most = 0;
    const watched = (isSo: () => boolean) => (): boolean => {
      most = Math.max(most, world.names("/leader").length);
      return isSo();
    };
    for (const part of ["request", "reply"] as const) {
      let ends = 0;
      const lost = cable.lose(part, "remove");
      const leads = [1, 2, 3].map(() => election.lead(() => {}).then(() => (ends += 1)));
      await world.until(
        "all have led",
        watched(() => ends === 3),
      );
      await Promise.all([lost, ...leads]);
    }
    expect(most).toBe(1);
  });
});

describe("a leader that requeues", () => {
  async function requeue(client: Client, options: ElectionOptions = {}) {
    const stop = new AbortController();
    const terms: Term[] = [];
    const election = new Election(client, zk.path, options);
    const ended = told(
      election.lead(
        async (term) => {
          terms.push(term);
          await aborted(term.signal);
          term.signal.throwIfAborted();
        },
        { autoRequeue: true, signal: stop.signal },
      ),
    );
    return { terms, stop, ended, election };
  }

  it("stands again at the end of the line, and ends when it is told to", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const all = [await requeue(one, { identity: "a" }), await requeue(two, { identity: "b" })];
    await until("both stand", async () => (await candidates(one, zk.path)).length === 2);
    const order: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const leader = await until("who leads", async () => {
        const [first, ...rest] = await candidates(one, zk.path);
        const [mine] = all.map(({ terms }) => terms.at(-1)).filter((term) => term?.token === first?.token);
        return rest.length === 1 && mine?.state === "held" ? mine : undefined;
      });
      order.push(leader.id);
      await two.remove(leader.path);
    }
    expect(order.join("")).toMatch(/^(ab){3}$|^(ba){3}$/);
    for (const { stop, ended } of all) {
      stop.abort("enough");
      expect(await within("its end", ended)).toMatchObject({ code: "ABORTED", cause: "enough" });
    }
    expect(await candidates(one, zk.path)).toEqual([]);
  });

  it("stands again in the next session (CURATOR-16), and after a server was killed and the leader stopped (104)", async () => {
    const [one, two] = [
      await zk.connect({ afterExpiry: "renew" }),
      await zk.connect({ afterExpiry: "renew" }),
    ];
    const looking = await zk.connect();
    const all = [await requeue(one), await requeue(two)];
    await until("both stand", async () => (await candidates(looking, zk.path)).length === 2);
    for (const client of [one, two]) await zk.expire(client);
    await until("both stand again", async () => (await candidates(looking, zk.path)).length === 2);
    const killed = await zk.ensemble.killLeader();
    // Whatever becomes of this, the tests behind it want all servers.
    await zk.ensemble.start(killed);
    const leads = await until("both stand again, and one leads", async () => {
      const stands = await candidates(looking, zk.path).catch(() => []);
      const leader = all.find(({ terms }) => terms.at(-1)?.token === stands[0]?.token);
      return stands.length === 2 && leader?.terms.at(-1)?.state === "held" && leader;
    });
    leads.stop.abort();
    await within("its end", leads.ended);
    const other = all.find((each) => each !== leads)!;
    await until("the other one leads", () => other.terms.at(-1)?.state === "held");
    other.stop.abort();
    await within("its end", other.ended);
    await zk.ensemble.ready();
  });

  it("does not stand behind its own old znode after its connection was lost (CURATOR-202)", async () => {
    const client = await zk.connect();
    const { terms, stop, ended } = await requeue(client);
    await until("it leads", () => terms.at(-1)?.state === "held");
    for (let round = 0; round < 3; round += 1) {
      const before = terms.at(-1)!;
      const server = await until("its server", async () => (await zk.ensemble.serverOf(client)) ?? undefined);
      await zk.ensemble.kill(server);
      await zk.ensemble.start(server);
      await until("it leads again", () => terms.at(-1) !== before && terms.at(-1)?.state === "held");
      expect(await candidates(client, zk.path)).toMatchObject([{ token: terms.at(-1)!.token }]);
      expect(terms.at(-1)!.sessionId).toBe(before.sessionId);
      await zk.ensemble.ready();
    }
    stop.abort();
    await within("its end", ended);
  });

  it("says what its function throws, and goes on; or ends by it when nobody wants to hear (CURATOR-15)", async () => {
    const client = await zk.connect();
    const election = new Election(client, zk.path);
    const errors: unknown[] = [];
    let runs = 0;
    const stop = new AbortController();
    const ended = told(
      election.lead(
        () => {
          runs += 1;
          if (runs === 3) stop.abort();
          throw new Error(`run ${runs}`);
        },
        { autoRequeue: true, signal: stop.signal, onError: (error, term) => errors.push([error, term.id]) },
      ),
    );
    expect(await within("its end", ended)).toMatchObject({ code: "ABORTED" });
    expect(errors).toMatchObject([1, 2, 3].map((run) => [{ message: `run ${run}` }, ""]));
    const failing = election.lead(
      () => {
        throw new Error("nobody wants to hear");
      },
      { autoRequeue: true },
    );
    await expect(failing).rejects.toThrow("nobody wants to hear");
    expect(await candidates(client, zk.path)).toEqual([]);
  });

  it("ends by saying so when the server does not let it stand (CURATOR-15)", async () => {
    const admin = await zk.connect({ auth: [{ scheme: "digest", auth: "admin:secret" }] });
    await admin.create(zk.path, null, { acl: [{ perms: 31, id: { scheme: "auth", id: "" } }] });
    const client = await zk.connect();
    const leading = new Election(client, zk.path).lead(() => {}, { autoRequeue: true, onError: () => {} });
    await expect(leading).rejects.toMatchObject({ code: "NO_AUTH" });
  });

  it("that is told to stop between the making of its znode and its waiting leaves none (CURATOR-62)", async () => {
    const cable = new Cable();
    const [one, two] = [await zk.connect(), await zk.connect({ ports: { transport: cable.transport } })];
    const { stop: stopFirst, ended: endedFirst, terms } = await requeue(one);
    await until("it leads", () => terms.length === 1);
    for (const part of ["request", "reply"] as const) {
      const stop = new AbortController();
      const lost = cable.lose(part, "create");
      const ended = told(new Election(two, zk.path).lead(() => {}, { signal: stop.signal }));
      await within("the loss", lost);
      stop.abort();
      expect(isRecipeError(await within("its end", ended), "ABORTED")).toBe(true);
      await until("nothing of it is left", async () => {
        await two.remove(`${zk.path}-none`).catch(() => {});
        return (await candidates(one, zk.path)).length === 1 && recipeMetrics(two).janitorPending === 0;
      });
    }
    stopFirst.abort();
    await endedFirst;
  });
});
