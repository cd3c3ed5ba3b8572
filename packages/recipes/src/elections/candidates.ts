/** Who stands in the line of an election, and who leads, seen from outside: without being a candidate. */
import { isZkError } from "@zk/client";
import type { Line } from "../core/line.js";
import { childPath } from "../core/paths.js";
import { Patience, type WaitOptions } from "../core/patience.js";
import type { Contender } from "../core/sequence.js";
import { isSessionOver, sessionAgain } from "../core/sessions.js";

/** A candidate, as its znode tells. */
export interface Candidate {
  /** Who it is: the znode's data as UTF-8, empty when there is none. */
  readonly id: string;
  /** The czxid of its znode: its fencing token when it leads. */
  readonly token: bigint;
  /** Its znode. */
  readonly path: string;
  /** The session that it is a candidate in. */
  readonly sessionId: bigint;
}

/** All candidates, the leader first. */
export async function candidatesOf(line: Line, patience: Patience): Promise<readonly Candidate[]> {
  const { contenders } = await line.list(patience);
  const read = contenders.map((contender) => readCandidate(line, contender, patience));
  return (await Promise.all(read)).filter((candidate) => candidate !== undefined);
}

/** Whoever leads: the first candidate whose znode is still there when it is looked at. */
export async function leaderOf(line: Line, patience: Patience): Promise<Candidate | null> {
  for (;;) {
    const [first] = (await line.list(patience)).contenders;
    if (first === undefined) return null;
    const leader = await readCandidate(line, first, patience);
    if (leader !== undefined) return leader;
  }
}

/** Each leader in turn, and null while there is none; see `observe` of the elections. */
export async function* observeLeaders(
  line: Line,
  options: WaitOptions,
): AsyncGenerator<Candidate | null, void, undefined> {
  const about = { recipe: line.options.recipe, path: line.options.directory };
  using patience = new Patience(line.client, about, options);
  let told: Candidate | null | undefined;
  for (;;) {
    const watch = new Watch(line);
    try {
      const leader = await lookAtLeader(line, patience, watch);
      if (leader === undefined) continue;
      if (told === undefined || told?.token !== leader?.token || told?.id !== leader?.id) {
        told = leader;
        yield leader;
      }
      await patience.race(watch.changed);
    } catch (error) {
      if (!isSessionOver(error)) throw error;
      await sessionAgain(line.client, patience, about);
    } finally {
      watch.end();
    }
  }
}

/** One-shot watches of one look: the first event of any of them counts. */
class Watch {
  readonly changed: Promise<void>;
  readonly listener: () => void;
  readonly #line: Line;
  readonly #paths = new Set<string>();

  constructor(line: Line) {
    this.#line = line;
    let listener = (): void => {};
    this.changed = new Promise((resolve) => {
      listener = resolve;
    });
    this.listener = listener;
  }

  at(path: string): { readonly watch: () => void } {
    this.#paths.add(path);
    return { watch: this.listener };
  }

  end(): void {
    for (const path of this.#paths) this.#line.client.unwatch(path, this.listener);
  }
}

/** Reads who leads with a watch on it; without a leader the watch is on the directory. Undefined: to be looked at again. */
async function lookAtLeader(
  line: Line,
  patience: Patience,
  watch: Watch,
): Promise<Candidate | null | undefined> {
  const [first] = (await line.list(patience)).contenders;
  if (first !== undefined) return await readCandidate(line, first, patience, watch);
  const { client } = line;
  const { directory } = line.options;
  const { contenders, exists } = await line.listWatched(patience, watch.at(directory));
  if (contenders.length > 0) return undefined;
  if (exists) return null;
  const stat = await patience.read((call) => client.exists(directory, { ...call, ...watch.at(directory) }));
  return stat === null ? null : undefined;
}

/** Undefined when it is gone. */
async function readCandidate(
  line: Line,
  { name }: Contender,
  patience: Patience,
  watch?: Watch,
): Promise<Candidate | undefined> {
  const path = childPath(line.options.directory, name);
  try {
    const { data, stat } = await patience.read((call) =>
      line.client.getData(path, { ...call, ...watch?.at(path) }),
    );
    const id = new TextDecoder().decode(data ?? new Uint8Array(0));
    return { id, token: stat.czxid, path, sessionId: stat.ephemeralOwner };
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return undefined;
    throw error;
  }
}
