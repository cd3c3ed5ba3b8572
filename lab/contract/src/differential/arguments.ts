/** What a generated request is filled with: few paths, so that operations meet, and everything a server must refuse. */
import { digestId } from "@zk/protocol";
import type { AclList, AclSpec, Data, Text, TextList, ZxidSpec } from "./operations.js";
import type { Random } from "./random.js";

/** Znodes that come and go; parents before children. */
const NODES = [
  "$/a",
  "$/b",
  "$/c",
  "$/a/x",
  "$/a/y",
  "$/b/x",
  "$/a/x/k",
  "$/a/x/l",
  "$/b/x/m",
  "$/t",
  "$/t/u",
] as const;
/** Made by sequential creates: the first numbers of each parent. */
const NUMBERED = [
  "$/a/n-0000000000",
  "$/a/n-0000000001",
  "$/a/n-0000000002",
  "$/b/n-0000000000",
  "$/0000000003",
  "$/n-0000000003",
] as const;
const PREFIXES = [
  "$/a/n-",
  "$/b/n-",
  "$/n-",
  "$/",
  "$/a/",
  "$/a",
  "$/b/x",
  "$/c/n-",
  "$/a/.",
  "$/a/..",
] as const;
/** Outlive the run, and are never created or removed by it. */
export const LASTING_PATHS: readonly string[] = ["/", "/zookeeper", "/zookeeper/quota", ""];

/** No server makes a znode of these. */
const BAD_PATHS: readonly Text[] = [
  null,
  "",
  "a",
  "a/b",
  "//",
  "$//",
  "$/",
  "$//a",
  "$/a/",
  "$/a//x",
  "$/.",
  "$/..",
  "$/./a",
  "$/a/../b",
  "$/a/.",
  "$/a/..",
  "$/a\u0000",
  "$/a/\u0000/x",
  "$/\u0001",
  "$/a\u001e",
  "$/\u0081",
  "$/\ue000",
  "$/\ufffe",
  "$/a\ufff1",
  "$/\u{1f600}",
  "zookeeper/quota",
  "/zookeeper/",
  "/zookeeper/quota/",
  "/nowhere/x",
  { text: "$/", hex: "ff" },
  { text: "$/a", hex: "c080" },
  { text: "$/", hex: "eda080" },
  { text: "$/", hex: "f09f98" },
];
/** Odd, and allowed by 3.4.6 all the same. */
const ODD_PATHS: readonly Text[] = [
  "$/a/\u001f",
  "$/\u007f",
  "$/\u009f",
  "$/\uf8ff",
  "$/\uffff",
  "$/\ufff0",
  "$/é",
  "$/a/...",
  "$/.a",
  "$/a b",
  "$/a/\u00a0",
  "$/中",
];

export const OPEN: readonly AclSpec[] = [{ perms: 31, scheme: "world", id: "anyone" }];
const U1 = digestId("u1", "p1");
const U2 = digestId("u2", "p2");

const ENTRIES: readonly (readonly [number, Text, Text])[] = [
  [30, "world", "anyone"],
  [15, "auth", ""],
  [12, "digest", U1],
  [12, "digest", U2],
  [12, "ip", "127.0.0.1"],
  [6, "ip", "10.1.2.3"],
  [1, "world", "nobody"],
  [1, "world", ""],
  [1, "world", null],
  [1, "auth", "u1"],
  [1, "auth", null],
  [1, "digest", "u1"],
  [1, "digest", "u1:"],
  [1, "digest", ":"],
  [1, "digest", "a:b:c"],
  [1, "digest", ""],
  [1, "digest", null],
  [1, "ip", "127.0.0.1/8"],
  [1, "ip", "127.0.0.0/24"],
  [1, "ip", "127.0.0.256"],
  [1, "ip", "127.0.0"],
  [1, "ip", "::1"],
  [1, "ip", ""],
  [1, "ip", null],
  [1, "super", ""],
  [1, "sasl", "bob"],
  [1, "x509", "CN=bob"],
  [1, "", "anyone"],
  [1, null, "anyone"],
  [1, "WORLD", "anyone"],
];

/** A path to look at or to change. */
export function anyPath(random: Random): Text {
  return random.weighted<() => Text>([
    [70, () => random.pick(NODES)],
    [50, () => random.pick(NODES.slice(0, 4))],
    [16, () => random.pick(NUMBERED)],
    [8, () => "$"],
    [4, () => random.pick(LASTING_PATHS)],
    [6, () => random.pick(ODD_PATHS)],
    [5, () => random.pick(BAD_PATHS)],
  ])();
}

/** A path to create; a number is put only behind those under the root, so that nothing of it outlives the run. */
export function newPath(random: Random, isSequential: boolean): Text {
  return random.weighted<() => Text>([
    [60, () => random.pick(NODES)],
    [40, () => random.pick(NODES.slice(0, 4))],
    [isSequential ? 90 : 5, () => random.pick(PREFIXES)],
    [6, () => random.pick(ODD_PATHS)],
    [isSequential ? 0 : 6, () => random.pick(BAD_PATHS)],
    [isSequential ? 0 : 2, () => random.pick(LASTING_PATHS)],
    [isSequential ? 0 : 2, () => "$"],
  ])();
}

/** A version as an operation demands it. Counters of what outlives the run have no number that a schedule could know. */
export function anyVersion(random: Random, path: Text): number {
  if (LASTING_PATHS.includes(path as string)) return random.pick([-1, -2, 2_147_483_647]);
  return random.weighted([
    [50, -1],
    [15, 0],
    [10, 1],
    [6, 2],
    [3, 3],
    [1, -2],
    [1, 2_147_483_647],
    [1, -2_147_483_648],
  ]);
}

export function anyData(random: Random): Data {
  return random.weighted<() => Data>([
    [60, () => `v${random.below(1000)}`],
    [10, () => null],
    [10, () => ""],
    [10, () => ({ bytes: random.below(200) })],
    [4, () => ({ bytes: random.below(20_000) })],
    [0.15, () => ({ bytes: random.pick([65_536, 200_000, 1_000_000]) })],
    [0.1, () => ({ frameBytes: 1_048_575 })],
  ])();
}

/**
 * `isLast`: nothing stands behind the list but a number. Elsewhere a count with nothing behind it would have a server take
 * the next path for a length, and one of 3.4.6 reserves that much memory and dies of it.
 */
export function anyAcl(random: Random, isLast: boolean): AclList {
  return random.weighted<() => AclList>([
    [80, () => OPEN],
    [18, () => someEntries(random, 1, 3)],
    [1, () => []],
    [1, () => null],
    [1, () => ({ count: anyCount(random, isLast) })],
  ])();
}

/** Paths for setWatches; `isLast` as for {@link anyAcl}. */
export function anyPaths(random: Random, isLast: boolean): TextList {
  return random.weighted<() => TextList>([
    [60, () => Array.from({ length: random.below(5) }, () => anyPath(random))],
    [37, () => []],
    [1, () => null],
    [2, () => ({ count: anyCount(random, isLast) })],
  ])();
}

function anyCount(random: Random, isLast: boolean): number {
  return random.pick(isLast ? [-2, -2_147_483_648, 1, 3, 1000] : [-2, -2_147_483_648]);
}

export function anyZxid(random: Random): ZxidSpec {
  return random.weighted<() => ZxidSpec>([
    [70, () => ({ seen: 0 - random.below(30) })],
    [15, () => ({ seen: 0 })],
    [4, () => "zero"],
    [4, () => "min"],
    [4, () => "max"],
    [3, () => ({ seen: 5 })],
  ])();
}

function someEntries(random: Random, min: number, max: number): AclSpec[] {
  return Array.from({ length: random.between(min, max) }, () => {
    const [, scheme, id] = random.weighted(ENTRIES.map((entry) => [entry[0], entry] as const));
    const perms = random.weighted([
      [12, 31],
      [3, 1],
      [2, 3],
      [2, 15],
      [2, 16],
      [1, 4],
      [1, 8],
      [1, 12],
      [1, 0],
      [1, -1],
      [1, 32],
      [1, 255],
    ]);
    return { perms, scheme, id };
  });
}
