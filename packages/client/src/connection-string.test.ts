import { expect, test } from "vitest";
import { parseConnectionString } from "./connection-string.js";
import { isZkError } from "./core/index.js";

test.each([
  ["127.0.0.1:2181", [["127.0.0.1", 2181]], ""],
  [
    "zk1,zk2:2182",
    [
      ["zk1", 2181],
      ["zk2", 2182],
    ],
    "",
  ],
  [
    " zk1:1 , zk2:2 ",
    [
      ["zk1", 1],
      ["zk2", 2],
    ],
    "",
  ],
  ["zk1:", [["zk1", 2181]], ""],
  [
    "[::1]:2182,[fe80::1]",
    [
      ["::1", 2182],
      ["fe80::1", 2181],
    ],
    "",
  ],
  [
    "zk1,,zk2,",
    [
      ["zk1", 2181],
      ["zk2", 2181],
    ],
    "",
  ],
  [
    "zk1:1,zk1:1,zk1:2",
    [
      ["zk1", 1],
      ["zk1", 2],
    ],
    "",
  ],
  ["zk1/", [["zk1", 2181]], ""],
  [
    "zk1,zk2/app/part",
    [
      ["zk1", 2181],
      ["zk2", 2181],
    ],
    "/app/part",
  ],
  ["zk1/a,b", [["zk1", 2181]], "/a,b"],
])("%s names its servers and chroot", (text, servers, chroot) => {
  expect(parseConnectionString(text)).toEqual({
    servers: servers.map(([host, port]) => ({ host, port })),
    chroot,
  });
});

test.each([
  ["", "names no server"],
  ["/chroot", "names no server"],
  [" , ", "names no server"],
  [":2181", "names no host"],
  ["zk1:0", "1 to 65535"],
  ["zk1:65536", "1 to 65535"],
  ["zk1:http", "1 to 65535"],
  ["zk1:-1", "1 to 65535"],
  ["::1:2181", "brackets"],
  ["[zk1]:2181", "IPv6"],
  ["zk 1:2181", "not a host name"],
  ["http:2181@zk", "1 to 65535"],
  ["zk1:2181/app,zk2:2181/app", "after the last server"],
])("%j is refused, saying why", (text, why) => {
  expect(() => parseConnectionString(text)).toThrow(why);
});

test("a chroot that is no path is refused as a path", () => {
  try {
    parseConnectionString("zk1/a//b");
    expect.unreachable();
  } catch (error) {
    expect(isZkError(error, "INVALID_PATH")).toBe(true);
  }
});

test("something that is no string is refused, not crashed on", () => {
  expect(() => parseConnectionString(undefined as never)).toThrow("must be a string");
});
