/** Looking at nodes. */
import { encode, jute, OpCode } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { expectError, expectOk } from "../expectations.js";
import type { Session } from "../wire/session.js";
import type { Reply } from "../wire/wire-session.js";

type Read = (session: Session, path: string) => Promise<Reply<unknown>>;
const reads: Record<string, Read> = {
  exists: (session, path) => session.exists(path),
  getData: (session, path) => session.getData(path),
  getChildren: (session, path) => session.getChildren(path),
  getChildren2: (session, path) => session.getChildren2(path),
  getACL: (session, path) => session.getACL(path),
};
const opCodes: Record<string, number> = {
  exists: OpCode.EXISTS,
  getData: OpCode.GET_DATA,
  getChildren: OpCode.GET_CHILDREN,
  getChildren2: OpCode.GET_CHILDREN2,
  getACL: OpCode.GET_ACL,
};

export const readsSuite: Suite = suite("reads", "ensemble", (it) => {
  for (const [name, read] of Object.entries(reads)) {
    it(`${name} of a node that is not there is NO_NODE`, async (given) => {
      expectError(await read(await given.open(), `${given.path}/missing`), "NO_NODE");
    });

    it(`${name} takes impossible paths for nodes that are not there`, async (given) => {
      const session = await given.open();
      for (const path of ["missing", `${given.path}/`, "//", `${given.path}/.`]) {
        expectError(await read(session, path), "NO_NODE");
      }
    });

    it(`${name} takes the empty path for the root`, async (given) => {
      const session = await given.open();
      const root = await read(session, "/");
      expect(root.err).toBe(0);
      expect((await read(session, "")).body).toEqual(root.body);
    });

    it(`${name} fails on a path that is null: MARSHALLING_ERROR`, async (given) => {
      const session = await given.open();
      const body = Buffer.concat([encode(jute.int, -1), encode(jute.bool, false)]);
      expectError(await session.callBytes(opCodes[name] ?? 0, body), "MARSHALLING_ERROR");
    });

    it(`${name} fails on a body that ends too early: MARSHALLING_ERROR, and goes on`, async (given) => {
      const session = await given.open();
      const path = encode(jute.ustring, given.path);
      for (const length of [0, 3, 4, path.length - 1]) {
        expectError(
          await session.callBytes(opCodes[name] ?? 0, path.subarray(0, length)),
          "MARSHALLING_ERROR",
        );
      }
      expect((await read(session, given.path)).err).toBe(0);
    });

    it(`${name} uses no zxid: its header shows the last transaction that the server has applied`, async (given) => {
      const session = await given.open();
      const { zxid } = await session.create(`${given.path}/a`);
      expect((await read(session, given.path)).zxid).toBe(zxid);
      expect((await read(session, `${given.path}/missing`)).zxid).toBe(zxid);
    });
  }

  it("exists answers with the stat alone", async (given) => {
    const session = await given.open();
    const reply = await session.exists(given.path);
    expectOk(reply);
    expect(reply.bytes.length).toBe(68);
  });

  it("exists refuses a NUL in the path: BAD_ARGUMENTS", async (given) => {
    expectError(await (await given.open()).exists(`${given.path}/a\0`), "BAD_ARGUMENTS");
  });

  it("getData, getChildren and getACL take a NUL for a name that is not there", async (given) => {
    const session = await given.open();
    expectError(await session.getData(`${given.path}/a\0`), "NO_NODE");
    expectError(await session.getChildren(`${given.path}/a\0`), "NO_NODE");
    expectError(await session.getChildren2(`${given.path}/a\0`), "NO_NODE");
    expectError(await session.getACL(`${given.path}/a\0`), "NO_NODE");
  });

  it("getData answers with data and stat, the same as that of exists", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { data: "hello" });
    const { data, stat } = expectOk(await session.getData(`${given.path}/a`));
    expect(data).toEqual(new TextEncoder().encode("hello"));
    expect(stat).toEqual(await session.stat(`${given.path}/a`));
  });

  it("getChildren answers with names without the parent's path", async (given) => {
    const session = await given.open();
    for (const name of ["b", "a", "c"]) await session.made(`${given.path}/${name}`);
    await session.made(`${given.path}/a/deeper`);
    const reply = await session.getChildren(given.path);
    expect([...expectOk(reply).children].sort()).toEqual(["a", "b", "c"]);
    expect(reply.bytes.length).toBe(4 + 3 * 5);
  });

  it("getChildren of a node without children is an empty list, not null", async (given) => {
    const session = await given.open();
    const never = await session.getChildren(given.path);
    expect(Buffer.from(never.bytes).toString("hex")).toBe("00000000");
    await session.made(`${given.path}/a`);
    await session.remove(`${given.path}/a`);
    const noMore = await session.getChildren(given.path);
    expect(Buffer.from(noMore.bytes).toString("hex")).toBe("00000000");
  });

  it("getChildren2 answers with the names and the parent's stat", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`);
    const { children, stat } = expectOk(await session.getChildren2(given.path));
    expect(children).toEqual(["a"]);
    expect(stat).toEqual(await session.stat(given.path));
  });

  it("getACL answers with the list and the node's stat", async (given) => {
    const session = await given.open();
    const { acl, stat } = expectOk(await session.getACL(given.path));
    expect(acl).toEqual([{ perms: 31, id: { scheme: "world", id: "anyone" } }]);
    expect(stat).toEqual(await session.stat(given.path));
  });

  it("the root has a child zookeeper, with a child quota, and both are open to all", async (given) => {
    const session = await given.open();
    expect(await session.names("/")).toContain("zookeeper");
    expect(await session.names("/zookeeper")).toContain("quota");
    for (const path of ["/", "/zookeeper", "/zookeeper/quota"]) {
      expect(expectOk(await session.getACL(path)).acl).toEqual([
        { perms: 31, id: { scheme: "world", id: "anyone" } },
      ]);
    }
  });

  it("the nodes of the system were not made by any transaction", async (given) => {
    const session = await given.open();
    const { czxid, ctime, mzxid, ephemeralOwner } = await session.stat("/zookeeper");
    expect({ czxid, ctime, mzxid, ephemeralOwner }).toEqual({
      czxid: 0n,
      ctime: 0n,
      mzxid: 0n,
      ephemeralOwner: 0n,
    });
    expect((await session.stat("/")).czxid).toBe(0n);
  });

  it("there is no /zookeeper/config", async (given) => {
    expectError(await (await given.open()).exists("/zookeeper/config"), "NO_NODE");
  });

  it("takes any byte but zero for a watch flag that is set", async (given) => {
    const session = await given.open();
    const body = Buffer.concat([encode(jute.ustring, given.path), Buffer.from([0x7f])]);
    expect((await session.callBytes(OpCode.GET_DATA, body)).err).toBe(0);
    expect((await session.setData(given.path, "x")).before).toHaveLength(1);
  });

  it("fails on a watch flag that is missing: MARSHALLING_ERROR, and sets no watch", async (given) => {
    const session = await given.open();
    const body = encode(jute.ustring, given.path);
    expectError(await session.callBytes(OpCode.EXISTS, body), "MARSHALLING_ERROR");
    expect((await session.setData(given.path, "x")).before).toEqual([]);
  });

  it("takes no notice of bytes behind the body", async (given) => {
    const session = await given.open();
    const body = Buffer.concat([encode(jute.ustring, given.path), Buffer.from([0, 1, 2, 3])]);
    expect((await session.callBytes(OpCode.EXISTS, body)).err).toBe(0);
  });

  it("answers with more children than a request could ever hold", async (given) => {
    const session = await given.open();
    const name = "n".repeat(900);
    const xids = Array.from({ length: 1_300 }, (_, index) =>
      session.send("create", {
        path: `${given.path}/${name}-${index}`,
        data: null,
        acl: [{ perms: 31, id: { scheme: "world", id: "anyone" } }],
        flags: 0,
      }),
    );
    for (const xid of xids) expect((await session.reply(xid)).err).toBe(0);
    const reply = await session.getChildren(given.path);
    expect(expectOk(reply).children).toHaveLength(1_300);
    expect(reply.bytes.length).toBeGreaterThan(1_048_575);
  });
});
