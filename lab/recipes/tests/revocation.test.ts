import { Lock, revoke } from "@zk/recipes";
import { describe, expect, it } from "vitest";
import { stage, within } from "../src/index.js";

const zk = stage();

describe("a lock that somebody asks for", () => {
  it("is given back by a holder that listens", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new Lock(one, zk.path).acquire();
    held.revocation.addEventListener("abort", () => void held.release());
    expect(await within("the answer", revoke(two, zk.path))).toBe("released");
    expect(held.state).toBe("released");
    expect(two.load.watches).toBe(0);
    expect(await revoke(two, zk.path)).toBe("free");
    expect(await revoke(two, `${zk.path}-nowhere`)).toBe("free");
  });

  it("is held on by one that does not, until it is taken by force; the next holder is not hit", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    const held = await new Lock(one, zk.path).acquire();
    const next = new Lock(two, zk.path).acquire();
    expect(await revoke(two, zk.path, { graceMs: 30 })).toBe("ignored");
    expect(held.state).toBe("held");
    expect(held.revocation.aborted).toBe(true);
    const lost = new Promise((resolve) => held.signal.addEventListener("abort", resolve));
    expect(await revoke(two, zk.path, { graceMs: 30, force: true })).toBe("forced");
    await within("the loss", lost);
    expect((await within("the next", next)).revocation.aborted).toBe(false);
  });

  it("writes what Curator writes", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using held = await new Lock(one, zk.path).acquire();
    await revoke(two, zk.path, { graceMs: 0 });
    const { data } = await two.getData(held.path);
    expect(new TextDecoder().decode(data!)).toBe("__REVOKE__");
  });

  it("is waited for no longer than one likes", async () => {
    const [one, two] = [await zk.connect(), await zk.connect()];
    await using _held = await new Lock(one, zk.path).acquire();
    await expect(revoke(two, zk.path, { timeoutMs: 30 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT" });
  });
});
