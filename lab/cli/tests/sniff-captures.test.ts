// zk sniff --read: what tcpdump has captured between a client of ours and a server of 3.4.6, and the same in other files.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  asIpv6,
  type Frame,
  framesOf,
  inPieces,
  isSyn,
  movedBy,
  pcapngOf,
  pcapOf,
  relinked,
} from "./support/captures.js";
import { documented } from "./support/fields.js";
import { ZkHome, type ZkResult } from "./support/zk.js";

const home = ZkHome.forThisFile();
const captured = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`fixtures/captures/${name}.pcap`, import.meta.url)));
const loopback = captured("loopback-3.4.6");
const frames = framesOf(loopback);

/** Runs it on a capture, by default for the port of the server that was captured. */
async function sniff(capture: Uint8Array, more = "--to localhost:PORT"): Promise<ZkResult> {
  writeFileSync(join(home.path, "a.pcap"), capture);
  return await home.run(`sniff --read a.pcap --json ${more.replace("PORT", "21051")}`);
}

/** The lines without what differs from link to link. */
async function told(capture: Uint8Array): Promise<unknown[]> {
  const { exitCode, stderr, ...result } = await sniff(capture);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return result.lines();
}

const EXPECTED = [
  ["connected", "connect", null, null],
  ["call", "auth", null, "OK"],
  ["call", "create", "/sniffed", "OK"],
  ["call", "getData", "/sniffed", "OK"],
  ["event", "NodeDataChanged", "/sniffed", null],
  ["call", "setData", "/sniffed", "OK"],
  ["call", "exists", "/none", "NO_NODE"],
  ["call", "multi", "/sniffed", "OK"],
  ["call", "closeSession", null, "OK"],
];

describe("zk sniff --read", () => {
  it.each(["loopback-3.4.6", "any-3.4.6"])(
    "shows what was said, and no data and no credentials: %s",
    async (name) => {
      const result = await sniff(captured(name));
      const lines = result.lines();
      expect(lines.map(({ kind, op, path, code }) => [kind, op, path, code])).toEqual(EXPECTED);
      documented("sniff", lines);
      expect(lines.find(({ op }) => op === "create")?.["ms"]).toBeGreaterThan(0);
      expect(result.stdout).not.toMatch(/secret|hunter2/);
    },
  );

  const shuffled = (size: number): Frame[] => {
    // Each group of neighbours from its end to its beginning; who opens the connection stays in front.
    const [open, rest] = [frames.filter(isSyn), frames.filter((frame) => !isSyn(frame))];
    const pieces = inPieces(rest, 11);
    const groups = Array.from({ length: Math.ceil(pieces.length / size) }, (_, index) =>
      pieces.slice(index * size, (index + 1) * size).reverse(),
    );
    return [...open, ...groups.flat()];
  };
  it.each<readonly [string, Buffer]>([
    ["nanoseconds", pcapOf(frames, { isNano: true })],
    ["big ends", pcapOf(frames, { isBig: true })],
    ["pcapng", pcapngOf(frames)],
    ["packets without a link", pcapOf(relinked(frames, Buffer.alloc(0)), { linkType: 101 })],
    ["the loopback of BSD", pcapOf(relinked(frames, Buffer.from([2, 0, 0, 0])), { linkType: 0 })],
    ["cooked Linux", pcapOf(relinked(frames, Buffer.alloc(16)), { linkType: 113 })],
    [
      "a virtual network",
      pcapOf(relinked(frames, Buffer.from("0000000000000000000000008100000508 00".replace(" ", ""), "hex"))),
    ],
    ["IPv6", pcapOf(asIpv6(frames))],
    ["pieces of one byte", pcapOf(inPieces(frames, 1))],
    ["pieces of seven bytes", pcapOf(inPieces(frames, 7))],
    ["packets twice", pcapOf(frames.flatMap((frame) => [frame, frame]))],
    ["numbers that begin anew", pcapOf(movedBy(frames, 2 ** 31 - 1_000))],
  ])("reads the same from %s", async (_what, capture) => {
    expect(await told(capture)).toEqual(await told(loopback));
  });

  it.each([2, 3, 5])("puts packets into their order, %d at a time", async (size) => {
    const lines = (await told(pcapOf(shuffled(size)))) as { op: string }[];
    expect(lines.map(({ op }) => op).sort()).toEqual(EXPECTED.map(([, op]) => op).sort());
  });

  it("says what it cannot read", async () => {
    const cases: readonly (readonly [Uint8Array, number, string])[] = [
      [Buffer.from("no capture, but some text that is long enough"), 2, "is no capture"],
      [Buffer.alloc(3), 2, "too short"],
      [pcapOf(frames.filter((frame) => !isSyn(frame))), 0, "had begun before the capture"],
      [pcapOf(frames, { snapLength: 96 }), 0, "cut short"],
      [pcapOf(frames.filter((_frame, index) => index !== 5)), 0, "missing"],
    ];
    for (const [capture, exitCode, words] of cases)
      expect(await sniff(capture)).toMatchObject({ exitCode, stderr: expect.stringContaining(words) });
    expect(await sniff(loopback, "--to h:1")).toMatchObject({
      exitCode: 0,
      stdout: "",
      stderr: expect.stringContaining("no connection to port 1"),
    });
    expect(await sniff(loopback, "--to h:PORT --listen 127.0.0.1:0")).toMatchObject({ exitCode: 2 });
    expect((await sniff(loopback, "--to h:PORT --failed")).lines()).toMatchObject([{ code: "NO_NODE" }]);
    expect((await sniff(loopback, "--to h:PORT --count 2")).lines()).toHaveLength(2);
  });

  it("never takes damage in a file for a fault of its own", async () => {
    for (const whole of [loopback, pcapngOf(frames)]) {
      for (let index = 0; index < 150; index++) {
        const damaged = Buffer.from(
          whole.subarray(0, index % 3 === 0 ? (index * 97) % whole.length : undefined),
        );
        for (let hit = 0; hit < index % 7; hit++)
          damaged[(index * 7_919 + hit * 104_729) % damaged.length] = index;
        expect([0, 2]).toContain((await sniff(damaged)).exitCode);
      }
    }
  });
});
