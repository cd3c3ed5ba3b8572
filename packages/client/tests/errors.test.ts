import { ERROR_CODES, type ServerErrorName } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import {
  CLIENT_ERROR_CODES,
  type ClientErrorCode,
  CreateMode,
  createClient,
  isZkError,
  ZkError,
} from "../src/index.js";
import { connected, only, type Scene, scene, stat } from "./scene.js";

// Every code that an error of this package can carry, raised by what a user would do.

const bytes = (count: number) => new Uint8Array(count);

/** The error of a promise that must not come true. */
async function errorOf(promise: Promise<unknown>): Promise<ZkError> {
  const error = await promise.then(
    (value) => new Error(`it came true: ${String(value)}`),
    (reason: unknown) => reason,
  );
  if (!isZkError(error)) throw error;
  return error;
}

const RAISED: Readonly<Record<ClientErrorCode, () => Promise<ZkError>>> = {
  ABORTED: () => errorOf(scene().client.connect({ signal: AbortSignal.abort("enough") })),
  AUTH_FAILED: async () => {
    const s = scene();
    const connection = await connected(s);
    const adding = errorOf(s.client.addAuth("nonsense", "x"));
    connection.refuse(await connection.expect("auth"), "AUTH_FAILED");
    return adding;
  },
  CLOSED: async () => {
    const s = scene();
    await s.client.close();
    return errorOf(s.client.getData("/a"));
  },
  CONNECTION_LOSS: async () => {
    const s = scene();
    const connection = await connected(s);
    const writing = errorOf(s.client.setData("/a", bytes(1)));
    await connection.expect("setData");
    connection.close();
    return writing;
  },
  CONNECT_TIMEOUT: async () => {
    const s = scene();
    const connecting = errorOf(s.client.connect({ timeoutMs: 100 }));
    await s.ports.clock.advance(100);
    return connecting;
  },
  INTERNAL: async () => {
    let armed = false;
    const s = scene({
      failpoint: (name) => {
        if (armed && name === "replyDecoded") throw new Error("a failpoint that fails");
        return "continue";
      },
    });
    const connection = await connected(s);
    const reading = errorOf(s.client.getData("/a"));
    const request = await connection.expect("getData");
    armed = true;
    connection.reply(request, { data: null, stat });
    return reading;
  },
  INVALID_ARGUMENT: () => errorOf(scene().client.setData("/a", bytes(1), { version: 1.5 })),
  INVALID_PATH: () => errorOf(scene().client.getData("/a//b")),
  NOT_CONNECTED: () => errorOf(scene().client.getData("/a")),
  OPERATION_TIMEOUT: async () => {
    const s = scene();
    await connected(s);
    const reading = errorOf(s.client.getData("/a", { timeoutMs: 10 }));
    await s.ports.clock.advance(10);
    return reading;
  },
  PROTOCOL: async () => {
    const s = scene();
    const connection = await connected(s);
    const reading = errorOf(s.client.getData("/a"));
    connection.acknowledge(await connection.expect("getData"));
    return reading;
  },
  QUEUE_FULL: async () => {
    const s = scene({ limits: { queuedCallsMax: 1 } });
    s.client.connect().catch(() => {});
    s.client.getData("/a").catch(() => {});
    return errorOf(s.client.getData("/b"));
  },
  REPLY_TOO_LARGE: async () => {
    const s = scene({ limits: { replyBytesMax: 1000 } });
    const connection = await connected(s);
    const reading = errorOf(s.client.getData("/a"));
    connection.reply(await connection.expect("getData"), { data: bytes(1000), stat });
    return reading;
  },
  REQUEST_TOO_LARGE: async () => {
    const s = scene();
    await connected(s);
    return errorOf(s.client.setData("/a", bytes(1_048_576)));
  },
  SESSION_EXPIRED: async () => {
    const s = scene({ session: { id: 9n, password: bytes(16) } });
    const connecting = errorOf(s.client.connect());
    await (await only(s).connection()).handshake({ sessionId: 0n });
    return connecting;
  },
  TTL_DISABLED: async () => {
    const s = scene();
    const connection = await connected(s);
    const creating = errorOf(
      s.client.create("/a", null, { mode: CreateMode.PERSISTENT_WITH_TTL, ttlMs: 1000 }),
    );
    connection.reply(await connection.expect("exists"), { stat });
    connection.refuse(await connection.expect("createTTL"), "UNIMPLEMENTED");
    return creating;
  },
  UNKNOWN_SERVER_ERROR: () => refusal(-31_337),
  WATCHES_FULL: async () => {
    const s = scene({ limits: { watchesMax: 1 } });
    const connection = await connected(s);
    const first = s.client.exists("/a", { watch: () => {} });
    connection.refuse(await connection.expect("exists"), "NO_NODE");
    await first;
    return errorOf(s.client.exists("/b", { watch: () => {} }));
  },
  WATCH_CONFLICT: async () => {
    const s = scene();
    const connection = await connected(s);
    const first = s.client.exists("/a", { watch: () => {} });
    connection.refuse(await connection.expect("exists"), "NO_NODE");
    await first;
    const adding = errorOf(s.client.addWatch("/a", () => {}));
    connection.reply(await connection.expect("exists"), { stat });
    return adding;
  },
};

async function refusal(error: ServerErrorName | number): Promise<ZkError> {
  const s: Scene = scene();
  const connection = await connected(s);
  const reading = errorOf(s.client.getData("/a"));
  connection.refuse(await connection.expect("getData"), error);
  return reading;
}

describe("a code that the client makes up", () => {
  it.each(CLIENT_ERROR_CODES)("%s", async (code) => {
    const error = await RAISED[code]();
    expect(error).toBeInstanceOf(ZkError);
    expect(error).toBeInstanceOf(Error);
    expect(error.code).toBe(code);
    expect(error.name).toBe(code === "ABORTED" ? "AbortError" : "ZkError");
    expect(error.message).toMatch(new RegExp(`^${code}: .{10}`));
    expect(["no", "maybe"]).toContain(error.applied);
  });
});

describe("a code that the server sends", () => {
  const names = ERROR_CODES.filter(({ code }) => code !== 0).map(
    ({ name, code }) => [name as ServerErrorName, code] as const,
  );

  it.each(names)("%s", async (name, code) => {
    expect(await refusal(name)).toMatchObject({
      code: name,
      serverCode: code,
      applied: "no",
      operation: "getData",
      path: "/a",
      server: "10.0.0.1:2181",
    });
  });

  it("is told with the path as the user knows it, below a chroot", async () => {
    const s = scene({ chroot: "/app" });
    const connection = await connected(s);
    const reading = errorOf(s.client.getData("/a"));
    const request = await connection.expect("getData");
    expect(request.body.path).toBe("/app/a");
    connection.refuse(request, "NO_NODE");
    expect((await reading).path).toBe("/a");
  });
});

describe("what cannot work is refused before anything happens", () => {
  it.each([
    ["", {}],
    ["host:99999", {}],
    ["host/a//b", {}],
    ["host", { sessionTimeoutMs: 0 }],
    ["host", { sessionTimeoutMs: 2 ** 31 }],
    ["host", { limits: { outstandingMax: 0 } }],
    ["host", { retry: "sometimes" as never }],
    ["host", { auth: [{ scheme: "digest", auth: "x".repeat(2_000_000) }] }],
  ])("%j %o", (connectionString, options) => {
    expect(() => createClient(connectionString, options)).toThrow(ZkError);
  });
});
