// One session from connect to close, against a server of a few lines, in a world without time or chance of its own.
import * as protocol from "@zk/protocol";
import { Call, DEFAULT_LIMITS, DEFAULT_RECONNECT, SessionMachine } from "../../src/core/index.js";

const { ConnectResponse, FrameSplitter, GetDataRequest, GetDataResponse, OpCode } = protocol;
const { ReplyHeader, RequestHeader } = protocol;

const zxid = 0x1_0000_0007n;
const stat = {
  ...{ czxid: 1n, mzxid: 2n, ctime: 3n, mtime: 4n, version: 5, cversion: 6, aversion: 7 },
  ...{ ephemeralOwner: 0n, dataLength: 3, numChildren: 0, pzxid: 1n },
};

export function run() {
  const machine = new SessionMachine({
    servers: [{ host: "127.0.0.1", port: 2181 }],
    seed: 1,
    sessionTimeoutMs: 10_000,
    readOnly: false,
    credentials: [],
    limits: DEFAULT_LIMITS,
    reconnect: DEFAULT_RECONNECT,
    recordHistory: true,
  });
  const seen: string[] = [];
  let nowMs = 1_000;
  let splitter = new FrameSplitter();
  let shaken = false;

  const receive = (epoch: number, bytes: Uint8Array) =>
    machine.step({ kind: "received", nowMs, epoch, bytes });
  const answer = (epoch: number, request: Uint8Array) => {
    if (!shaken) {
      shaken = true;
      const passwd = new Uint8Array(16).fill(7);
      const granted = { protocolVersion: 0, timeOut: 10_000, sessionId: 0x1234n, passwd, readOnly: false };
      return receive(epoch, protocol.encodeFrame(ConnectResponse, granted));
    }
    const { xid, type } = protocol.decode(RequestHeader, request.subarray(0, 8));
    const head = protocol.encode(ReplyHeader, { xid, zxid, err: 0 });
    const data = new Uint8Array([1, 2, 3]);
    const body =
      type === OpCode.GET_DATA ? protocol.encode(GetDataResponse, { data, stat }) : new Uint8Array(0);
    const frame = new Uint8Array(4 + head.length + body.length);
    new DataView(frame.buffer).setInt32(0, head.length + body.length);
    frame.set(head, 4);
    frame.set(body, 4 + head.length);
    receive(epoch, frame);
  };
  const settle = () => {
    for (let round = 0; round < 100; round += 1) {
      const outputs = machine.drain();
      if (outputs.length === 0) return;
      nowMs += 1;
      for (const output of outputs) {
        if (output.kind === "resolve") {
          machine.step({ kind: "resolved", nowMs, epoch: output.epoch, addresses: ["127.0.0.1"] });
        } else if (output.kind === "open") {
          splitter = new FrameSplitter();
          machine.step({ kind: "opened", nowMs, epoch: output.epoch });
        } else if (output.kind === "write") {
          splitter.push(output.bytes);
          for (let frame = splitter.next(); frame !== null; frame = splitter.next())
            answer(output.epoch, frame);
        } else if (output.kind === "state") seen.push(`state ${output.state}`);
        else if (output.kind === "settled") {
          const { target } = output;
          seen.push(`settled ${target instanceof Call ? target.path : target.ticket}`);
        } else if (output.kind === "failed")
          seen.push(`failed ${output.error.code}: ${output.error.message}`);
      }
    }
    throw new Error("the machine never came to rest");
  };

  machine.step({ kind: "connect", nowMs, ticket: { ticket: "connect", deadlineMs: Infinity } });
  settle();
  const values: string[] = [];
  const spec = {
    ...{ name: "getData", opCode: OpCode.GET_DATA, request: GetDataRequest, response: GetDataResponse },
    ...{ isWrite: false, throughLeader: false, absentIsAnswer: false },
  };
  const call = new Call({
    ...{ spec, path: "/a", serverPath: "/a", record: { path: "/a", watch: false } },
    ...{ retry: "safe", timeoutMs: 5_000, weight: 100 },
    finish: (reply: protocol.GetDataResponse) =>
      values.push(`${reply.data?.join()} version ${reply.stat.version}`),
  });
  machine.step({ kind: "call", nowMs, call });
  settle();
  const pingDue = machine.nextDeadlineMs();
  nowMs = pingDue;
  machine.step({ kind: "time", nowMs });
  settle();
  const { state, lastZxid } = machine;
  machine.step({ kind: "close", nowMs, ticket: { ticket: "close", deadlineMs: Infinity } });
  settle();
  return {
    seen,
    values,
    state,
    lastZxid: String(lastZxid),
    pingIsAhead: pingDue > 1_000,
    end: machine.state,
  };
}
