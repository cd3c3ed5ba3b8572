/** Carries the changes of one tree over to another, as watches tell of them. */
import { type Client, isZkError, OPEN_ACL_UNSAFE } from "@zk/client";
import { isEphemeral } from "../session/node-kind.js";
import { deleteExtra, type ExtraSource, findExtra } from "./extra.js";
import type { EphemeralPolicy } from "./live-tree.js";
import type { Selection } from "./selection.js";
import { comparePaths, placePath, relativePath, sameAcl, sameData } from "./tree-node.js";

/** Time in which changes are gathered, so that a burst costs one look at each znode, in milliseconds. */
const GATHER_MS = 50;

/** One change that was carried over. */
export interface Carried {
  readonly op: "create" | "set" | "acl" | "delete";
  readonly path: string;
}

/** From where to where. */
export interface Following {
  readonly from: Client;
  readonly fromRoot: string;
  readonly to: Client;
  readonly toRoot: string;
  readonly withAcl: boolean;
  readonly ephemerals: EphemeralPolicy;
  readonly selection: Selection;
  readonly depthMax: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Goes on until it is aborted. `begin` runs when the watches stand: what it brings over and what they tell overlap.
 * @throws ZkError
 */
export async function* follow<Begun>(
  work: Following,
  begin: () => AsyncIterable<Begun>,
): AsyncGenerator<Begun | Carried> {
  const stream = work.from.watch(work.fromRoot, { recursive: true, signal: work.signal });
  const changed = new Set<string>();
  let wake: () => void = () => {};
  let failure: unknown;
  const listening = (async (): Promise<void> => {
    for await (const { path } of stream) {
      changed.add(path);
      wake();
    }
  })().catch((error: unknown) => {
    failure = error;
    wake();
  });
  try {
    await stream.ready;
    yield* begin();
    for (;;) {
      work.signal.throwIfAborted();
      if (failure !== undefined) throw failure;
      if (changed.size === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (changed.size > 0 || failure !== undefined) resolve();
        });
      }
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      const paths = [...changed].sort(comparePaths);
      changed.clear();
      yield* carry(paths, work);
    }
  } finally {
    stream.close();
    await listening;
  }
}

/** Brings each path to the state that the source has now: parents first, what is gone deepest first. */
async function* carry(paths: readonly string[], work: Following): AsyncGenerator<Carried> {
  const gone: string[] = [];
  for (const path of paths) {
    const relative = relativePath(work.fromRoot, path);
    if (!isInside(relative, work)) continue;
    const target = placePath(work.toRoot, relative);
    const ops = await carryOne(path, target, work);
    if (ops === undefined) gone.push(target);
    else yield* ops.map((op) => ({ op, path: target }));
  }
  for (const path of gone.reverse()) {
    const { nodes } = await findExtra(NOTHING, work.to, path, {
      selection: below(work.selection, relativePath(work.toRoot, path)),
      depthMax: undefined,
      signal: work.signal,
    });
    const left = new Set(await deleteExtra(work.to, nodes, { signal: work.signal }));
    if (nodes.some((each) => each.path === path) && !left.has(path)) yield { op: "delete", path };
  }
}

/** What a znode that is gone has. */
const NOTHING: ExtraSource = { all: async function* () {}, denied: () => [] };

/** Whether a path is looked at: neither it nor one above it is left out, and it is not too deep. */
function isInside(path: string, { selection, depthMax }: Following): boolean {
  const names = path.split("/").filter(Boolean);
  if (depthMax !== undefined && names.length > depthMax) return false;
  return names.every((_, index) => selection.enters(`/${names.slice(0, index + 1).join("/")}`));
}

/** The same selection, for paths that begin further down. */
function below({ enters, takes, isPartial }: Selection, root: string): Selection {
  return {
    enters: (path) => enters(placePath(root, path)),
    takes: (node) => takes({ ...node, path: placePath(root, node.path) }),
    isPartial,
  };
}

/** @returns undefined when the source has it no more */
async function carryOne(path: string, target: string, work: Following): Promise<Carried["op"][] | undefined> {
  const { from, to, signal } = work;
  try {
    const [{ data, stat }, { acl }] = await Promise.all([
      from.getData(path, { signal }),
      from.getACL(path, { signal }),
    ]);
    if (isEphemeral(stat) && work.ephemerals !== "as-persistent") return [];
    const node = {
      path: relativePath(work.fromRoot, path),
      data,
      acl,
      isEphemeral: isEphemeral(stat),
      hasChildren: stat.numChildren > 0,
      nextSequence: 0,
      mtimeMs: Number(stat.mtime),
    };
    if (!work.selection.takes(node)) return [];
    const there = await Promise.all([to.getData(target, { signal }), to.getACL(target, { signal })]).catch(
      (error: unknown) => {
        if (isZkError(error, "NO_NODE")) return undefined;
        throw error;
      },
    );
    if (there === undefined) {
      await to.create(target, data, {
        acl: work.withAcl ? acl : OPEN_ACL_UNSAFE,
        createParents: true,
        signal,
      });
      return ["create"];
    }
    // What somebody's session says of itself is not overwritten.
    if (isEphemeral(there[0].stat)) return [];
    const ops: Carried["op"][] = [];
    if (!sameData(there[0].data, data)) {
      await to.setData(target, data, { signal });
      ops.push("set");
    }
    if (work.withAcl && !sameAcl(there[1].acl, acl)) {
      await to.setACL(target, acl, { signal });
      ops.push("acl");
    }
    return ops;
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return undefined;
    // Somebody made it at the same moment: the next look settles it.
    if (isZkError(error, "NODE_EXISTS")) return [];
    throw error;
  }
}
