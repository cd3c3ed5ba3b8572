import { decode, encode, jute } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import { javaString, javaText, ServerWatcherEvent } from "./java-text.js";

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

describe("javaString", () => {
  // What a 3.4.6 server on OpenJDK 17 sends back for these paths of setWatches.
  it.each([
    ["41", "A"],
    ["c3a9", "é"],
    ["f09f9880", "😀"],
    ["edbf8f", "\ufffd"],
    ["eda0", "\ufffd"],
    ["eda0f5", "\ufffd\ufffd"],
    ["eda090f5ed", "\ufffd\ufffd\ufffd"],
    ["efeda041c0e1", "\ufffd\ufffdA\ufffd\ufffd"],
    ["f4eda0bfc1", "\ufffd\ufffd\ufffd"],
    ["ed9fbf", "\ud7ff"],
    ["", ""],
  ])("reads %s", (hex, text) => expect(javaString(bytes(hex))).toBe(text));
});

describe("javaText", () => {
  it("is UTF-8 within the basic plane", () => {
    for (const text of ["", "/a/é/€\uffff", "\0"])
      expect(encode(javaText, text)).toEqual(encode(jute.ustring, text));
  });

  it("takes six bytes for a character outside of it", () => {
    expect(encode(javaText, "/é€😀")).toEqual(bytes("0000000c2fc3a9e282aceda0bdedb880"));
    const event = encode(ServerWatcherEvent, { type: 2, state: 3, path: "/😀" });
    expect(event).toEqual(bytes("0000000200000003000000072feda0bdedb880"));
    expect(decode(ServerWatcherEvent, event)).toMatchObject({ type: 2, state: 3 });
  });
});
