/** What a directory is used as. Contenders of one layout do not see those of another, so a directory is one or the other. */
import { type Client, isZkError } from "@zk/client";
import type { Dialect } from "@zk/recipes";
import { CliError } from "../program/errors.js";
import { ExitCode } from "../program/exit-codes.js";

/** Whose names are written; those that the recipes know. */
export const DIALECTS: readonly Dialect[] = ["curator", "kazoo"];

/** A layout: its names, what it is called, and what takes part in it. */
interface Layout {
  readonly is: RegExp;
  readonly called: string;
  readonly joinedBy: string;
}

export type LayoutName =
  | "curator lock"
  | "kazoo lock"
  | "curator read-write lock"
  | "kazoo read-write lock"
  | "latch"
  | "semaphore";

const LAYOUTS: Readonly<Record<LayoutName, Layout>> = {
  "curator lock": {
    is: /(^|-)lock-\d{10}$/,
    called: "a mutex, or an election of LeaderSelector",
    joinedBy: "zk lock --mutex, or zk elect",
  },
  "kazoo lock": {
    is: /^[0-9a-f]{32}__lock__\d{10}$/,
    called: "a lock or an election of kazoo",
    joinedBy: "zk lock --dialect kazoo, or zk elect --dialect kazoo",
  },
  "curator read-write lock": {
    is: /__(READ|WRIT)__\d{10}$/,
    called: "a read-write lock",
    joinedBy: "zk lock without --mutex",
  },
  "kazoo read-write lock": {
    is: /^[0-9a-f]{32}__rlock__\d{10}$/,
    called: "a read-write lock of kazoo",
    joinedBy: "zk lock --dialect kazoo",
  },
  latch: {
    is: /(^|-)latch-\d{10}$/,
    called: "an election of LeaderLatch",
    joinedBy: "zk elect --latch",
  },
  semaphore: {
    is: /^(leases|locks)$/,
    called: "a semaphore",
    joinedBy: "zk lock --limit N",
  },
};

/** @throws CliError OTHER_KIND when the directory is used as something that would not see us, nor we it */
export async function refuseOtherLayouts(
  client: Client,
  path: string,
  own: readonly LayoutName[],
  signal: AbortSignal,
): Promise<void> {
  const names = await client.getChildren(path, { signal }).catch((error: unknown) => {
    if (isZkError(error, "NO_NODE")) return [];
    throw error;
  });
  for (const [name, { is, called, joinedBy }] of Object.entries(LAYOUTS)) {
    if ((own as readonly string[]).includes(name)) continue;
    const other = names.find((each) => is.test(each));
    if (other === undefined) continue;
    throw new CliError("OTHER_KIND", ExitCode.CONFLICT, `${path} is used as ${called} (${other})`, {
      hint: `${joinedBy} takes part in it`,
    });
  }
}
