import { ConnectRequest, ConnectResponse, decode, encode, FrameSplitter, JuteWriter } from "@zk/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HANDSHAKE_BYTES_MAX, type HandshakeQuestion, judgeHandshake, writeHandshake } from "./handshake.js";

const fresh: HandshakeQuestion = {
  lastZxid: 0n,
  timeoutMs: 10_000,
  sessionId: 0n,
  password: undefined,
  readOnly: false,
};
const resuming: HandshakeQuestion = {
  ...fresh,
  sessionId: -9n,
  password: new Uint8Array(16).fill(1),
  lastZxid: 7n,
};
const password = new Uint8Array(16).fill(2);

function asked(question: HandshakeQuestion): { bytes: Uint8Array; request: ConnectRequest } {
  const writer = new JuteWriter();
  writeHandshake(writer, question);
  const bytes = writer.take();
  const splitter = new FrameSplitter();
  splitter.push(bytes);
  return { bytes, request: decode(ConnectRequest, splitter.next()!) };
}

function judge(question: HandshakeQuestion, answer: Partial<ConnectResponse>) {
  const response = {
    protocolVersion: 0,
    timeOut: 6000,
    sessionId: 5n,
    passwd: password,
    readOnly: false,
    ...answer,
  };
  return judgeHandshake(encode(ConnectResponse, response), question);
}

describe("the question", () => {
  it("is the one that every server knows: 45 bytes, sixteen zeros for a password", () => {
    const hex = [...asked(fresh).bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(hex).toBe(`0000002d0000000000000000000000000000271000000000000000000000001${"0".repeat(33)}00`);
  });

  it("carries the session that is to go on", () => {
    expect(asked(resuming).request).toEqual({
      protocolVersion: 0,
      lastZxidSeen: 7n,
      timeOut: 10_000,
      sessionId: -9n,
      passwd: new Uint8Array(16).fill(1),
      readOnly: false,
    });
  });
});

describe("the answer", () => {
  it("grants a new session", () => {
    expect(judge(fresh, {})).toEqual({
      verdict: "accepted",
      sessionId: 5n,
      password,
      timeoutMs: 6000,
      readOnly: false,
    });
  });

  it("may lack the read-only byte, and may have more than we know", () => {
    expect(judge(fresh, { readOnly: undefined })).toMatchObject({ verdict: "accepted", readOnly: false });
    const longer = new Uint8Array([
      ...encode(ConnectResponse, {
        protocolVersion: 0,
        timeOut: 1,
        sessionId: 5n,
        passwd: password,
        readOnly: false,
      }),
      1,
      2,
      3,
    ]);
    expect(judgeHandshake(longer, fresh)).toMatchObject({ verdict: "accepted" });
  });

  it("lets a session go on only under its own id", () => {
    expect(judge(resuming, { sessionId: -9n })).toMatchObject({ verdict: "accepted", sessionId: -9n });
    expect(judge(resuming, { sessionId: 5n })).toMatchObject({ verdict: "expired", isAnother: true });
  });

  it.each([
    { timeOut: 0, sessionId: 0n },
    { timeOut: 0, sessionId: -9n },
    { timeOut: 6000, sessionId: 0n },
    { timeOut: 0, sessionId: 0n, passwd: null },
  ])("%o says that the session is over, or that no new one is given", (answer) => {
    expect(judge(resuming, answer)).toMatchObject({ verdict: "expired", isAnother: false });
    expect(judge(fresh, answer).verdict).toBe("refused");
  });

  it("in read-only mode is taken by those who asked for it", () => {
    expect(judge({ ...fresh, readOnly: true }, { readOnly: true })).toMatchObject({
      verdict: "accepted",
      readOnly: true,
    });
    expect(judge(fresh, { readOnly: true }).verdict).toBe("refused");
  });

  it("is bounded", () => {
    expect(judgeHandshake(new Uint8Array(HANDSHAKE_BYTES_MAX + 1), fresh).verdict).toBe("refused");
  });

  it("is judged without throwing, whatever the bytes; expiry is never read out of less than a whole response", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, isResuming) => {
        const verdict = judgeHandshake(bytes, isResuming ? resuming : fresh);
        if (bytes.length < 20 || bytes.subarray(0, 4).some((byte) => byte !== 0))
          expect(verdict.verdict).toBe("refused");
        if (!isResuming) expect(verdict.verdict).not.toBe("expired");
      }),
      { numRuns: 2000 },
    );
  });
});
