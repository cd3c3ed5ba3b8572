/** Showing who one is. */
import { AuthPacket, CREATOR_ALL_ACL, digestId, encode, jute, OpCode, Xid } from "@zk/protocol";
import { expect } from "vitest";
import { type Given, type Suite, suite } from "../behaviour.js";
import { acl, expectBare, expectError, expectOk } from "../expectations.js";
import type { Session } from "../wire/session.js";

const ALL = 31;

export const credentials: Suite = suite("credentials", "ensemble", (it) => {
  it("are answered with a header alone: the xid as sent, zxid 0, no error", async (given) => {
    const session = await given.open();
    const reply = await session.auth("digest", "bob:secret");
    expect({ xid: reply.xid, zxid: reply.zxid, err: reply.err }).toEqual({ xid: Xid.AUTH, zxid: 0n, err: 0 });
    expect(reply.bytes.length).toBe(0);
  });

  it("are answered under any xid that they came with", async (given) => {
    const session = await given.open();
    const body = encode(AuthPacket, { type: 0, scheme: "digest", auth: Buffer.from("bob:secret") });
    for (const xid of [5, 0, -7, 2_147_483_647]) {
      expectBare(await session.callBytes(OpCode.AUTH, body, xid));
    }
  });

  it("are taken whatever their type says", async (given) => {
    const session = await given.open();
    const body = encode(AuthPacket, { type: 99, scheme: "digest", auth: Buffer.from("bob:secret") });
    expectBare(await session.callBytes(OpCode.AUTH, body, Xid.AUTH));
    expect((await session.create(`${given.path}/a`, { acl: CREATOR_ALL_ACL })).err).toBe(0);
  });

  it("need no wait: a request right behind them has them", async (given) => {
    const session = await given.open();
    const body = encode(AuthPacket, { type: 0, scheme: "digest", auth: Buffer.from("bob:secret") });
    session.sendBytes(OpCode.AUTH, body, Xid.AUTH);
    const xid = session.send("create", {
      path: `${given.path}/a`,
      data: null,
      acl: CREATOR_ALL_ACL,
      flags: 0,
    });
    expectBare(await session.reply(Xid.AUTH));
    expect((await session.reply(xid)).err).toBe(0);
  });

  it("may come twice", async (given) => {
    const session = await given.open();
    await session.auth("digest", "bob:secret");
    await session.auth("digest", "bob:secret");
    await session.made(`${given.path}/a`, { acl: CREATOR_ALL_ACL });
    expect(expectOk(await session.getACL(`${given.path}/a`)).acl).toHaveLength(1);
  });

  it("of the scheme ip are always good", async (given) => {
    const session = await given.open();
    expectBare(await session.auth("ip", "10.9.8.7"));
    const path = await session.made(`${given.path}/a`, { acl: [acl(ALL, "ip", "10.9.8.7")] });
    expectError(await session.getData(path), "NO_AUTH");
  });

  it("without a colon are an identity without a password", async (given) => {
    const session = await given.open();
    expectBare(await session.auth("digest", "bob"));
    await session.made(`${given.path}/a`, { acl: CREATOR_ALL_ACL });
    const [entry] = expectOk(await session.getACL(`${given.path}/a`)).acl;
    expect(entry?.id.id).toMatch(/^bob:[A-Za-z0-9+/]{27}=$/);
  });

  it("may have a password with colons, and an empty one", async (given) => {
    const session = await given.open();
    await session.auth("digest", "bob:a:b:c");
    await session.auth("digest", "ann:");
    await session.made(`${given.path}/a`, { acl: CREATOR_ALL_ACL });
    expect(expectOk(await session.getACL(`${given.path}/a`)).acl.map(({ id }) => id.id)).toEqual([
      digestId("bob", "a:b:c"),
      digestId("ann", ""),
    ]);
  });

  it("of an unknown scheme are AUTH_FAILED, and the connection ends", async (given) => {
    for (const scheme of ["nobody", "world", "auth", "sasl", "super", ""]) {
      const session = await given.open();
      const reply = await session.auth(scheme, "bob:secret");
      expect({ xid: reply.xid, zxid: reply.zxid, err: reply.err }).toEqual({
        xid: Xid.AUTH,
        zxid: 0n,
        err: -115,
      });
      await session.ended();
    }
  });

  it("that are null are AUTH_FAILED, and the connection ends", async (given) => {
    const session = await given.open();
    expectError(await session.auth("digest", null), "AUTH_FAILED");
    await session.ended();
  });

  it("that fail do not end the session", async (given) => {
    const session = await given.open();
    await session.ephemeral(`${given.path}/e`);
    expectError(await session.auth("nobody", "x"), "AUTH_FAILED");
    await session.ended();
    const again = await resumed(given, session);
    expect(again.id).toBe(session.id);
    expect((await again.stat(`${given.path}/e`)).ephemeralOwner).toBe(session.id);
  });

  it("that cannot be read end the connection without an answer", async (given) => {
    const session = await given.open();
    session.sendBytes(OpCode.AUTH, encode(jute.int, 0), Xid.AUTH);
    await session.ended();
  });

  it("of SASL are answered with a null token by a server that does none", async (given) => {
    const session = await given.open();
    const reply = await session.call("sasl", { token: new Uint8Array(0) });
    expect(expectOk(reply)).toEqual({ token: null });
    expect(reply.zxid).toBe(0n);
    expect((await session.exists(given.path)).err).toBe(0);
  });
});

/** The session on a new connection to the same server. */
async function resumed(given: Given, session: Session): Promise<Session> {
  session.drop();
  const { id, password } = session.credentials;
  return given.open({ sessionId: id, password });
}
