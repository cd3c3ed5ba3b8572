import { describe, expect, it } from "vitest";
import { promptText } from "./prompt.js";

const free = { context: null, readOnly: false };
const connected = { state: "connected", role: "follower" } as const;

describe("the prompt", () => {
  it.each([
    ["before there is a session", promptText(free, "/", undefined, false), "zk:/> "],
    ["with the role of the server", promptText(free, "/shop", connected, false), "zk:/shop [follower]> "],
    [
      "where the server does not say its role",
      promptText(free, "/", { ...connected, role: undefined }, false),
      "zk:/> ",
    ],
    [
      "with a context and its guard",
      promptText({ context: "prod", readOnly: true }, "/", { state: "connected", role: "leader" }, false),
      "prod:/ [leader, read-only]> ",
    ],
    [
      "without a connection",
      promptText(free, "/", { state: "suspended", role: "follower" }, false),
      "zk:/ [connection lost]> ",
    ],
    [
      "when the session is over",
      promptText({ context: "prod", readOnly: true }, "/", { state: "expired", role: undefined }, false),
      "prod:/ [read-only, session expired]> ",
    ],
    [
      "with a server that is cut off",
      promptText(free, "/", { state: "readonly", role: undefined }, false),
      "zk:/ [no quorum: reads only]> ",
    ],
  ])("%s", (_when, said, expected) => expect(said).toBe(expected));

  it("shows no control character of a znode", () => {
    expect(promptText(free, "/a\u001b[31m", undefined, false)).toBe("zk:/a\\x1b[31m> ");
  });

  it("has colours that end before what is typed", () => {
    expect(promptText(free, "/", { state: "suspended", role: undefined }, true)).toBe(
      "\u001b[36mzk:/\u001b[39m [\u001b[31mconnection lost\u001b[39m]> ",
    );
  });
});
