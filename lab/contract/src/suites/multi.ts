/** Several operations as one. */
import { CreateMode, encode, jute, MultiHeader, type MultiResult, OpCode } from "@zk/protocol";
import { expect } from "vitest";
import { type Suite, suite } from "../behaviour.js";
import { acl, event, expectError, expectOk } from "../expectations.js";
import { part } from "../wire/session.js";
import { requestBody } from "../wire/wire-session.js";

const errors = (...codes: number[]): MultiResult[] => codes.map((err) => ({ type: -1, err }));

export const multi: Suite = suite("multi", "ensemble", (it) => {
  it("answers each operation with its own kind of result", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/old`);
    const reply = await session.multi([
      part.check(given.path, 0),
      part.create(`${given.path}/a`, { data: "x" }),
      part.setData(given.path, "hello"),
      part.remove(`${given.path}/old`),
    ]);
    const results = expectOk(reply);
    expect(results).toEqual([
      { type: 13 },
      { type: 1, path: `${given.path}/a` },
      { type: 5, stat: expect.objectContaining({ version: 1, dataLength: 5, mzxid: reply.zxid }) },
      { type: 2 },
    ]);
  });

  it("is one transaction: everything has its zxid and its time", async (given) => {
    const session = await given.open();
    const { zxid } = await session.multi([
      part.create(`${given.path}/a`),
      part.create(`${given.path}/b`),
      part.setData(given.path, "x"),
    ]);
    const [a, b, parent] = [
      await session.stat(`${given.path}/a`),
      await session.stat(`${given.path}/b`),
      await session.stat(given.path),
    ];
    expect([a.czxid, b.czxid, parent.mzxid, parent.pzxid]).toEqual([zxid, zxid, zxid, zxid]);
    expect(b.ctime).toBe(a.ctime);
    expect(parent.mtime).toBe(a.ctime);
  });

  it("takes one zxid", async (given) => {
    const session = await given.open({ on: "leader" });
    const before = await session.create(`${given.path}/first`);
    const { zxid } = await session.multi([part.create(`${given.path}/a`), part.create(`${given.path}/b`)]);
    expect(zxid).toBe(before.zxid + 1n);
  });

  it("lets later operations see earlier ones", async (given) => {
    const session = await given.open();
    const results = expectOk(
      await session.multi([
        part.create(`${given.path}/p`),
        part.create(`${given.path}/p/c`),
        part.check(`${given.path}/p/c`, 0),
        part.setData(`${given.path}/p/c`, "x", 0),
        part.check(`${given.path}/p/c`, 1),
      ]),
    );
    expect(results.map(({ type }) => type)).toEqual([1, 1, 13, 5, 13]);
    expect(await session.text(`${given.path}/p/c`)).toBe("x");
  });

  it("may create and delete the same node, and the parent counts both", async (given) => {
    const session = await given.open();
    expectOk(await session.multi([part.create(`${given.path}/a`), part.remove(`${given.path}/a`)]));
    expectError(await session.exists(`${given.path}/a`), "NO_NODE");
    expect((await session.stat(given.path)).cversion).toBe(2);
  });

  it("may delete a node and create it anew", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { data: "old" });
    await session.setData(`${given.path}/a`, "older");
    const { zxid } = await session.multi([
      part.remove(`${given.path}/a`, 1),
      part.create(`${given.path}/a`, { data: "new" }),
    ]);
    const { czxid, version } = await session.stat(`${given.path}/a`);
    expect({ czxid, version }).toEqual({ czxid: zxid, version: 0 });
  });

  it("may delete a child and then its parent", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/p`);
    await session.made(`${given.path}/p/c`);
    expectOk(await session.multi([part.remove(`${given.path}/p/c`), part.remove(`${given.path}/p`)]));
    expect(await session.names(given.path)).toEqual([]);
  });

  it("sets data several times, each with a version of its own", async (given) => {
    const session = await given.open();
    const results = expectOk(
      await session.multi([
        part.setData(given.path, "a"),
        part.setData(given.path, "bc"),
        part.setData(given.path, null),
      ]),
    );
    expect(
      results.map((result) => (result.type === 5 ? [result.stat.version, result.stat.dataLength] : [])),
    ).toEqual([
      [1, 1],
      [2, 2],
      [3, 0],
    ]);
  });

  it("counts sequence numbers from part to part", async (given) => {
    const session = await given.open();
    const flags = CreateMode.PERSISTENT_SEQUENTIAL;
    expect(
      expectOk(
        await session.multi([
          part.create(`${given.path}/n-`, { flags }),
          part.create(`${given.path}/x`),
          part.create(`${given.path}/n-`, { flags }),
        ]),
      ),
    ).toEqual([
      { type: 1, path: `${given.path}/n-0000000000` },
      { type: 1, path: `${given.path}/x` },
      { type: 1, path: `${given.path}/n-0000000002` },
    ]);
  });

  it("makes ephemeral nodes, the session's own", async (given) => {
    const session = await given.open();
    expectOk(await session.multi([part.create(`${given.path}/e`, { flags: CreateMode.EPHEMERAL })]));
    expect((await session.stat(`${given.path}/e`)).ephemeralOwner).toBe(session.id);
    await session.close();
    expect(await (await given.open()).names(given.path)).toEqual([]);
  });

  it("keeps null and empty data apart", async (given) => {
    const session = await given.open();
    expectOk(
      await session.multi([
        part.create(`${given.path}/null`),
        part.create(`${given.path}/empty`, { data: "" }),
      ]),
    );
    expect(await session.text(`${given.path}/null`)).toBeNull();
    expect(await session.text(`${given.path}/empty`)).toBe("");
  });

  it("answers a failure with 0 before it, its code, and RUNTIME_INCONSISTENCY behind; the header says success", async (given) => {
    const session = await given.open();
    const reply = await session.multi([
      part.create(`${given.path}/a`),
      part.check(given.path, 0),
      part.remove(`${given.path}/missing`),
      part.setData(given.path, "x"),
      part.check(given.path, 0),
    ]);
    expect(reply.err).toBe(0);
    expect(reply.body).toEqual(errors(0, 0, -101, -2, -2));
  });

  it("does nothing at all when one part fails", async (given) => {
    const session = await given.open();
    const before = await session.stat(given.path);
    await session.multi([
      part.create(`${given.path}/a`),
      part.setData(given.path, "x"),
      part.check(given.path, 7),
    ]);
    expect(await session.stat(given.path)).toEqual(before);
    expect(await session.names(given.path)).toEqual([]);
  });

  it("uses up a zxid when it fails", async (given) => {
    const session = await given.open({ on: "leader" });
    const first = await session.multi([part.check(given.path, 7)]);
    const second = await session.multi([part.check(given.path, 7)]);
    expect(second.zxid).toBe(first.zxid + 1n);
  });

  it("gives sequence numbers back when it fails", async (given) => {
    const session = await given.open();
    const flags = CreateMode.PERSISTENT_SEQUENTIAL;
    await session.multi([part.create(`${given.path}/n-`, { flags }), part.check(given.path, 7)]);
    expect(await session.made(`${given.path}/n-`, { flags })).toBe(`${given.path}/n-0000000000`);
  });

  it("tells of the first failure only", async (given) => {
    const session = await given.open();
    const reply = await session.multi([
      part.check(given.path, 3),
      part.remove(`${given.path}/missing`),
      part.create(given.path),
    ]);
    expect(reply.body).toEqual(errors(-103, -2, -2));
  });

  it("tells of a failure in the last part", async (given) => {
    const session = await given.open();
    const reply = await session.multi([part.setData(given.path, "x"), part.create(given.path)]);
    expect(reply.body).toEqual(errors(0, -110));
    expect(await session.text(given.path)).toBeNull();
  });

  it("forgets what failed: the next request finds nothing of it", async (given) => {
    const session = await given.open();
    const failing = session.send("multi", [part.create(`${given.path}/a`), part.check(given.path, 7)]);
    const making = session.send("create", {
      path: `${given.path}/a`,
      data: null,
      acl: [acl(31, "world", "anyone")],
      flags: 0,
    });
    expect((await session.reply(failing)).err).toBe(0);
    expect((await session.reply(making)).err).toBe(0);
  });

  it("judges each part as an operation of its own", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/p`, { acl: [acl(16, "world", "anyone")] });
    await session.ephemeral(`${given.path}/e`);
    await session.made(`${given.path}/full`);
    await session.made(`${given.path}/full/c`);
    const cases = [
      [part.create(`${given.path}/p/a`), -102],
      [part.setData(`${given.path}/p`, "x"), -102],
      [part.create(`${given.path}/e/a`), -108],
      [part.create(given.path), -110],
      [part.create(`${given.path}/missing/a`), -101],
      [part.create("a"), -8],
      [part.create(`${given.path}/a/`), -101],
      [part.create(`${given.path}/x`, { flags: 4 }), -8],
      [part.create(`${given.path}/x`, { acl: [] }), -114],
      [part.remove(`${given.path}/full`), -111],
      [part.remove("/"), -8],
      [part.setData(given.path, "x", 9), -103],
    ] as const;
    for (const [operation, err] of cases) {
      expect((await session.multi([operation, part.check(given.path, 0)])).body).toEqual(errors(err, -2));
    }
  });

  it("lets check pass with the node's version and with -1, and nothing else", async (given) => {
    const session = await given.open();
    expect(expectOk(await session.multi([part.check(given.path, -1), part.check(given.path, 0)]))).toEqual([
      { type: 13 },
      { type: 13 },
    ]);
    expect((await session.multi([part.check(given.path, 1)])).body).toEqual(errors(-103));
    expect((await session.multi([part.check(`${given.path}/missing`, -1)])).body).toEqual(errors(-101));
  });

  it("wants READ for check", async (given) => {
    const session = await given.open();
    await session.made(`${given.path}/a`, { acl: [acl(30, "world", "anyone")] });
    expect((await session.multi([part.check(`${given.path}/a`, -1)])).body).toEqual(errors(-102));
  });

  it("of checks alone changes nothing but the zxid", async (given) => {
    const session = await given.open();
    const before = await session.stat(given.path);
    expectOk(await session.multi([part.check(given.path, 0)]));
    expect(await session.stat(given.path)).toEqual(before);
  });

  it("of nothing is a success of nothing, and a transaction", async (given) => {
    const session = await given.open({ on: "leader" });
    const before = await session.create(`${given.path}/a`);
    const reply = await session.multi([]);
    expect({ err: reply.err, zxid: reply.zxid }).toEqual({ err: 0, zxid: before.zxid + 1n });
    expect(Buffer.from(reply.bytes).toString("hex")).toBe("ffffffff01ffffffff");
  });

  it("of a hundred parts is one", async (given) => {
    const session = await given.open();
    const parts = Array.from({ length: 100 }, (_, index) => part.create(`${given.path}/n${index}`));
    expect(expectOk(await session.multi(parts))).toHaveLength(100);
    expect((await session.stat(given.path)).numChildren).toBe(100);
  });

  it("takes part in the watches like single operations, in the order of its parts", async (given) => {
    const [session, watcher] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await watcher.exists(`${given.path}/a`, true);
    await watcher.getChildren(given.path, true);
    await session.multi([part.create(`${given.path}/a`), part.setData(given.path, "x")]);
    expect(await watcher.pendingEvents()).toEqual([
      event.created(`${given.path}/a`),
      event.children(given.path),
      event.changed(given.path),
    ]);
  });

  it("that fails fires no watch", async (given) => {
    const [session, watcher] = [await given.open(), await given.open()];
    await watcher.getData(given.path, true);
    await watcher.exists(`${given.path}/a`, true);
    await session.multi([
      part.create(`${given.path}/a`),
      part.setData(given.path, "x"),
      part.check(given.path, 9),
    ]);
    expect(await watcher.pendingEvents()).toEqual([]);
  });

  it("with an operation that has no place in it is MARSHALLING_ERROR as a whole", async (given) => {
    const session = await given.open();
    for (const type of [3, 4, 6, 7, 8, 9, 12, 14, 15, 19, 0, -11, 77]) {
      const body = Buffer.concat([
        encode(MultiHeader, { type, done: false, err: -1 }),
        encode(jute.ustring, given.path),
        Buffer.alloc(64),
        encode(MultiHeader, { type: -1, done: true, err: -1 }),
      ]);
      expectError(await session.callBytes(OpCode.MULTI, body), "MARSHALLING_ERROR");
    }
    expect((await session.exists(given.path)).err).toBe(0);
  });

  it("that ends too early is MARSHALLING_ERROR as a whole, and does nothing", async (given) => {
    const session = await given.open();
    const body = requestBody("multi", [part.create(`${given.path}/a`), part.setData(given.path, "x")]);
    for (const length of [0, 8, 9, 20, body.length - 10, body.length - 9, body.length - 1]) {
      expectError(await session.callBytes(OpCode.MULTI, body.subarray(0, length)), "MARSHALLING_ERROR");
    }
    expect(await session.names(given.path)).toEqual([]);
  });

  it("with access rights that are null is MARSHALLING_ERROR as a whole", async (given) => {
    const session = await given.open();
    const body = Buffer.concat([
      encode(MultiHeader, { type: 1, done: false, err: -1 }),
      encode(jute.ustring, `${given.path}/a`),
      encode(jute.buffer, null),
      encode(jute.int, -1),
      encode(jute.int, 0),
      encode(MultiHeader, { type: -1, done: true, err: -1 }),
    ]);
    expectError(await session.callBytes(OpCode.MULTI, body), "MARSHALLING_ERROR");
    expect((await session.create(`${given.path}/a`)).err).toBe(0);
  });

  it("stops reading at the header that says done, whatever its type", async (given) => {
    const session = await given.open();
    const body = Buffer.concat([
      encode(MultiHeader, { type: 1, done: true, err: -1 }),
      encode(jute.ustring, "not read"),
    ]);
    const reply = await session.callBytes(OpCode.MULTI, body);
    expect(reply.err).toBe(0);
    expect(Buffer.from(reply.bytes).toString("hex")).toBe("ffffffff01ffffffff");
  });
});
