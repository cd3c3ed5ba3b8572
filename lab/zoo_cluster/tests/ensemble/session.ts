/** A session for tests that keeps its credentials at hand; the lab's own probe, so that no client is needed. */
import {
  ConnectRequest,
  ConnectResponse,
  CreateMode,
  CreateRequest,
  decode,
  ExistsRequest,
  encodeFrame,
  JuteWriter,
  OPEN_ACL_UNSAFE,
  OpCode,
  ReplyHeader,
  RequestHeader,
} from "@zk/protocol";
import { FrameConnection } from "../../src/frame-connection.js";
import type { EnsembleServer } from "../../src/index.js";
import { ProbeSession } from "../../src/probe-session.js";

export interface TestSession {
  readonly sessionId: bigint;
  readonly sessionPassword: Uint8Array;
  /** Creates an ephemeral node. */
  createEphemeral(path: string): Promise<number>;
  /** Resolves when the server ends the connection. */
  ended(): Promise<void>;
  leave(): void;
}

/** Opens a session on one server. */
export async function openSession(
  server: EnsembleServer,
  credentials: { sessionId: bigint; sessionPassword: Uint8Array } | null = null,
): Promise<TestSession | null> {
  const connection = new FrameConnection({
    host: server.host,
    clientPort: server.clientPort,
    timeoutMs: 60_000,
  });
  connection.send(
    encodeFrame(ConnectRequest, {
      protocolVersion: 0,
      lastZxidSeen: 0n,
      timeOut: 10_000,
      sessionId: credentials?.sessionId ?? 0n,
      passwd: credentials?.sessionPassword ?? new Uint8Array(16),
      readOnly: false,
    }),
  );
  const answer = decode(ConnectResponse, await connection.receive());
  if (answer.sessionId === 0n) {
    connection.end();
    return null;
  }
  return {
    sessionId: answer.sessionId,
    sessionPassword: answer.passwd ?? new Uint8Array(16),
    createEphemeral: async (path) => {
      const writer = new JuteWriter();
      const start = writer.beginFrame();
      RequestHeader.write(writer, { xid: 1, type: OpCode.CREATE });
      CreateRequest.write(writer, { path, data: null, acl: OPEN_ACL_UNSAFE, flags: CreateMode.EPHEMERAL });
      writer.endFrame(start);
      connection.send(writer.take());
      return decode(ReplyHeader, await connection.receive()).err;
    },
    ended: async () => {
      for (;;) {
        try {
          await connection.receive();
        } catch {
          // Ended, by the server or by the limit; the caller's test has its own limit.
          return;
        }
      }
    },
    leave: () => connection.end(),
  };
}

/** The error code of `exists`, asked through another session; 0 when the node is there. */
export async function existsCode(server: EnsembleServer, path: string): Promise<number> {
  const session = await ProbeSession.open({
    host: server.host,
    clientPort: server.clientPort,
    timeoutMs: 5_000,
  });
  if (session === null) throw new Error("no session");
  const value = { path, watch: false };
  const { err } = await session.request(OpCode.EXISTS, { codec: ExistsRequest, value }, null);
  await session.close();
  return err;
}
