/** Who may do what. */
import { CREATOR_ALL_ACL, digestId, encode, jute, OPEN_ACL_UNSAFE, OpCode } from "@zk/protocol";
import { expect } from "vitest";
import { superUser } from "../backends.js";
import { type Given, type Suite, suite } from "../behaviour.js";
import { acl, expectBare, expectChanged, expectError, expectOk } from "../expectations.js";
import type { Session } from "../wire/session.js";

const READ = 1;
const WRITE = 2;
const CREATE = 4;
const DELETE = 8;
const ADMIN = 16;
const ALL = 31;
const world = (perms: number) => [acl(perms, "world", "anyone")];

export const accessRights: Suite = suite("access rights", "ensemble", (it) => {
  it("setACL answers with the stat of after, in which aversion alone is new", async (given) => {
    const session = await given.open();
    const before = await session.stat(given.path);
    const { stat } = expectOk(await session.setACL(given.path, world(READ + ADMIN)));
    expectChanged(before, stat, { aversion: 1 });
    expect(expectOk(await session.getACL(given.path))).toEqual({ acl: world(READ + ADMIN), stat });
  });

  it("setACL takes the aversion, not the version", async (given) => {
    const session = await given.open();
    await session.setData(given.path, "x");
    await session.setData(given.path, "y");
    expect(expectOk(await session.setACL(given.path, world(ALL), 0)).stat.aversion).toBe(1);
    expectError(await session.setACL(given.path, world(ALL), 2), "BAD_VERSION");
    expectError(await session.setACL(given.path, world(ALL), -2), "BAD_VERSION");
    expect(expectOk(await session.setACL(given.path, world(ALL), 1)).stat.aversion).toBe(2);
  });

  it("setACL of a node that is not there is NO_NODE, impossible paths too", async (given) => {
    const session = await given.open();
    for (const path of [`${given.path}/missing`, "missing", `${given.path}/`]) {
      expectError(await session.setACL(path, OPEN_ACL_UNSAFE), "NO_NODE");
    }
  });

  it("setACL looks at the list before the node, and at the permission before the version", async (given) => {
    const session = await given.open();
    expectError(await session.setACL(`${given.path}/missing`, []), "INVALID_ACL");
    await session.made(`${given.path}/a`, { acl: world(ALL - ADMIN) });
    expectError(await session.setACL(`${given.path}/a`, OPEN_ACL_UNSAFE, 7), "NO_AUTH");
  });

  it("setACL fails on a list that is null: MARSHALLING_ERROR", async (given) => {
    const session = await given.open();
    const body = Buffer.concat([
      encode(jute.ustring, given.path),
      encode(jute.int, -1),
      encode(jute.int, -1),
    ]);
    expectError(await session.callBytes(OpCode.SET_ACL, body), "MARSHALLING_ERROR");
  });

  it("setACL takes a zxid, also when it is refused", async (given) => {
    const session = await given.open();
    const first = await session.setACL(given.path, world(ALL));
    const second = await session.setACL(given.path, [], -1);
    expect(second.err).toBe(-114);
    expect(second.zxid).toBe(first.zxid + 1n);
  });

  it("keeps permissions as they are given, bits without a meaning too", async (given) => {
    const session = await given.open();
    for (const perms of [0, 31, 32, -1]) {
      await session.made(`${given.path}/p${perms}`, {
        acl: [acl(perms, "world", "anyone"), acl(ALL, "ip", "127.0.0.1")],
      });
      expect(expectOk(await session.getACL(`${given.path}/p${perms}`)).acl[0]?.perms).toBe(perms);
    }
  });

  it("takes entries that come twice once", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { acl: [...world(ALL), ...world(READ), ...world(ALL)] });
    expect(expectOk(await session.getACL(`${given.path}/a`)).acl).toEqual([...world(ALL), ...world(READ)]);
  });

  it("lets READ decide about getData, getChildren and getChildren2", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/a`, { acl: world(ALL - READ) });
    expectError(await session.getData(path), "NO_AUTH");
    expectError(await session.getChildren(path), "NO_AUTH");
    expectError(await session.getChildren2(path), "NO_AUTH");
    await session.setACL(path, world(READ));
    expect((await session.getData(path)).err).toBe(0);
    expect((await session.getChildren(path)).err).toBe(0);
    expect((await session.getChildren2(path)).err).toBe(0);
  });

  it("lets everybody ask exists and getACL, as 3.4 does", async (given) => {
    const session = await given.open();
    const rights = [acl(ALL, "digest", digestId("bob", "secret"))];
    const path = await session.made(`${given.path}/a`, { acl: rights, data: "hidden" });
    expect(expectOk(await session.exists(path)).stat.dataLength).toBe(6);
    expect(expectOk(await session.getACL(path)).acl).toEqual(rights);
  });

  it("sets no watch where reading is not permitted", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/a`, { acl: world(ALL - READ) });
    expectError(await session.getData(path, true), "NO_AUTH");
    expectError(await session.getChildren(path, true), "NO_AUTH");
    expect((await session.setData(path, "x")).before).toEqual([]);
    expect((await session.create(`${path}/b`)).before).toEqual([]);
  });

  // On the leader, because a leader goes by the list of before until it has applied the one of after; an answer from
  // there says that it has.
  it("lets WRITE decide about setData", async (given) => {
    const session = await given.open({ on: "leader" });
    const path = await session.made(`${given.path}/a`, { acl: world(ALL - WRITE) });
    expectError(await session.setData(path, "x"), "NO_AUTH");
    await session.setACL(path, world(WRITE));
    expect((await session.setData(path, "x")).err).toBe(0);
  });

  it("lets CREATE on the parent decide about create", async (given) => {
    const session = await given.open({ on: "leader" });
    const path = await session.made(`${given.path}/a`, { acl: world(ALL - CREATE) });
    expectError(await session.create(`${path}/b`), "NO_AUTH");
    await session.setACL(path, world(CREATE));
    expect((await session.create(`${path}/b`)).err).toBe(0);
  });

  it("lets DELETE on the parent decide about delete, and nothing on the node itself", async (given) => {
    const session = await given.open({ on: "leader" });
    const path = await session.made(`${given.path}/a`, { acl: world(ALL - DELETE) });
    await session.made(`${path}/b`, { acl: world(ALL) });
    expectError(await session.remove(`${path}/b`), "NO_AUTH");
    await session.setACL(path, world(DELETE + ADMIN));
    await session.setACL(`${path}/b`, world(READ));
    expectBare(await session.remove(`${path}/b`));
  });

  it("lets ADMIN decide about setACL", async (given) => {
    const session = await given.open({ on: "leader" });
    const path = await session.made(`${given.path}/a`, { acl: world(ADMIN) });
    expect((await session.setACL(path, world(ALL - ADMIN))).err).toBe(0);
    expectError(await session.setACL(path, world(ALL)), "NO_AUTH");
  });

  it("does not hand rights down to children", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/a`, { acl: world(CREATE) });
    await session.made(`${path}/b`);
    expect((await session.getData(`${path}/b`)).err).toBe(0);
    expectError(await session.getData(path), "NO_AUTH");
  });

  it("asks no permission on nodes further up", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    await session.made(`${given.path}/a/b`, { data: "deep" });
    await session.setACL(`${given.path}/a`, world(ADMIN));
    expect(await session.text(`${given.path}/a/b`)).toBe("deep");
  });

  it("grants what any entry grants", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/a`, {
      acl: [acl(READ, "world", "anyone"), acl(WRITE, "world", "anyone"), acl(ALL, "ip", "10.1.2.3")],
    });
    expect((await session.getData(path)).err).toBe(0);
    expect((await session.setData(path, "x")).err).toBe(0);
    expectError(await session.create(`${path}/b`), "NO_AUTH");
  });

  it("knows nobody in the world but anyone: INVALID_ACL", async (given) => {
    const session = await given.open();
    for (const id of ["", "Anyone", "someone"]) {
      expectError(await session.create(`${given.path}/a`, { acl: [acl(ALL, "world", id)] }), "INVALID_ACL");
    }
  });

  it("refuses schemes that it does not know: INVALID_ACL", async (given) => {
    const session = await given.open();
    for (const scheme of ["", "host", "sasl", "x509", "super", "World"]) {
      expectError(
        await session.create(`${given.path}/a`, { acl: [acl(ALL, scheme, "anyone")] }),
        "INVALID_ACL",
      );
    }
  });

  it("refuses a list with one bad entry among good ones: INVALID_ACL", async (given) => {
    const session = await given.open();
    expectError(
      await session.create(`${given.path}/a`, { acl: [...world(ALL), acl(ALL, "nobody", "x")] }),
      "INVALID_ACL",
    );
  });

  it("wants digest ids of two parts with a colon between: INVALID_ACL", async (given) => {
    const session = await given.open();
    for (const id of ["", "bob", "a:b:c", ":", "bob:"]) {
      expectError(await session.create(`${given.path}/a`, { acl: [acl(ALL, "digest", id)] }), "INVALID_ACL");
    }
    expect((await session.create(`${given.path}/a`, { acl: [acl(ALL, "digest", "bob:x")] })).err).toBe(0);
  });

  it("wants ip ids of four numbers: INVALID_ACL, with bits behind a slash too, as 3.4 does", async (given) => {
    const session = await given.open();
    for (const id of ["", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-1", "127.0.0.1/32"]) {
      expectError(await session.create(`${given.path}/a`, { acl: [acl(ALL, "ip", id)] }), "INVALID_ACL");
    }
    expect((await session.create(`${given.path}/a`, { acl: [acl(ALL, "ip", "1.2.3.4")] })).err).toBe(0);
  });

  it("grants by address without any credentials", async (given) => {
    const session = await given.open();
    const mine = await session.made(`${given.path}/mine`, { acl: [acl(ALL, "ip", given.address)] });
    const others = await session.made(`${given.path}/others`, { acl: [acl(ALL, "ip", "10.9.8.7")] });
    expect((await session.getData(mine)).err).toBe(0);
    expect((await session.setData(mine, "x")).err).toBe(0);
    expectError(await session.getData(others), "NO_AUTH");
    expectError(await session.setData(others, "x"), "NO_AUTH");
  });

  it("refuses the scheme auth to a connection without credentials: INVALID_ACL", async (given) => {
    const session = await given.open();
    expectError(await session.create(`${given.path}/a`, { acl: CREATOR_ALL_ACL }), "INVALID_ACL");
    expectError(await session.setACL(given.path, CREATOR_ALL_ACL), "INVALID_ACL");
  });

  it("puts the connection's credentials in the place of auth, without its address", async (given) => {
    const session = await given.open();
    await session.auth("digest", "bob:secret");
    await session.made(`${given.path}/a`, { acl: CREATOR_ALL_ACL });
    expect(expectOk(await session.getACL(`${given.path}/a`)).acl).toEqual([
      acl(ALL, "digest", digestId("bob", "secret")),
    ]);
    expect(expectOk(await session.setACL(given.path, CREATOR_ALL_ACL)).stat.aversion).toBe(1);
  });

  it("puts all of several credentials in the place of auth, behind the other entries", async (given) => {
    const session = await given.open();
    await session.auth("digest", "bob:secret");
    await session.auth("digest", "ann:hidden");
    await session.made(`${given.path}/a`, { acl: [acl(READ, "auth", "whatever"), ...world(ADMIN)] });
    expect(expectOk(await session.getACL(`${given.path}/a`)).acl).toEqual([
      ...world(ADMIN),
      acl(READ, "digest", digestId("bob", "secret")),
      acl(READ, "digest", digestId("ann", "hidden")),
    ]);
  });

  it("grants to who has shown the password, on this connection and from then on", async (given) => {
    const [owner, other] = [await given.open(), await given.open()];
    const path = await owner.made(`${given.path}/a`, {
      acl: [acl(ALL, "digest", digestId("bob", "secret"))],
    });
    expectError(await owner.getData(path), "NO_AUTH");
    await owner.auth("digest", "bob:secret");
    expect((await owner.getData(path)).err).toBe(0);
    expectError(await other.getData(path), "NO_AUTH");
  });

  it("takes a wrong password for another identity, not for an error", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/a`, {
      acl: [acl(ALL, "digest", digestId("bob", "secret"))],
    });
    expectBare(await session.auth("digest", "bob:wrong"));
    expectError(await session.getData(path), "NO_AUTH");
    expectBare(await session.auth("digest", "bob:secret"));
    expect((await session.getData(path)).err).toBe(0);
  });

  it("does not carry credentials over to the session's next connection", async (given) => {
    const first = await given.open();
    await first.auth("digest", "bob:secret");
    const path = await first.made(`${given.path}/a`, { acl: CREATOR_ALL_ACL });
    const second = await resumed(given, first);
    expectError(await second.getData(path), "NO_AUTH");
    await second.auth("digest", "bob:secret");
    expect((await second.getData(path)).err).toBe(0);
  });

  it("knows the credentials at every server", async (given) => {
    const first = await given.open();
    await first.auth("digest", "bob:secret");
    const path = await first.made(`${given.path}/a`, { acl: CREATOR_ALL_ACL });
    const second = await given.open({ on: "leader" });
    expectError(await second.setData(path, "x"), "NO_AUTH");
    await second.auth("digest", "bob:secret");
    expect((await second.setData(path, "x")).err).toBe(0);
  });

  it("lets the super user do everything", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/a`, { acl: [acl(READ, "ip", "10.9.8.7")] });
    await session.auth("digest", `${superUser.user}:${superUser.password}`);
    expect((await session.getData(path)).err).toBe(0);
    expect((await session.setData(path, "x")).err).toBe(0);
    expect((await session.create(`${path}/b`)).err).toBe(0);
    expect((await session.remove(`${path}/b`)).err).toBe(0);
    expect((await session.setACL(path, OPEN_ACL_UNSAFE)).err).toBe(0);
  });

  it("knows the super user by the password, not by the name", async (given) => {
    const session = await given.open();
    const path = await session.made(`${given.path}/a`, { acl: [acl(READ, "ip", "10.9.8.7")] });
    await session.auth("digest", `${superUser.user}:wrong`);
    expectError(await session.getData(path), "NO_AUTH");
  });

  it("puts the digest of the super user in the place of auth", async (given) => {
    const session = await given.open();
    await session.auth("digest", `${superUser.user}:${superUser.password}`);
    await session.made(`${given.path}/a`, { acl: CREATOR_ALL_ACL });
    expect(expectOk(await session.getACL(`${given.path}/a`)).acl).toEqual([
      acl(ALL, "digest", digestId(superUser.user, superUser.password)),
    ]);
  });
});

/** The session on a new connection to the same server. */
async function resumed(given: Given, session: Session): Promise<Session> {
  session.drop();
  const { id, password } = session.credentials;
  return given.open({ sessionId: id, password });
}
