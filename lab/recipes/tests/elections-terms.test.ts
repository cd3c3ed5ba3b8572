import type { Client } from "@zk/client";
import {
  type Candidate,
  Election,
  LeaderLatch,
  observeRecipes,
  type RecipeEvent,
  recipeMetrics,
  type Term,
} from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { aborted, stage, told, until, within } from "../src/index.js";

const zk = stage();

async function candidates(client: Client, path: string): Promise<readonly Candidate[]> {
  await client.sync(path);
  return new Election(client, path).candidates();
}

describe("an election as a loop", () => {
  it("has one turn for each term, and leaving the body resigns", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const order: string[] = [];
    const tokens: bigint[] = [];
    let leading = 0;
    const stand = async (client: Client, identity: string): Promise<void> => {
      let terms = 0;
      for await (const term of new Election(client, zk.path, { identity })) {
        leading += 1;
        expect(leading).toBe(1);
        expect(term).toMatchObject({ id: identity, state: "held", sessionId: client.sessionId });
        expect((await candidates(client, zk.path))[0]).toMatchObject({ id: identity, token: term.token });
        order.push(identity);
        tokens.push(term.token);
        leading -= 1;
        terms += 1;
        // The other one is given the time to stand in line.
        if (order.length < 6)
          await until("both stand", async () => (await candidates(client, zk.path)).length === 2);
        if (terms === 3) break;
      }
    };
    await within("both", Promise.all([stand(one, "a"), stand(two, "b")]));
    expect(order.join("")).toMatch(/^(ab){3}$|^(ba){3}$/);
    expect(tokens).toEqual(tokens.toSorted((a, b) => Number(a - b)));
    expect(await candidates(one, zk.path)).toEqual([]);
    expect(one.load.watches + two.load.watches).toBe(0);
  });

  it.each(["break", "return", "throw"] as const)("resigns when its body is left by %s", async (how) => {
    const client = await zk.connect();
    let term: Term | undefined;
    const stand = async (): Promise<void> => {
      for await (term of new Election(client, zk.path)) {
        if (how === "throw") throw new Error("the leader failed");
        if (how === "return") return;
        break;
      }
    };
    const error = await told(stand());
    if (how === "throw") expect(error).toMatchObject({ message: "the leader failed" });
    else expect(error).toBeUndefined();
    expect(term?.state).toBe("released");
    expect(await candidates(client, zk.path)).toEqual([]);
  });

  it("ends with its signal, and tells the leader of the moment; nothing is left", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const stop = new AbortController();
    const reasons: unknown[] = [];
    const run = async (client: Client): Promise<void> => {
      for await (const term of new Election(client, zk.path).terms({ signal: stop.signal })) {
        await aborted(term.signal);
        reasons.push(term.signal.reason);
      }
    };
    const both = [told(run(one)), told(run(two))];
    await until("both stand", async () => (await candidates(one, zk.path)).length === 2);
    stop.abort("enough");
    for (const error of await Promise.all(both))
      expect(error).toMatchObject({ code: "ABORTED", name: "AbortError", cause: "enough" });
    expect(reasons).toMatchObject([{ code: "ABORTED", cause: "enough" }]);
    expect(await candidates(one, zk.path)).toEqual([]);
  });

  it("gives each wait for a term its time", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using latch = await new Election(one, zk.path)
      .terms()
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => value as Term);
    const terms = new Election(two, zk.path).terms({ timeoutMs: 50 });
    await expect(terms.next()).rejects.toMatchObject({
      code: "WAIT_TIMEOUT",
      recipe: "Election",
      path: zk.path,
    });
    expect(await candidates(one, zk.path)).toMatchObject([{ token: latch.token }]);
  });

  it("goes on in the next session (CURATOR-16)", async () => {
    const client = await zk.connect({ afterExpiry: "renew" });
    const terms: Term[] = [];
    for await (const term of new Election(client, zk.path)) {
      terms.push(term);
      if (terms.length === 3) break;
      await zk.expire(client);
      await within("the signal", aborted(term.signal));
      expect(["HOLD_SUSPECT", "HOLD_LOST"]).toContain(term.signal.reason.code);
    }
    expect(new Set(terms.map(({ sessionId }) => sessionId)).size).toBe(3);
    expect(recipeMetrics(client)).toMatchObject({ holds: 3, holding: 0 });
  });

  it("ends by saying so when its session ends and nobody begins another (CURATOR-15)", async () => {
    const client = await zk.connect();
    const run = async (): Promise<void> => {
      for await (const term of new Election(client, zk.path)) {
        await zk.expire(client);
        await aborted(term.signal);
      }
    };
    await expect(run()).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  });
});

describe("the layout of an election", () => {
  it.each([
    { dialect: "curator", is: /^\/_c_[0-9a-f-]{36}-lock-0000000000$/ },
    { dialect: "kazoo", is: /^\/[0-9a-f]{32}__lock__0000000000$/ },
  ] as const)("is that of $dialect", async ({ dialect, is }) => {
    const client = await zk.connect();
    await new Election(client, zk.path, { dialect, identity: "me" }).lead(async (term) => {
      expect(term.path.slice(zk.path.length)).toMatch(is);
      const { data, stat } = await client.getData(term.path);
      expect(new TextDecoder().decode(data!)).toBe("me");
      expect(stat).toMatchObject({ czxid: term.token, ephemeralOwner: client.sessionId });
    });
  });

  it("does not mix with a latch: the two do not see each other, and say so", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const events: RecipeEvent[] = [];
    observeRecipes(two, (event) => events.push(event));
    await using latch = new LeaderLatch(one, zk.path).start();
    const { path } = await latch.leading();
    await new Election(two, zk.path).lead(() => {});
    expect(events).toContainEqual(
      expect.objectContaining({ type: "incompatibleContenders", names: [path.slice(zk.path.length + 1)] }),
    );
  });

  it.each(["", "jobs", "/", "/jobs/"])("wants a path of its own, not %j", async (path) => {
    const client = await zk.connect();
    expect(() => new Election(client, path)).toThrow(/INVALID_ARGUMENT/);
  });
});

describe("observers of an election", () => {
  it("hear of each leader and of nobody", async () => {
    const [one, two, three] = [await zk.connect(), await zk.connect(), await zk.connect()];
    const seen: (Candidate | null)[] = [];
    const stop = new AbortController();
    const observing = told(
      (async () => {
        for await (const leader of new Election(three, zk.path).observe({ signal: stop.signal }))
          seen.push(leader);
      })(),
    );
    await until("nobody leads", () => seen.length === 1);
    for (const [client, identity] of [
      [one, "a"],
      [two, "b"],
    ] as const) {
      await new Election(client, zk.path, { identity }).lead(async (term) => {
        await until("it is seen", () => seen.at(-1)?.token === term.token);
        expect(seen.at(-1)).toEqual({
          id: identity,
          token: term.token,
          path: term.path,
          sessionId: client.sessionId,
        });
      });
      await until("nobody is seen", () => seen.at(-1) === null);
    }
    expect(seen.map((leader) => leader?.id)).toEqual([undefined, "a", undefined, "b", undefined]);
    stop.abort();
    await observing;
    expect(three.load.watches).toBe(0);
  });

  it("ask once for each change, whoever else stands in line", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const stop = new AbortController();
    const seen: (string | undefined)[] = [];
    await new Election(one, zk.path, { identity: "a" }).lead(async () => {
      const observing = told(
        (async () => {
          for await (const leader of new Election(two, zk.path).observe({ signal: stop.signal }))
            seen.push(leader?.id);
        })(),
      );
      await until("it is seen", () => seen.length === 1 && two.load.inFlight === 0);
      const { lastZxid } = two;
      // They come and go behind the leader: nobody wakes for that.
      for (let round = 0; round < 5; round += 1) await one.create(`${zk.path}/_c_x-lock-`, null, { mode: 3 });
      await one.sync();
      expect(two.load).toMatchObject({ inFlight: 0, queued: 0, watches: 1 });
      expect(two.lastZxid).toBe(lastZxid);
      stop.abort();
      await observing;
    });
    expect(seen).toEqual(["a"]);
  });
});
