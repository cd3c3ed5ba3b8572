/**
 * Brings a tree to servers: parents first, in transactions below the packet limit, ACLs of parents behind their children.
 *
 * What it does depends on what is there, never on what it believes to have done: after a lost answer, a crash or somebody
 * else's change a batch is compared and tried again, and nothing is created twice.
 */
import { type Acl, type Client, CREATOR_ALL_ACL, isZkError, OPEN_ACL_UNSAFE } from "@zk/client";
import { parentPath } from "@zk/protocol";
import { CliError } from "../program/errors.js";
import { inParallel } from "../session/in-parallel.js";
import { isEphemeral } from "../session/node-kind.js";
import type { Journal } from "./journal.js";
import type { EphemeralPolicy } from "./live-tree.js";
import type { Operation } from "./plan.js";
import { isBelow } from "./selection.js";
import { type Lagging, readSequence } from "./sequences.js";
import { comparePaths, placePath, sameAcl, sameData, type TreeNode, type TreeSource } from "./tree-node.js";

export const CONFLICT_POLICIES = ["fail", "skip", "overwrite"] as const;
export type ConflictPolicy = (typeof CONFLICT_POLICIES)[number];

/** Data in one transaction. Half of what a server takes: paths and ACLs come on top. */
const BATCH_BYTES = 512 * 1024;
const BATCH_NODES = 200;
/** Reads and ACLs under way. */
const CONCURRENCY = 32;
/** Times that a batch is tried when others change the same znodes, or answers are lost. */
const TRIES_MAX = 10;

/** How a tree is brought. */
export interface ImportOptions {
  readonly onConflict: ConflictPolicy;
  readonly withAcl: boolean;
  readonly ephemerals: EphemeralPolicy;
  /** Whether the session has credentials: parents are then its own until they get their ACL. */
  readonly hasCredentials: boolean;
  readonly dryRun: boolean;
  readonly journal?: Journal | undefined;
  readonly signal: AbortSignal;
  readonly onNodes: (count: number) => void;
  /** Hears of each change; with `dryRun` of each that would be made. */
  readonly onChange?: (change: ImportChange) => void;
}

/** One change, or a znode that is left as it is. */
export type ImportChange = Operation | { readonly op: "skip"; readonly path: string };

/** What was done, or would be. */
export interface ImportReport {
  nodes: number;
  created: number;
  updated: number;
  same: number;
  skipped: number;
  acls: number;
  ephemeralsSkipped: number;
  /** Paths left as they were; `onConflict` is `skip`. */
  readonly skippedPaths: Set<string>;
  /** Znodes whose counter of sequential children stands behind the source's. */
  readonly lagging: Lagging[];
}

/** An import in its two parts; between them counters can be advanced, for which parents must still be open. */
export interface ImportWork {
  /** @throws CliError CONFLICT, EPHEMERAL_FOUND; ZkError */
  run(source: TreeSource): Promise<ImportReport>;
  /** Sets the ACLs of parents. @throws ZkError */
  setAcls(): Promise<void>;
}

/** An import into `root`. */
export function createImport(client: Client, root: string, options: ImportOptions): ImportWork {
  return new Importer(client, root, options);
}

interface Planned {
  readonly node: TreeNode;
  readonly path: string;
  /** Undefined when it has to be created. */
  readonly there: There | undefined;
}

interface There {
  readonly data: Uint8Array | null;
  readonly version: number;
  /** Undefined where nobody asks for it. */
  readonly acl: readonly Acl[] | undefined;
  readonly aversion: number;
  readonly isEphemeral: boolean;
}

class Importer implements ImportWork {
  readonly #client: Client;
  readonly #root: string;
  readonly #options: ImportOptions;
  readonly #report: ImportReport = {
    nodes: 0,
    created: 0,
    updated: 0,
    same: 0,
    skipped: 0,
    acls: 0,
    ephemeralsSkipped: 0,
    skippedPaths: new Set(),
    lagging: [],
  };
  /** ACLs that are set behind everything else, parents before their children. */
  readonly #acls: { readonly path: string; readonly acl: readonly Acl[] }[] = [];
  /** Parents with a counter, and the children that they get. */
  readonly #counters = new Map<string, { readonly next: number; children: number }>();
  /** Parents that this run has created: nobody else has put children there yet. */
  #fresh: string[] = [];
  #batch: TreeNode[] = [];
  #batchBytes = 0;

  constructor(client: Client, root: string, options: ImportOptions) {
    this.#client = client;
    this.#root = root;
    this.#options = options;
  }

  async run(source: TreeSource): Promise<ImportReport> {
    if (this.#root !== "/") await this.#makeParents();
    for await (const node of source) {
      this.#options.signal.throwIfAborted();
      if (node.isEphemeral && !this.#takesEphemeral(node)) continue;
      this.#count(node);
      const { donePath } = this.#options.journal ?? {};
      if (donePath !== undefined && comparePaths(node.path, donePath) <= 0) {
        this.#passOver(node);
        continue;
      }
      const bytes = (node.data?.length ?? 0) + node.path.length + 64;
      if (
        this.#batch.length > 0 &&
        (this.#batch.length >= BATCH_NODES || this.#batchBytes + bytes > BATCH_BYTES)
      )
        await this.#flush();
      this.#batch.push(node);
      this.#batchBytes += bytes;
    }
    if (this.#batch.length > 0) await this.#flush();
    await this.#findLagging();
    return this.#report;
  }

  /** The ACLs that wait. Behind the counters, which need the right to create. */
  async setAcls(): Promise<void> {
    const { signal } = this.#options;
    const set = async ({
      path,
      acl,
    }: {
      readonly path: string;
      readonly acl: readonly Acl[];
    }): Promise<void> => {
      for (let tries = 1; ; tries++) {
        try {
          await this.#client.setACL(path, acl, { signal });
          return;
        } catch (error) {
          if (!isZkError(error, "CONNECTION_LOSS") || tries >= TRIES_MAX) throw error;
        }
      }
    };
    for await (const _done of inParallel([...this.#acls].reverse(), CONCURRENCY, set)) this.#report.acls++;
  }

  #takesEphemeral(node: TreeNode): boolean {
    if (this.#options.ephemerals === "as-persistent") return true;
    if (this.#options.ephemerals === "fail") {
      throw new CliError("EPHEMERAL_FOUND", 4, `${node.path} is ephemeral`, {
        hint: "--ephemerals skip leaves them out, as-persistent keeps them",
      });
    }
    this.#report.ephemeralsSkipped++;
    return false;
  }

  #count(node: TreeNode): void {
    this.#report.nodes++;
    if (node.path !== "/") {
      const parent = this.#counters.get(parentPath(node.path));
      if (parent !== undefined) parent.children++;
    }
    if (node.nextSequence > 0) this.#counters.set(node.path, { next: node.nextSequence, children: 0 });
  }

  /** A znode that an earlier run has applied; its ACL may still be missing. */
  #passOver(node: TreeNode): void {
    this.#report.same++;
    if (this.#options.withAcl && node.hasChildren)
      this.#acls.push({ path: placePath(this.#root, node.path), acl: node.acl });
    this.#options.onNodes(1);
  }

  async #makeParents(): Promise<void> {
    const { signal, dryRun } = this.#options;
    const missing: string[] = [];
    for (let at = parentPath(this.#root); at !== "/"; at = parentPath(at)) {
      if ((await this.#client.exists(at, { signal })) !== null) break;
      missing.unshift(at);
    }
    const deepest = missing.at(-1);
    if (deepest === undefined) return;
    try {
      if (!dryRun) await this.#client.create(deepest, null, { createParents: true, signal });
    } catch (error) {
      if (!isZkError(error, "NODE_EXISTS")) throw error;
    }
    for (const path of missing)
      this.#options.onChange?.({ op: "create", path, data: null, acl: OPEN_ACL_UNSAFE });
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    for (let tries = 1; ; tries++) {
      // What cannot be there is not asked for; after a failed try everything is.
      const planned = await this.#plan(batch, tries === 1);
      if (this.#options.dryRun) {
        this.#apply(planned);
        break;
      }
      const transaction = this.#client.transaction();
      for (const each of planned) this.#addTo(transaction, each);
      try {
        if (transaction.size > 0) await transaction.commit({ signal: this.#options.signal });
        this.#apply(planned);
        break;
      } catch (error) {
        const isOurs =
          isZkError(error) &&
          ["NODE_EXISTS", "NO_NODE", "BAD_VERSION", "CONNECTION_LOSS", "OPERATION_TIMEOUT"].includes(
            error.code,
          );
        if (!isOurs || tries >= TRIES_MAX) throw error;
        this.#fresh = [];
      }
    }
    const last = batch.at(-1);
    if (last !== undefined) this.#options.journal?.record(last.path, this.#report.nodes);
    this.#options.onNodes(batch.length);
  }

  async #plan(batch: readonly TreeNode[], mayTrustFresh: boolean): Promise<Planned[]> {
    const planned: Planned[] = [];
    const inBatch = new Set<string>();
    const look = async (node: TreeNode): Promise<Planned> => {
      const path = placePath(this.#root, node.path);
      return { node, path, there: await this.#look(path) };
    };
    const asked: Promise<Planned>[] = [];
    for (const node of batch) {
      const parent = parentPath(node.path);
      const isNew = mayTrustFresh && node.path !== "/" && (inBatch.has(parent) || this.#isFresh(parent));
      if (isNew) {
        inBatch.add(node.path);
        asked.push(Promise.resolve({ node, path: placePath(this.#root, node.path), there: undefined }));
      } else {
        asked.push(look(node));
      }
    }
    for (const each of await Promise.all(asked)) planned.push(each);
    for (const each of planned) this.#checkConflict(each);
    return planned;
  }

  #isFresh(path: string): boolean {
    // Those that the walk has left behind are no parents any more.
    for (let last = this.#fresh.at(-1); last !== undefined; last = this.#fresh.at(-1)) {
      if (last === path) return true;
      if (isBelow(path, last)) return false;
      this.#fresh.pop();
    }
    return false;
  }

  async #look(path: string): Promise<There | undefined> {
    const { signal, withAcl, onConflict } = this.#options;
    try {
      const [{ data, stat }, listed] = await Promise.all([
        this.#client.getData(path, { signal }),
        withAcl && onConflict === "overwrite" ? this.#client.getACL(path, { signal }) : undefined,
      ]);
      const { aversion } = listed?.stat ?? stat;
      return { data, version: stat.version, acl: listed?.acl, aversion, isEphemeral: isEphemeral(stat) };
    } catch (error) {
      if (isZkError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  #checkConflict({ node, path, there }: Planned): void {
    if (there === undefined || sameData(there.data, node.data) || this.#options.onConflict !== "fail") return;
    if (there.isEphemeral) {
      throw new CliError("CONFLICT", 4, `${path} is there as the ephemeral of somebody's session`, {
        hint: "--on-conflict skip leaves it; so does overwrite",
        details: { path },
      });
    }
    // The root of what is moved is often there already, to be filled.
    if (node.path === "/" && (there.data === null || there.data.length === 0)) return;
    throw new CliError("CONFLICT", 4, `${path} is there with other data`, {
      hint: "--on-conflict skip leaves it, overwrite replaces it",
      details: { path },
    });
  }

  #change({ node, there }: Planned): "create" | "set" | "skip" | "same" {
    if (there === undefined) return "create";
    if (sameData(there.data, node.data)) return "same";
    // What somebody's session says of itself is not overwritten.
    return this.#options.onConflict === "skip" || there.isEphemeral ? "skip" : "set";
  }

  #addTo(transaction: ReturnType<Client["transaction"]>, planned: Planned): void {
    const { node, path, there } = planned;
    const change = this.#change(planned);
    if (change === "create") transaction.create(path, node.data, { acl: this.#firstAcl(node) });
    else if (change === "set") transaction.setData(path, node.data, { version: there?.version ?? -1 });
  }

  /** A leaf has its ACL from the start. A parent has one under which its children can be made. */
  #firstAcl(node: TreeNode): readonly Acl[] {
    if (!this.#options.withAcl) return OPEN_ACL_UNSAFE;
    if (!node.hasChildren) return node.acl;
    return this.#options.hasCredentials ? CREATOR_ALL_ACL : OPEN_ACL_UNSAFE;
  }

  #apply(planned: readonly Planned[]): void {
    const report = this.#report;
    for (const each of planned) {
      const { node, path, there } = each;
      const change = this.#change(each);
      if (change === "create") {
        report.created++;
        if (node.hasChildren) this.#fresh.push(node.path);
      } else if (change === "set") report.updated++;
      else if (change === "skip") {
        report.skipped++;
        report.skippedPaths.add(node.path);
      } else report.same++;
      const { data } = node;
      const acl = this.#options.withAcl ? node.acl : OPEN_ACL_UNSAFE;
      if (change === "create") this.#options.onChange?.({ op: change, path, data, acl });
      else if (change === "set")
        this.#options.onChange?.({ op: change, path, data, version: there?.version ?? -1 });
      else if (change === "skip") this.#options.onChange?.({ op: change, path });
      if (this.#wantsAcl(change, node, there)) {
        this.#acls.push({ path, acl });
        if (change !== "create")
          this.#options.onChange?.({ op: "acl", path, acl, aversion: there?.aversion ?? -1 });
      }
    }
  }

  #wantsAcl(change: "create" | "set" | "skip" | "same", node: TreeNode, there: There | undefined): boolean {
    if (!this.#options.withAcl || there?.isEphemeral === true) return false;
    if (change === "create") return node.hasChildren && !sameAcl(this.#firstAcl(node), node.acl);
    // After a crash a parent of ours may be there with its first ACL: what is the same gets its ACL too.
    return this.#options.journal?.donePath !== undefined && node.hasChildren
      ? true
      : this.#options.onConflict === "overwrite" && there?.acl !== undefined && !sameAcl(there.acl, node.acl);
  }

  async #findLagging(): Promise<void> {
    if (this.#options.dryRun) return;
    const suspects = [...this.#counters].filter(([, { next, children }]) => next > children);
    const look = async ([path, { next }]: (typeof suspects)[number]): Promise<Lagging | undefined> => {
      const place = placePath(this.#root, path);
      const from = await readSequence(this.#client, place, this.#options.signal);
      return from === undefined || from >= next ? undefined : { path: place, from, to: next };
    };
    for await (const found of inParallel(suspects, CONCURRENCY, look))
      if (found !== undefined) this.#report.lagging.push(found);
  }
}
