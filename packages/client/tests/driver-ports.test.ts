import { describe, expect, it } from "vitest";
import { isZkError } from "../src/index.js";
import { connected, scene, stat } from "./scene.js";

const bytes = (...values: number[]) => new Uint8Array(values);

describe("room", () => {
  it("is not told while the bytes under way would have the call refused again: nobody spins", async () => {
    const s = scene({ limits: { queuedBytesMax: 3000 } });
    const connection = await connected(s);
    const first = s.client.setData("/a", new Uint8Array(2000));
    let tries = 0;
    const second = (async () => {
      for (;;) {
        tries += 1;
        try {
          return await s.client.setData("/b", new Uint8Array(1500));
        } catch (error) {
          if (!isZkError(error, "QUEUE_FULL")) throw error;
          await s.client.drained();
        }
      }
    })();
    await s.ports.clock.settle();
    expect(tries).toBe(1);
    connection.reply(await connection.expect("setData"), { stat });
    await first;
    connection.reply(await connection.expect("setData"), { stat });
    await second;
    expect(tries).toBe(2);
    await s.client.drained();
  });
});

describe("ports that fail", () => {
  it("a transport whose write throws has lost its connection", async () => {
    const s = scene();
    const open = s.ports.transport.open.bind(s.ports.transport);
    let isBroken = false;
    s.ports.transport.open = (target, events) => {
      const connection = open(target, events);
      return {
        write: (piece) => {
          if (isBroken) throw new Error("EPIPE");
          return connection.write(piece);
        },
        close: () => connection.close(),
      };
    };
    await connected(s);
    isBroken = true;
    await expect(s.client.setData("/a", bytes(1))).rejects.toMatchObject({
      code: "CONNECTION_LOSS",
      applied: "maybe",
    });
    expect(s.client.state).toBe("suspended");
  });

  it("a transport that cannot open counts as a refusal", async () => {
    const s = scene();
    s.ports.transport.open = () => {
      throw new Error("no sockets left");
    };
    const failed = expect(s.client.connect({ timeoutMs: 5000 })).rejects.toThrow(/no sockets left/);
    await s.ports.clock.advance(5000);
    await failed;
  });

  it("a history that throws is told of, and everything behind it happens", async () => {
    const errors: unknown[] = [];
    const s = scene({
      onHistory: () => {
        throw new Error("history");
      },
    });
    s.client.on("listenerError", (error) => errors.push(error));
    const connection = await connected(s);
    const write = s.client.remove("/a");
    connection.acknowledge(await connection.expect("delete"));
    await write;
    expect(errors).toHaveLength(4);
  });
});
