/** A server without a quorum that serves reads (`readonlymode.enabled`). */
import { parseSrvr } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { expectBare, expectError, expectOk } from "../expectations.js";
import { part } from "../wire/session.js";
import { handshakeFrame } from "../wire/wire-session.js";

export const readOnly: Suite = suite("read-only mode", "read-only", (it) => {
  it("is told in the handshake to clients that would do with it", async (given) => {
    const { granted } = await given.open({ readOnly: true, timeoutMs: 8_000 });
    expect(granted.readOnly).toBe(true);
    expect(granted.sessionId).not.toBe(0n);
    expect(granted.timeOut).toBe(8_000);
  });

  it("ends the connections of all others without an answer, of old clients too", async (given) => {
    for (const readOnly of [false, null]) {
      const wire = await given.connect();
      wire.write(handshakeFrame({ readOnly }));
      await wire.end();
    }
  });

  it("answers all reads with what was there", async (given) => {
    const session = await given.open({ readOnly: true });
    expect(await session.text(given.path)).toBe("kept");
    expectOk(await session.exists(given.path));
    expectOk(await session.getChildren(given.path));
    expectOk(await session.getChildren2(given.path));
    expectOk(await session.getACL(given.path));
    expectError(await session.exists(`${given.path}/a`), "NO_NODE");
  });

  it("refuses all writes: NOT_READONLY, and the connection goes on", async (given) => {
    const session = await given.open({ readOnly: true });
    expectError(await session.create(`${given.path}/a`), "NOT_READONLY");
    expectError(await session.setData(given.path, "x"), "NOT_READONLY");
    expectError(await session.remove(given.path), "NOT_READONLY");
    expectError(
      await session.setACL(given.path, [{ perms: 31, id: { scheme: "world", id: "anyone" } }]),
      "NOT_READONLY",
    );
    expectError(await session.multi([part.create(`${given.path}/a`)]), "NOT_READONLY");
    expect(await session.text(given.path)).toBe("kept");
  });

  it("refuses sync: NOT_READONLY", async (given) => {
    const session = await given.open({ readOnly: true });
    expectError(await session.sync(given.path), "NOT_READONLY");
  });

  it("refuses writes before it looks at them", async (given) => {
    const session = await given.open({ readOnly: true });
    expectError(await session.create("no slash", { acl: [], flags: 9 }), "NOT_READONLY");
    expectError(await session.callBytes(1), "NOT_READONLY");
  });

  it("answers pings", async (given) => {
    expectBare(await (await given.open({ readOnly: true })).ping());
  });

  it("takes watches", async (given) => {
    const session = await given.open({ readOnly: true });
    expectOk(await session.getData(given.path, true));
    expectOk(await session.getChildren(given.path, true));
    expect(await session.pendingEvents()).toEqual([]);
  });

  it("takes credentials", async (given) => {
    const session = await given.open({ readOnly: true });
    expectBare(await session.auth("digest", "bob:secret"));
  });

  it("does not know op codes that others do not know either: UNIMPLEMENTED, and the connection ends", async (given) => {
    const session = await given.open({ readOnly: true });
    session.sendBytes(15);
    expect((await session.next()).err).toBe(-6);
    await session.ended();
  });

  it("shows in four-letter words", async (given) => {
    expect(await given.ask("isro")).toBe("ro");
    expect(await given.ask("ruok")).toBe("imok");
    const text = await given.ask("srvr");
    expect(text).toMatch(/^Zookeeper version: .+\nREAD-ONLY mode; serving only read-only clients\n/);
    expect(parseSrvr(text)).toMatchObject({ serving: true, mode: "read-only" });
    expect(await given.ask("mntr")).toContain("zk_server_state\tread-only\n");
  });
});
