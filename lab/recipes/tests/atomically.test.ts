import { type Client, type FailpointName, isZkError } from "@zk/client";
import { atomically, isRecipeError, recipeMetrics } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, within } from "../src/index.js";

const zk = stage();

const text = (data: Uint8Array | null | undefined): string => new TextDecoder().decode(data ?? undefined);

async function textAt(client: Client, path: string): Promise<string | undefined> {
  try {
    return text((await client.getData(path)).data);
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return undefined;
    throw error;
  }
}

/** Adds one to a number in a znode. */
function increment(client: Client, path: string, markers?: string, beforeCommit = (): void => {}) {
  return atomically(
    client,
    async (tx) => {
      const before = Number(text(await tx.read(path)));
      tx.write(path, String(before + 1));
      beforeCommit();
      return before + 1;
    },
    markers === undefined ? {} : { markers },
  );
}

describe("atomically", () => {
  it("writes several znodes at once, and gives what the function returned", async () => {
    const client = await zk.connect();
    await client.create(zk.path, "1");
    await client.create(`${zk.path}/old`, "x");
    const { value, zxid, attempts } = await atomically(client, async (tx) => {
      const one = text(await tx.read(zk.path));
      tx.write(zk.path, `${one}2`);
      tx.write(`${zk.path}/a/b/c`, "new");
      tx.remove(`${zk.path}/old`);
      tx.remove(`${zk.path}/never`);
      return [one, text(await tx.read(zk.path)), await tx.read(`${zk.path}/old`)];
    });
    expect(value).toEqual(["1", "12", undefined]);
    expect(attempts).toBe(1);
    expect(await textAt(client, zk.path)).toBe("12");
    expect(await textAt(client, `${zk.path}/a/b/c`)).toBe("new");
    expect(await textAt(client, `${zk.path}/old`)).toBeUndefined();
    const stats = await Promise.all([client.exists(`${zk.path}/a`), client.exists(`${zk.path}/a/b/c`)]);
    expect(stats.map((stat) => stat?.czxid)).toEqual([zxid, zxid]);
    expect((await client.exists(zk.path))?.mzxid).toBe(zxid);
  });

  it("calls the function again when what it read has changed", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    await client.create(zk.path, "1");
    let calls = 0;
    const { value, attempts } = await atomically(client, async (tx) => {
      const seen = text(await tx.read(zk.path));
      calls += 1;
      if (calls === 1) await other.setData(zk.path, "2");
      // Written elsewhere: only the check can tell.
      tx.write(`${zk.path}-copy`, seen);
      return seen;
    });
    expect([value, attempts, calls]).toEqual(["2", 2, 2]);
    expect(await textAt(client, `${zk.path}-copy`)).toBe("2");
    expect(recipeMetrics(client).conflicts).toBe(1);
  });

  it.each(["the znode", "its parent", "nothing above it"])(
    "notices that a znode which was not there has come: %s (nobody else offers it)",
    async (what) => {
      const [client, other] = [await zk.connect(), await zk.connect()];
      await client.create(`${zk.path}-log`);
      if (what === "the znode") await client.create(zk.path);
      const path = what === "nothing above it" ? `${zk.path}/a/b/c` : `${zk.path}/a`;
      let calls = 0;
      await atomically(client, async (tx) => {
        const isThere = (await tx.read(path)) !== undefined;
        calls += 1;
        if (calls === 1) await other.create(path, "x", { createParents: true });
        tx.write(`${zk.path}-log`, isThere ? "there" : "not there");
      });
      expect(calls).toBe(2);
      expect(await textAt(client, `${zk.path}-log`)).toBe("there");
    },
  );

  it("proves absence and leaves nothing of the proof", async () => {
    const client = await zk.connect();
    await client.create(zk.path);
    const { attempts } = await atomically(client, async (tx) => {
      expect(await tx.read(`${zk.path}/a`)).toBeUndefined();
      expect(await tx.read(`${zk.path}/b/c`)).toBeUndefined();
      expect(await tx.read(`${zk.path}/b/d`)).toBeUndefined();
      tx.write(`${zk.path}/b/e`, "x");
    });
    expect(attempts).toBe(1);
    expect(await client.getChildren(zk.path)).toEqual(["b"]);
    expect(await client.getChildren(`${zk.path}/b`)).toEqual(["e"]);
  });

  it("removes below before above, and creates above before below", async () => {
    const client = await zk.connect();
    await client.create(`${zk.path}/old/deep`, null, { createParents: true });
    await atomically(client, (tx) => {
      tx.remove(`${zk.path}/old`);
      tx.remove(`${zk.path}/old/deep`);
      tx.write(`${zk.path}/new/deep`, "2");
      tx.write(`${zk.path}/new`, "1");
    });
    expect(await client.getChildren(zk.path)).toEqual(["new"]);
    expect(await textAt(client, `${zk.path}/new/deep`)).toBe("2");
    const full = atomically(client, (tx) => tx.remove(`${zk.path}/new`));
    await expect(full).rejects.toMatchObject({ code: "NOT_EMPTY" });
  });

  it("throws what the function throws, if it saw what was so, and writes nothing", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    await client.create(zk.path, "1");
    await client.create(`${zk.path}/other`, "1");
    const sold = atomically(client, async (tx) => {
      await tx.read(zk.path);
      tx.write(zk.path, "2");
      throw new Error("sold out");
    });
    await expect(sold).rejects.toThrow("sold out");
    expect(await textAt(client, zk.path)).toBe("1");
    // Between two reads both change: the function must not be believed that they differ.
    let calls = 0;
    const { value } = await atomically(client, async (tx) => {
      const one = text(await tx.read(zk.path));
      calls += 1;
      if (calls === 1) {
        await other.transaction().setData(zk.path, "2").setData(`${zk.path}/other`, "2").commit();
        await client.sync(zk.path);
      }
      const two = text(await tx.read(`${zk.path}/other`));
      if (one !== two) throw new Error(`${one} is not ${two}`);
      return one;
    });
    expect([value, calls]).toEqual(["2", 2]);
  });

  it("sends nothing for one read, and one transaction for several", async () => {
    const client = await zk.connect();
    await client.create(zk.path, "1");
    const before = (await client.exists(zk.path))!;
    const { zxid } = await atomically(client, (tx) => tx.read(zk.path));
    expect(zxid).toBeUndefined();
    await atomically(client, async (tx) => [await tx.read(zk.path), await tx.read("/")]);
    expect(await client.exists(zk.path)).toEqual(before);
  });

  it("refuses a transaction that is used after its function, and paths that are none", async () => {
    const client = await zk.connect();
    const { value } = await atomically(client, (tx) => tx);
    expect(() => value.write(zk.path, "late")).toThrow(/RELEASED/);
    await expect(value.read(zk.path)).rejects.toMatchObject({ code: "RELEASED" });
    const wrong = atomically(client, (tx) => tx.write("nowhere", "x"));
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("ends with its signal and its time", async () => {
    const [client, other] = [await zk.connect(), await zk.connect()];
    await client.create(zk.path, "0");
    const always = async (tx: {
      read(path: string): Promise<unknown>;
      write(path: string, data: string): void;
    }) => {
      await tx.read(zk.path);
      await other.setData(zk.path, "other");
      tx.write(zk.path, "mine");
    };
    await expect(atomically(client, always, { timeoutMs: 100 })).rejects.toMatchObject({
      code: "WAIT_TIMEOUT",
    });
    const aborted = atomically(client, always, { signal: AbortSignal.abort("no") });
    await expect(aborted).rejects.toMatchObject({ code: "ABORTED", cause: "no" });
  });
});

describe("many that change the same znodes", () => {
  it("keep what must be kept, at every moment", async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => zk.connect()));
    const accounts = ["a", "b", "c"].map((name) => `${zk.path}/${name}`);
    for (const account of accounts) await clients[0]!.create(account, "100", { createParents: true });
    const sumOf = (client: Client) =>
      atomically(client, async (tx) => {
        const amounts = await Promise.all(accounts.map((account) => tx.read(account)));
        return amounts.reduce((sum, amount) => sum + Number(text(amount)), 0);
      });
    const moves = clients.map(async (client, index) => {
      for (let turn = 0; turn < 15; turn += 1) {
        const from = accounts[(index + turn) % 3]!;
        const to = accounts[(index + turn + 1 + (turn % 2)) % 3]!;
        await atomically(client, async (tx) => {
          const [left, right] = [Number(text(await tx.read(from))), Number(text(await tx.read(to)))];
          tx.write(from, String(left - 7));
          tx.write(to, String(right + 7));
        });
        if (turn % 5 === 0) expect((await sumOf(client)).value).toBe(300);
      }
    });
    await within("all moves", Promise.all(moves));
    expect((await sumOf(clients[0]!)).value).toBe(300);
    const stats = await Promise.all(accounts.map((account) => clients[0]!.exists(account)));
    expect(stats.reduce((sum, stat) => sum + stat!.version, 0)).toBe(120);
  });
});

/** Cuts the connection right after the next write to it: the server has the request, and we get no answer. */
function losesReplies(): { readonly failpoint: (name: FailpointName) => "continue" | "drop"; arm(): void } {
  let isArmed = false;
  return {
    failpoint: (name) => {
      if (name !== "afterWrite" || !isArmed) return "continue";
      isArmed = false;
      return "drop";
    },
    arm: () => {
      isArmed = true;
    },
  };
}

describe("a commit whose answer is lost", () => {
  it("is found out with markers: every addition counts once", async () => {
    const plug = losesReplies();
    const [client, other] = [await zk.connect({ failpoint: plug.failpoint }), await zk.connect()];
    await client.create(zk.path, "0");
    const both = [client, other].map(async (each) => {
      for (let turn = 0; turn < 12; turn += 1) {
        const isLost = each === client && turn % 3 === 0;
        await increment(each, zk.path, `${zk.path}-markers`, isLost ? plug.arm : undefined);
      }
    });
    await within("all additions", Promise.all(both));
    expect(await textAt(other, zk.path)).toBe("24");
    expect(recipeMetrics(client).ambiguous).toBeGreaterThan(0);
  });

  it("is never taken for one that was not applied, nor the other way round, without markers", async () => {
    const plug = losesReplies();
    const [client, other] = [await zk.connect({ failpoint: plug.failpoint }), await zk.connect()];
    await client.create(zk.path, "0");
    let [done, unknown] = [0, 0];
    const both = [client, other].map(async (each) => {
      for (let turn = 0; turn < 12; turn += 1) {
        const isLost = each === client && turn % 3 === 0;
        try {
          await increment(each, zk.path, undefined, isLost ? plug.arm : undefined);
          done += 1;
        } catch (error) {
          expect(isRecipeError(error, "AMBIGUOUS")).toBe(true);
          expect(error).toMatchObject({ applied: "maybe", path: zk.path });
          unknown += 1;
        }
      }
    });
    await within("all additions", Promise.all(both));
    const sum = Number(await textAt(other, zk.path));
    expect(sum).toBeGreaterThanOrEqual(done);
    expect(sum).toBeLessThanOrEqual(done + unknown);
    expect(done + unknown).toBe(24);
    expect(recipeMetrics(client).ambiguous).toBeGreaterThan(0);
  });

  it("that was not applied is sent again, when that can be seen", async () => {
    let isArmed = false;
    const failpoint = (name: FailpointName): "continue" | "drop" => {
      if (name !== "beforeWrite" || !isArmed) return "continue";
      isArmed = false;
      return "drop";
    };
    const client = await zk.connect({ failpoint });
    await client.create(zk.path, "0");
    const { value, attempts } = await atomically(client, async (tx) => {
      const before = Number(text(await tx.read(zk.path)));
      isArmed = before === 0;
      tx.write(zk.path, String(before + 1));
      return before + 1;
    });
    expect(value).toBe(1);
    expect(attempts).toBeLessThanOrEqual(2);
    expect(await textAt(client, zk.path)).toBe("1");
  });

  it("says so when the wait ends first", async () => {
    let isCut = false;
    const client = await zk.connect({ failpoint: () => (isCut ? "drop" : "continue") });
    await client.create(zk.path, "0");
    const waiting = atomically(
      client,
      async (tx) => {
        await tx.read(zk.path);
        tx.write(zk.path, "1");
        isCut = true;
      },
      { timeoutMs: 200 },
    );
    const error = await waiting.catch((each: unknown) => each);
    isCut = false;
    expect(error).toMatchObject({ code: "WAIT_TIMEOUT" });
  });

  it("of a session that ended is found out in the next", async () => {
    const plug = losesReplies();
    const client = await zk.connect({ failpoint: plug.failpoint, afterExpiry: "renew" });
    await client.create(zk.path, "0");
    for (let turn = 0; turn < 4; turn += 1) {
      const adding = increment(client, zk.path, `${zk.path}-markers`, plug.arm);
      await zk.expire(client);
      await within("the addition", adding);
    }
    expect(await textAt(client, zk.path)).toBe("4");
  });
});
