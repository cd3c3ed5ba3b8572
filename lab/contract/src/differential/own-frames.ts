/** The requests that a run makes on its own account, between those of the schedule. */
import { JuteWriter, OpCode, RequestHeader } from "@zk/protocol";
import { BARRIER_XID } from "./lane.js";
import type { ConnectOperation } from "./operations.js";

/** Takes a session back, whatever became of its connection. */
export const RESUME: ConnectOperation = {
  kind: "connect",
  slot: 0,
  session: "own",
  password: "right",
  lastZxid: "zero",
  timeoutMs: 3_600_000,
  readOnly: false,
  protocolVersion: 0,
  server: 0,
};

/** Answered behind all that was sent before it, by the server that got it. */
export const EXISTS_BARRIER: Uint8Array = bareFrame(BARRIER_XID, OpCode.EXISTS, (writer) => {
  writer.ustring("/");
  writer.bool(false);
});
/** The same, and that server has then seen all that any server has answered before. */
export const SYNC_BARRIER: Uint8Array = bareFrame(BARRIER_XID, OpCode.SYNC, (writer) => writer.ustring("/"));

/** A request with its length in front. */
export function bareFrame(
  xid: number,
  opCode: number,
  body: (writer: JuteWriter) => void = () => {},
): Uint8Array {
  const writer = new JuteWriter();
  const start = writer.beginFrame();
  RequestHeader.write(writer, { xid, type: opCode });
  body(writer);
  writer.endFrame(start);
  return writer.take();
}
