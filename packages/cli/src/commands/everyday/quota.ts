import { type Client, isZkError } from "@zk/client";
import { joinPath } from "@zk/protocol";
import { type Command, defineCommand, type OptionSpec } from "../../definition/command.js";
import { argument, flag, parseSize, parseWhole } from "../../definition/specs.js";
import { utf8OrUndefined } from "../../output/json.js";
import { visible } from "../../output/visible.js";
import { CliError, UsageError } from "../../program/errors.js";
import { ExitCode } from "../../program/exit-codes.js";
import { newReport, walk } from "../../session/walk.js";

/** Where servers keep quotas. Source: ZooKeeper 3.4.6, Quotas.java */
const ROOT = "/zookeeper/quota";
const LIMITS = "zookeeper_limits";
const STATS = "zookeeper_stats";

/** What one of the two znodes says; -1 is no limit. Source: ZooKeeper 3.4.6, StatsTrack.java */
interface Track {
  readonly count: number;
  readonly bytes: number;
  /** What newer servers keep behind that: limits that they enforce. */
  readonly rest: string;
}

/** -1 is no limit, undefined leaves what is there. */
interface Wanted {
  readonly count: number | undefined;
  readonly bytes: number | undefined;
}

interface Quota {
  readonly path: string;
  readonly nodes: number | null;
  readonly nodesMax: number | null;
  readonly bytes: number | null;
  readonly bytesMax: number | null;
  readonly isExceeded: boolean;
}

export const quota: Command = defineCommand({
  name: "quota",
  group: "everyday",
  summary: "show, set or delete the quota of a subtree",
  details: [
    "Servers count the znodes and bytes of a subtree that has a quota. Those of 3.4 refuse nothing beyond it and only write a warning into their log. A subtree within or above one that has a quota cannot have another. With a chroot the quota is still kept at the servers' root, under the full path.",
  ],
  examples: [
    { command: "zk quota /shop", does: "limits and use; exit 1 when there is none" },
    { command: "zk quota /shop --nodes 1000 --bytes 10M", does: "set it; what is not given stays as it is" },
    { command: "zk quota /shop --bytes none", does: "no limit of that kind any more" },
    { command: "zk quota /shop --delete", does: "no quota any more" },
  ],
  arguments: { path: argument("the root of the subtree", "path") },
  options: {
    nodes: limit("N|none", "znodes at most, the root counted; none for any number", "n", (given) =>
      parseWhole(given, 1),
    ),
    bytes: limit("SIZE|none", "bytes of data at most; none for any number", "b", parseSize),
    delete: flag("delete it"),
  },
  writes: ({ options }) => options.delete || options.nodes !== undefined || options.bytes !== undefined,
  oldSpellings: [
    { word: "setquota", gives: [], rewrites: softOnly },
    { word: "listquota", gives: [] },
    {
      word: "delquota",
      gives: ["--delete"],
      rewrites(words) {
        const limits: readonly string[] = softOnly(words).filter((word) => word === "-n" || word === "-b");
        const others = words.filter((word) => !limits.includes(word));
        if (limits.length === 0) return ["--delete", ...others];
        return [...limits.flatMap((each) => [each === "-n" ? "--nodes" : "--bytes", "none"]), ...others];
      },
    },
  ],
  exits: [
    [1, "there is no quota"],
    [3, "there is no such znode"],
    [4, "a subtree within it, or one that it is in, has a quota"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the root of the subtree" },
      { name: "nodes", type: "number or null", means: "znodes that it has; null without a quota" },
      { name: "nodesMax", type: "number or null", means: "the limit of that; null for none" },
      { name: "bytes", type: "number or null", means: "bytes that it has; null without a quota" },
      { name: "bytesMax", type: "number or null", means: "the limit of that; null for none" },
      { name: "isExceeded", type: "true or false", means: "whether it has more than a limit" },
    ],
    plain: ["nodes", "nodesMax", "bytes", "bytesMax"],
  },
  async run(run): Promise<Quota> {
    const { path } = run.arguments;
    const { nodes, bytes } = run.options;
    const { signal, settings } = run;
    if (run.options.delete && (nodes !== undefined || bytes !== undefined))
      throw new UsageError("--delete and a limit exclude each other");
    const full = settings.chroot === "/" ? path : settings.chroot + (path === "/" ? "" : path);
    if (full === "/") throw new UsageError("servers have no quota for /");
    // What servers keep for themselves is not below anybody's chroot.
    const client = await run.connect({ settings: { ...settings, chroot: "/" } });
    const at = ROOT + full;
    if (run.options.delete) await removeQuota(client, at, signal);
    else if (nodes !== undefined || bytes !== undefined)
      await setQuota(client, full, { count: nodes, bytes }, signal);
    const limits = await readTrack(client, joinPath(at, LIMITS), signal);
    if (limits === undefined) {
      if (!run.options.delete && nodes === undefined && bytes === undefined) run.endWith(ExitCode.FALSE);
      return { path, nodes: null, nodesMax: null, bytes: null, bytesMax: null, isExceeded: false };
    }
    const used = await readTrack(client, joinPath(at, STATS), signal);
    const exceeds = (is: number | undefined, max: number): boolean =>
      is !== undefined && max >= 0 && is > max;
    return {
      path,
      nodes: used?.count ?? null,
      nodesMax: limits.count < 0 ? null : limits.count,
      bytes: used?.bytes ?? null,
      bytesMax: limits.bytes < 0 ? null : limits.bytes,
      isExceeded: exceeds(used?.count, limits.count) || exceeds(used?.bytes, limits.bytes),
    };
  },
  human({ path, nodes, nodesMax, bytes, bytesMax, isExceeded }, screen, run) {
    if (nodes === null) return run.note(`${visible(path)} has no quota`);
    const colour = isExceeded ? "red" : "green";
    screen.line(`nodes  ${screen.paint(colour, `${nodes} of ${nodesMax ?? "any number"}`)}`);
    screen.line(`bytes  ${screen.paint(colour, `${bytes} of ${bytesMax ?? "any number"}`)}`);
    if (isExceeded) run.warn(`${visible(path)} has more than its quota`);
  },
  plain: ({ nodes, nodesMax, bytes, bytesMax }) =>
    nodes === null ? [] : [[nodes, nodesMax, bytes, bytesMax]],
});

/** @throws CliError CONFLICT; ZkError NO_NODE */
async function setQuota(client: Client, full: string, given: Wanted, signal: AbortSignal): Promise<void> {
  // Servers would count nothing for a znode that is not there.
  await client.getData(full, { signal });
  const at = ROOT + full;
  const limits = joinPath(at, LIMITS);
  const standing = await readTrack(client, limits, signal);
  const wanted = {
    count: given.count ?? standing?.count ?? -1,
    bytes: given.bytes ?? standing?.bytes ?? -1,
    rest: standing?.rest ?? "",
  };
  if (wanted.count < 0 && wanted.bytes < 0 && wanted.rest === "")
    return await removeQuota(client, at, signal);
  if (standing !== undefined) {
    await client.setData(limits, formatTrack(wanted), { signal });
    return;
  }
  const other = await quotaNear(client, full, signal);
  if (other !== undefined)
    throw new CliError(
      "CONFLICT",
      ExitCode.CONFLICT,
      `${visible(other)} has a quota; one of the two has to do`,
      {
        hint: `zk quota ${other} shows it`,
      },
    );
  await client.create(at, null, { createParents: true, signal }).catch((error: unknown) => {
    if (!isZkError(error, "NODE_EXISTS")) throw error;
  });
  await client
    .transaction()
    .create(limits, formatTrack(wanted))
    .create(joinPath(at, STATS), formatTrack({ count: 0, bytes: 0, rest: "" }))
    .commit({ signal });
}

/** A quota above or below. */
async function quotaNear(client: Client, full: string, signal: AbortSignal): Promise<string | undefined> {
  const names = full.slice(1).split("/");
  for (let depth = 1; depth < names.length; depth++) {
    const above = `/${names.slice(0, depth).join("/")}`;
    if ((await client.exists(joinPath(ROOT + above, LIMITS), { signal })) !== null) return above;
  }
  if ((await client.exists(ROOT + full, { signal })) === null) return undefined;
  for await (const { path, name } of walk(client, ROOT + full, { signal }, newReport()))
    if (name === LIMITS) return path.slice(ROOT.length, -LIMITS.length - 1);
  return undefined;
}

/** Takes away both znodes, and the parents that are there for them alone. A quota that is not there is fine. */
async function removeQuota(client: Client, at: string, signal: AbortSignal): Promise<void> {
  for (const name of [LIMITS, STATS]) await removeIfThere(client, joinPath(at, name), signal);
  for (let path = at; path !== ROOT; path = path.slice(0, path.lastIndexOf("/")))
    if (!(await removeIfThere(client, path, signal))) return;
}

/** @returns whether it is gone */
async function removeIfThere(client: Client, path: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.remove(path, { signal });
    return true;
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return true;
    if (isZkError(error, "NOT_EMPTY")) return false;
    throw error;
  }
}

async function readTrack(client: Client, path: string, signal: AbortSignal): Promise<Track | undefined> {
  try {
    const { data } = await client.getData(path, { signal });
    const text = utf8OrUndefined(data ?? new Uint8Array()) ?? "";
    const [, count, bytes, rest = ""] = /^count=(-?\d+),bytes=(-?\d+)(.*)$/s.exec(text) ?? [];
    if (count === undefined || bytes === undefined)
      throw new CliError("CORRUPTED", ExitCode.CONFLICT, `${path} is no quota: ${JSON.stringify(text)}`);
    return { count: Number(count), bytes: Number(bytes), rest };
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return undefined;
    throw error;
  }
}

function formatTrack({ count, bytes, rest }: Track): string {
  return `count=${count},bytes=${bytes}${rest}`;
}

/** A limit; -1 for none. */
function limit(
  value: string,
  summary: string,
  short: string,
  parse: (given: string) => number,
): OptionSpec<number | undefined> {
  return { summary, value, short, parse: (given) => (given === "none" ? -1 : parse(given)) };
}

/** The options of zkCli.sh for limits that are enforced, which servers have from 3.7 on, are not ours. */
function softOnly(words: readonly string[]): readonly string[] {
  const hard = words.find((word) => word === "-N" || word === "-B");
  if (hard === undefined) return words;
  throw new UsageError(
    `zk quota sets no hard limits (${hard}), which servers have from 3.7 on`,
    `zk quota PATH ${hard === "-N" ? "--nodes N" : "--bytes SIZE"} sets one that servers warn of; a hard one that is there stays`,
  );
}
