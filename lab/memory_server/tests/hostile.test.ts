// Whatever clients send and whatever befalls the servers, the model neither throws nor stops serving others.
import { ExistsRequest, OpCode } from "@zk/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModelWorld } from "./support/model-world.js";

const opCode = fc.oneof(
  fc.constantFrom(...Object.values(OpCode)),
  fc.integer({ min: -20, max: 120 }),
  fc.integer(),
);
// Bodies that begin like the real ones get further than noise does.
const path = fc.constantFrom("/", "/a", "/a/b", "/zookeeper", "", "a", "/a//b", "/a/", "/\u0000", "/é");
const body = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.tuple(path, fc.uint8Array({ maxLength: 40 })).map(([text, rest]) => {
    const bytes = new TextEncoder().encode(text);
    const all = new Uint8Array(4 + bytes.length + rest.length);
    new DataView(all.buffer).setInt32(0, bytes.length);
    all.set(bytes, 4);
    all.set(rest, 4 + bytes.length);
    return all;
  }),
);
const event = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("open" as const), server: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("request" as const),
      which: fc.nat(5),
      xid: fc.integer(),
      opCode,
      body,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("noise" as const),
      which: fc.nat(5),
      bytes: fc.uint8Array({ maxLength: 30 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), which: fc.nat(5) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("kill" as const, "start", "pause", "resume"),
      server: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), milliseconds: fc.nat(9000) }) },
);

describe("hostile clients", () => {
  it("never make the model throw, nor keep it from serving others", () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.nat(),
          isSlow: fc.boolean(),
          readOnlyMode: fc.boolean(),
          events: fc.array(event, { minLength: 5, maxLength: 60, size: "max" }),
        }),
        ({ seed, isSlow, readOnlyMode, events }) => {
          const delays = isSlow ? ({ linkMs: [0, 30], diskMs: [0, 5], electionMs: [0, 200] } as const) : {};
          const world = new ModelWorld({
            servers: 3,
            seed,
            readOnlyMode,
            globalOutstandingLimit: 3,
            ...delays,
          });
          const clients = [world.connect(1, { readOnly: true })];
          for (const each of events) {
            if (each.do === "open") clients.push(world.connect(each.server));
            else if (each.do === "wait") world.advance(each.milliseconds);
            else if ("server" in each) world.step({ kind: each.do, server: each.server });
            else {
              const client = clients[each.which % clients.length];
              if (each.do === "noise") client?.sendRaw(each.bytes);
              else if (each.do === "leave") client?.close();
              else {
                const payload = new Uint8Array(8 + each.body.length);
                new DataView(payload.buffer).setInt32(0, each.xid);
                new DataView(payload.buffer).setInt32(4, each.opCode);
                payload.set(each.body, 8);
                client?.sendFrame(payload);
              }
            }
          }
          for (const server of [1, 2, 3]) {
            world.step({ kind: "resume", server });
            world.step({ kind: "start", server });
          }
          world.advance(60_000);
          const trees = [1, 2, 3].map((id) => world.model.server(id));
          expect(world.model.leaderId).toBeDefined();
          const client = world.connect(world.model.leaderId as number);
          world.advance(1000);
          const xid = client.request(OpCode.EXISTS, ExistsRequest, { path: "/zookeeper", watch: false });
          world.advance(1000);
          expect(client.replyTo(xid)?.header.err).toBe(0);
          expect(
            new Set(trees.map(({ lastZxid, id }) => String(world.model.server(id).lastZxid || lastZxid)))
              .size,
          ).toBe(1);
        },
      ),
      { numRuns: 150 },
    );
  }, 120_000);
});
