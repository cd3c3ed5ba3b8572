/** What the clients do all day: every operation there is, in bursts, with watches, limits of time, aborts and retries. */
import {
  type CallOptions,
  CREATOR_ALL_ACL,
  CreateMode,
  isZkError,
  OPEN_ACL_UNSAFE,
  type ReadOptions,
  type RetryMode,
} from "@zk/client";
import type { Watch } from "../checks/watch-book.js";
import type { Chance } from "../world/chance.js";
import type { World } from "../world/world.js";
import type { Actor, CallAbout } from "./actor.js";

const SHARED: readonly string[] = ["/s/a", "/s/b", "/s/c", "/s/d"];
const BELOW: readonly string[] = SHARED.flatMap((path) => [`${path}/x`, `${path}/y`]);
const NODES: readonly string[] = [...SHARED, ...BELOW];
/** Znodes that are there as long as anybody runs. */
export const ROOTS: readonly string[] = ["/s", "/q", "/e", "/private"];

/** How often each operation is chosen. */
export type Mix = Readonly<Record<WorkName, number>>;

/** The operations. */
export type WorkName =
  | "set"
  | "get"
  | "create"
  | "remove"
  | "exists"
  | "children"
  | "ephemeral"
  | "sequential"
  | "queue"
  | "multi"
  | "sync"
  | "acl"
  | "privately"
  | "guarded"
  | "parents"
  | "tree"
  | "unwatch"
  | "state"
  | "auth"
  | "reconnect";

/** Makes calls on behalf of one actor. */
export class Workload {
  readonly #actor: Actor;
  readonly #world: World;
  readonly #chance: Chance;
  readonly #choose: () => WorkName;
  readonly #thinkMs: number;
  readonly #burst: number;
  #isRunning = true;

  constructor(world: World, actor: Actor, chance: Chance) {
    this.#world = world;
    this.#actor = actor;
    this.#chance = chance;
    this.#thinkMs = chance.pick(world.isStorm ? [200, 800] : [20, 100, 400]) * chance.between(0.5, 1.5);
    this.#burst = world.isStorm || chance.is(0.6) ? 1 : chance.between(1, 10);
    const swarm = (): number => (chance.is(0.75) ? chance.between(0.2, 1) : 0);
    const mix: Mix = {
      set: 1 + swarm(),
      get: 1 + swarm(),
      create: 0.5 + swarm(),
      remove: 0.3 + 0.7 * swarm(),
      exists: 0.3 + swarm(),
      children: 0.3 + swarm(),
      ephemeral: swarm(),
      sequential: swarm(),
      queue: swarm(),
      multi: swarm(),
      sync: swarm(),
      acl: 0.3 * swarm(),
      privately: swarm(),
      guarded: 0.5 * swarm(),
      parents: 0.3 * swarm(),
      tree: 0.2 * swarm(),
      unwatch: 0.3 * swarm(),
      state: 0.3 * swarm(),
      auth: 0.03 * swarm(),
      reconnect: 0.02 * swarm(),
    };
    this.#choose = chance.chooser(mix);
  }

  /** Goes on until {@link stop}. */
  start(): void {
    this.#later();
  }

  stop(): void {
    this.#isRunning = false;
  }

  /** Makes what everybody works on. False when the session ended before all was there. */
  async prepare(): Promise<boolean> {
    let isWhole = true;
    for (const path of [...ROOTS, ...SHARED]) {
      await this.#call(
        { name: "create", path, isWrite: true, retry: "always", timeoutMs: 60_000 },
        (options) => this.#actor.client.create(path, null, options),
      ).catch((error: unknown) => {
        if (isZkError(error, "SESSION_EXPIRED")) isWhole = false;
      });
    }
    return isWhole;
  }

  /** One read of everything, through the leader first, so that what was missed must show. */
  async inspect(timeoutMs: number): Promise<void> {
    const { client } = this.#actor;
    const call = { timeoutMs, retry: "safe" } as const;
    await this.#call({ name: "sync", path: "/", ...call }, (options) => client.sync("/", options));
    for (const node of NODES) {
      const path = this.#actor.toUser(node);
      await this.#call({ name: "exists", path, ...call }, (options) => client.exists(path, options));
    }
    const root = this.#actor.toUser("/s");
    await this.#call({ name: "getChildren", path: root, ...call }, (options) =>
      client.getChildren(root, options),
    );
  }

  #later(): void {
    const { program } = this.#actor;
    this.#world.timeline.after(this.#chance.wait(this.#thinkMs), () =>
      program.post("user", () => {
        if (!this.#isRunning || this.#actor.isClosing) return;
        const count = this.#burst === 1 ? 1 : 1 + this.#chance.below(this.#burst);
        for (let index = 0; index < count; index += 1) WORK[this.#choose()](this);
        this.#later();
      }),
    );
  }

  // Everything below is for WORK.

  get actor(): Actor {
    return this.#actor;
  }

  get chance(): Chance {
    return this.#chance;
  }

  pick(paths: readonly string[]): string {
    return this.#actor.toUser(this.#chance.pick(paths));
  }

  data(): Uint8Array {
    const text = `${this.#actor.name}-${this.#world.nextNumber()}`;
    const bytes = new Uint8Array(text.length + (this.#chance.is(0.1) ? this.#chance.below(80) : 0));
    for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
    return bytes;
  }

  version(): number {
    return this.#chance.is(0.7) ? -1 : this.#chance.below(6);
  }

  write(
    about: { readonly name: string; readonly path: string; readonly isSingle?: boolean },
    work: (options: CallOptions) => Promise<unknown>,
  ): void {
    const isRepeatable = about.name === "transaction" && this.#chance.is(0.5);
    const retry: RetryMode | undefined = isRepeatable
      ? "always"
      : this.#chance.is(0.85)
        ? undefined
        : this.#chance.pick(["none", "safe", "always"]);
    this.#fire({ ...about, isWrite: true, ...(retry === undefined ? {} : { retry }) }, work);
  }

  read(
    about: { readonly name: string; readonly path: string; readonly kind?: "data" | "child" },
    work: (options: ReadOptions) => Promise<unknown>,
  ): void {
    const { kind, ...rest } = about;
    const watch = kind !== undefined && this.#chance.is(0.4) ? { watch: kind } : {};
    this.#fire({ ...rest, ...watch }, (options, armed) =>
      work(armed === undefined ? options : { ...options, watch: armed.listener }),
    );
  }

  #fire(about: CallAbout, work: (options: CallOptions, watch: Watch | undefined) => Promise<unknown>): void {
    const timeoutMs = this.#chance.is(0.15) ? this.#chance.between(1, 2000) : undefined;
    const controller = this.#chance.is(0.08) ? new AbortController() : undefined;
    this.#call(
      {
        ...about,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(controller === undefined ? {} : { signal: controller.signal }),
      },
      work,
    ).catch(() => {});
    if (controller === undefined) return;
    if (this.#chance.is(0.05)) return controller.abort();
    this.#world.timeline.after(this.#chance.wait(50), () =>
      this.#actor.program.post("user", () => controller.abort()),
    );
  }

  #call<T>(
    about: CallAbout,
    work: (options: CallOptions, watch: Watch | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#actor.call(about, work);
  }

  get world(): World {
    return this.#world;
  }
}

const EPHEMERAL = { mode: CreateMode.EPHEMERAL };

/** Every operation by name. */
const WORK: Readonly<Record<WorkName, (work: Workload) => void>> = {
  set(work: Workload): void {
    const path = work.pick(NODES);
    const data = work.data();
    const version = work.version();
    work.write({ name: "setData", path }, (options) =>
      work.actor.client.setData(path, data, { ...options, version }),
    );
  },
  get(work: Workload): void {
    const path = work.pick(NODES);
    work.read({ name: "getData", path, kind: "data" }, (options) => work.actor.client.getData(path, options));
  },
  create(work: Workload): void {
    const path = work.pick(BELOW);
    const data = work.data();
    work.write({ name: "create", path }, (options) => work.actor.client.create(path, data, options));
  },
  remove(work: Workload): void {
    const path = work.pick(BELOW);
    const version = work.version();
    work.write({ name: "remove", path }, (options) =>
      work.actor.client.remove(path, { ...options, version }),
    );
  },
  exists(work: Workload): void {
    const path = work.pick(NODES);
    work.read({ name: "exists", path, kind: "data" }, (options) => work.actor.client.exists(path, options));
  },
  children(work: Workload): void {
    const path = work.pick(["/s", ...SHARED, ...BELOW, "/e"]);
    const { client } = work.actor;
    const withStat = work.chance.is(0.5);
    work.read({ name: "getChildren", path, kind: "child" }, (options) =>
      withStat ? client.getChildrenWithStat(path, options) : client.getChildren(path, options),
    );
  },
  ephemeral(work: Workload): void {
    const path = `/e/${work.actor.name}-${work.chance.below(2)}`;
    const data = work.data();
    if (work.chance.is(0.6)) {
      return work.write({ name: "create", path }, (options) =>
        work.actor.client.create(path, data, { ...options, ...EPHEMERAL }),
      );
    }
    work.write({ name: "remove", path }, (options) => work.actor.client.remove(path, options));
  },
  sequential(work: Workload): void {
    const mode = work.chance.is(0.5) ? CreateMode.PERSISTENT_SEQUENTIAL : CreateMode.EPHEMERAL_SEQUENTIAL;
    work.write({ name: "create", path: "/q/n-" }, (options) =>
      work.actor.client.create("/q/n-", work.data(), { ...options, mode }),
    );
  },
  queue(work: Workload): void {
    const names = work.world.ledger.now("/q")?.children ?? [];
    const name = names[0];
    if (name === undefined) return;
    const path = `/q/${name}`;
    work.write({ name: "remove", path }, (options) => work.actor.client.remove(path, options));
  },
  multi(work: Workload): void {
    const transaction = work.actor.client.transaction();
    const first = work.pick(SHARED);
    let path = first;
    for (let left = 1 + work.chance.below(3); left > 0; left -= 1) {
      switch (work.chance.pick(["check", "set", "set", "create", "remove"] as const)) {
        case "check":
          transaction.check(path, { version: work.version() });
          break;
        case "set":
          transaction.setData(path, work.data(), { version: work.version() });
          break;
        case "create":
          transaction.create(path, work.data());
          break;
        default:
          transaction.remove(path);
      }
      path = work.pick(BELOW);
    }
    // The history names a transaction after the znode of its first operation.
    work.write({ name: "transaction", path: first }, (options) => transaction.commit(options));
  },
  sync(work: Workload): void {
    work.read({ name: "sync", path: "/s" }, (options) => work.actor.client.sync("/s", options));
  },
  acl(work: Workload): void {
    const path = work.pick(SHARED);
    const { client } = work.actor;
    if (work.chance.is(0.5)) {
      return work.read({ name: "getACL", path }, (options) => client.getACL(path, options));
    }
    work.write({ name: "setACL", path }, (options) => client.setACL(path, OPEN_ACL_UNSAFE, options));
  },
  /** A znode that only this client may touch: it must never be taken for a stranger. */
  privately(work: Workload): void {
    const { client, name, credentials } = work.actor;
    if (credentials === 0) return;
    const path = `/private/${name}`;
    const data = work.data();
    switch (work.chance.pick(["create", "set", "get"] as const)) {
      case "create":
        return work.write({ name: "create", path }, (options) =>
          client.create(path, data, { ...options, acl: CREATOR_ALL_ACL }),
        );
      case "set":
        return work.write({ name: "setData", path }, (options) => client.setData(path, data, options));
      default:
        return work.read({ name: "getData", path, kind: "data" }, (options) => client.getData(path, options));
    }
  },
  /** A create that must leave one znode or none, whatever is lost. */
  guarded(work: Workload): void {
    const mode = work.chance.pick([
      CreateMode.EPHEMERAL,
      CreateMode.PERSISTENT,
      CreateMode.EPHEMERAL_SEQUENTIAL,
      CreateMode.PERSISTENT_SEQUENTIAL,
    ]);
    work.write({ name: "create", path: "/q/g", isSingle: false }, (options) =>
      work.actor.client.create("/q/g", work.data(), { ...options, mode, protected: true }),
    );
  },
  parents(work: Workload): void {
    const path = `/r/${work.actor.name}/${work.chance.below(3)}/z`;
    work.write({ name: "create", path, isSingle: false }, (options) =>
      work.actor.client.create(path, work.data(), { ...options, createParents: true }),
    );
  },
  tree(work: Workload): void {
    const path = `/r/${work.actor.name}`;
    work.write({ name: "removeRecursive", path, isSingle: false }, (options) =>
      work.actor.client.removeRecursive(path, options),
    );
  },
  unwatch(work: Workload): void {
    const standing = [...work.world.watches.armedBy(work.actor.name)];
    if (standing.length > 0) work.actor.unwatch(work.chance.pick(standing));
  },
  state(work: Workload): void {
    work.actor.askState();
  },
  auth(work: Workload): void {
    const { actor } = work;
    if (actor.state !== "connected") return;
    actor.addAuth(`extra:${work.chance.below(3)}`);
  },
  /** A second connect() while one stands changes nothing. */
  reconnect(work: Workload): void {
    void work.actor.connect(20_000);
  },
};
