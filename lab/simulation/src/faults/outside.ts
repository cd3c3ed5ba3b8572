/** Ends a session from outside: somebody with its id and password takes it over and closes it. */
import { passwordOf } from "@zk/memory-server";
import { ConnectRequest, encodeFrame, JuteWriter, OpCode } from "@zk/protocol";
import type { World } from "../world/world.js";

/**
 * Far from the numbers of the session's own client. A server of 3.4.6 tells the requests of a session apart by their xid
 * alone: a write that waits there under the same one would be answered with what the close came to.
 */
const OUTSIDER_XID = 0x7fff_0000;

/** @returns whether a server could be asked */
export function expireSession(world: World, sessionId: bigint): boolean {
  const { ensemble } = world;
  const server = ensemble.model.leaderId;
  if (server === undefined) return false;
  let isGranted = false;
  const connection = ensemble.connectFromOutside(server, (output) => {
    if (output.kind !== "send" || isGranted || connection === undefined) return;
    isGranted = true;
    world.timeline.after(0, () => ensemble.step({ kind: "received", connection, bytes: closeRequest() }));
  });
  if (connection === undefined) return false;
  const question = {
    protocolVersion: 0,
    lastZxidSeen: 0n,
    timeOut: 10_000,
    sessionId,
    passwd: passwordOf(sessionId),
    readOnly: false,
  };
  ensemble.step({ kind: "received", connection, bytes: encodeFrame(ConnectRequest, question) });
  return true;
}

function closeRequest(): Uint8Array {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  writer.int(OUTSIDER_XID);
  writer.int(OpCode.CLOSE_SESSION);
  writer.endFrame(start);
  return writer.take();
}
