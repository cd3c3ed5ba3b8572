/**
 * The first exchange of a connection: what to ask, and what the answer means.
 *
 * Source: ZooKeeper 3.4.6, ClientCnxn.java (primeConnection, onConnected) and ZooKeeperServer.java (finishSessionInit).
 */
import { ConnectRequest, ConnectResponse, decode, type JuteWriter } from "@zk/protocol";

/** An honest answer has 36 or 37 bytes; anything much longer is no answer to our question. */
export const HANDSHAKE_BYTES_MAX = 1024;

const PASSWORD_BYTES = 16;

/** What is asked of the server. */
export interface HandshakeQuestion {
  readonly lastZxid: bigint;
  /** The timeout wished for, in milliseconds; asked anew at each connect, whatever was negotiated before. */
  readonly timeoutMs: number;
  /** 0 for a new session. */
  readonly sessionId: bigint;
  /** Sixteen bytes; undefined for a new session. */
  readonly password: Uint8Array | undefined;
  readonly readOnly: boolean;
}

/** What the answer means. */
export type HandshakeVerdict =
  | {
      readonly verdict: "accepted";
      readonly sessionId: bigint;
      readonly password: Uint8Array;
      readonly timeoutMs: number;
      readonly readOnly: boolean;
    }
  | {
      readonly verdict: "expired";
      readonly reason: string;
      /** The server made a session that nobody asked for. */
      readonly isAnother: boolean;
    }
  | { readonly verdict: "refused"; readonly reason: string };

/** Writes the connect request as a frame. */
export function writeHandshake(writer: JuteWriter, question: HandshakeQuestion): void {
  const start = writer.beginFrame();
  ConnectRequest.write(writer, {
    protocolVersion: 0,
    lastZxidSeen: question.lastZxid,
    timeOut: question.timeoutMs,
    sessionId: question.sessionId,
    // A null password makes a 3.4.6 server hang, so a new session shows sixteen zero bytes.
    passwd: question.password ?? new Uint8Array(PASSWORD_BYTES),
    readOnly: question.readOnly,
  });
  writer.endFrame(start);
}

/** Judges the first frame of a connection. Never throws. */
export function judgeHandshake(frame: Uint8Array, question: HandshakeQuestion): HandshakeVerdict {
  if (frame.length > HANDSHAKE_BYTES_MAX)
    return refused(`it sent ${frame.length} bytes where a connect response was due`);
  // Servers of 3.7 and later in read-only mode answer a new session with a bare reply header.
  if (frame.length === 16) return refused("it is read-only and takes no new sessions");
  let answer: ConnectResponse;
  try {
    answer = decode(ConnectResponse, frame);
  } catch (error) {
    return refused(`its connect response cannot be read: ${(error as Error).message}`);
  }
  // Whatever else a peer may send as its first frame (an old event, a reply to somebody else), these two do not fit it.
  // Expiry is final, so it must not be read out of garbage.
  if (answer.protocolVersion !== 0 || answer.timeOut < 0) {
    return refused("its first frame is no connect response");
  }
  const resuming = question.sessionId !== 0n;
  if (answer.timeOut === 0 || answer.sessionId === 0n) {
    return resuming
      ? { verdict: "expired", reason: "the server does not know the session any more", isAnother: false }
      : refused("it granted no session");
  }
  if (resuming && answer.sessionId !== question.sessionId) {
    // Some servers that speak the protocol hand out a new session in silence; ours is over all the same.
    return { verdict: "expired", reason: "the server answered with another session", isAnother: true };
  }
  if (answer.passwd === null || answer.passwd.length === 0 || answer.passwd.length > 64) {
    return refused("it granted a session without a usable password");
  }
  if (answer.readOnly === true && !question.readOnly) {
    return refused("it is read-only, which was not asked for");
  }
  return {
    verdict: "accepted",
    sessionId: answer.sessionId,
    password: answer.passwd,
    timeoutMs: answer.timeOut,
    readOnly: answer.readOnly === true,
  };
}

function refused(reason: string): HandshakeVerdict {
  return { verdict: "refused", reason };
}
