/**
 * The recipes that suites drive, in the words of no library: for each its options, and what can be done with an object of it.
 * A library that has a recipe has all of its methods, unless the method says otherwise; one that cannot do what an option or a
 * method asks for refuses with `UNSUPPORTED`. Layouts and dialects are those of the library, or of the option that names one.
 */
import type { HammerCount, HammerPlan } from "./hammer.js";

/** A limit for a wait, in milliseconds; without it the wait has none of its own. */
export interface Limit {
  readonly timeoutMs?: number;
}

/** Who a contender says it is: what it writes into its znode. */
export interface Identity {
  readonly identity?: string;
}

/** An object of any recipe. */
export interface Handle extends AsyncDisposable {
  /** Ends it as the library does: gives back what it holds, takes away its znodes. */
  close(): Promise<void>;
}

/** A lock that one has at a time. */
export interface Lock extends Handle {
  /** @returns false when the time was up */
  acquire(limit?: Limit): Promise<boolean>;
  release(): Promise<void>;
  /** What the library believes. */
  isHeld(): Promise<boolean>;
  /** Ends a wait in `acquire`, which then rejects. */
  cancel(): Promise<void>;
}

/** How a mutex goes along with those of other libraries. */
export interface MutexOptions extends Identity {
  /** The names that it writes (its library's own). */
  readonly dialect?: "curator" | "kazoo";
  /** Which children it takes for contenders (`own`, those that its library's names fit). */
  readonly contenders?: "own" | "any";
  /** Whether it goes with the session (true). */
  readonly ephemeral?: boolean;
  /** Whether it listens to requests to give it up (false). */
  readonly revocable?: boolean;
}

/** A mutex. */
export interface Mutex extends Lock {
  /** Path of its own znode, null when it has none. */
  node(): Promise<string | null>;
  /** Those who wait, the holder first: identities in kazoo, paths in Curator. */
  contenders(): Promise<readonly string[]>;
  /** Takes it again and again and writes into a log: see {@link HammerPlan}. */
  hammer(plan: HammerPlan): Promise<HammerCount>;
  /** Requests to give it up that have arrived. */
  revocations(): Promise<number>;
  /** Asks the holder with this znode to give it up. */
  revoke(of: { readonly node: string }): Promise<void>;
}

/** One of the two sides of a read-write lock. */
export interface Side {
  readonly side: "read" | "write";
}

/** Both sides of a read-write lock, for one holder. */
export interface ReadWriteLock extends Handle {
  acquire(side: Side & Limit): Promise<boolean>;
  release(side: Side): Promise<void>;
  isHeld(side: Side): Promise<boolean>;
  node(side: Side): Promise<string | null>;
  cancel(): Promise<void>;
}

/** Permits of a semaphore. */
export interface Semaphore extends Handle {
  /** @returns false when the time was up */
  acquire(of?: Limit & { readonly permits?: number }): Promise<boolean>;
  release(of?: { readonly permits?: number }): Promise<void>;
  /** Permits that this object has. */
  held(): Promise<number>;
  /** All who have a permit: identities in kazoo, paths in Curator. */
  holders(): Promise<readonly string[]>;
  cancel(): Promise<void>;
}

/** One who runs for leadership. */
export interface Candidate {
  readonly identity: string;
  readonly isLeader: boolean;
}

/** Leadership until it is lost or closed. */
export interface Latch extends Handle {
  /** @returns false when the time was up */
  awaitLeadership(limit?: Limit): Promise<boolean>;
  isLeader(): Promise<boolean>;
  contenders(): Promise<readonly Candidate[]>;
  node(): Promise<string | null>;
}

/** Leadership in terms, each of which is ended by resigning. */
export interface Election extends Handle {
  awaitLeadership(limit?: Limit): Promise<boolean>;
  isLeader(): Promise<boolean>;
  /** Terms that have begun. */
  terms(): Promise<number>;
  /** Ends the term, and waits until it is over. */
  resign(): Promise<void>;
  contenders(): Promise<readonly Candidate[]>;
}

/** A gate. */
export interface Barrier extends Handle {
  set(): Promise<void>;
  remove(): Promise<void>;
  /** @returns false when the time was up */
  wait(limit?: Limit): Promise<boolean>;
}

/** Members that begin together and end together. kazoo takes no limits here. */
export interface DoubleBarrier extends Handle {
  enter(limit?: Limit): Promise<boolean>;
  leave(limit?: Limit): Promise<boolean>;
}

/** A number of 32 bits that all see. */
export interface SharedCount extends Handle {
  get(): Promise<number>;
  set(to: { readonly value: number }): Promise<void>;
  /** @returns false when somebody else was first */
  trySet(to: { readonly value: number }): Promise<boolean>;
  /** @returns the number after it */
  add(what: { readonly by: number }): Promise<number>;
}

/** Bytes that all see. */
export interface SharedValue extends Handle {
  get(): Promise<Uint8Array>;
  set(to: { readonly value: Uint8Array }): Promise<void>;
  trySet(to: { readonly value: Uint8Array }): Promise<boolean>;
}

/** What came of an operation on an atomic number. */
export interface AtomicResult {
  readonly succeeded: boolean;
  readonly before: bigint | null;
  readonly after: bigint | null;
  /** Whether it had to take the lock. */
  readonly promoted: boolean;
}

/** A number that is added to. */
export interface AtomicNumber extends Handle {
  get(): Promise<AtomicResult>;
  add(what: { readonly by: bigint }): Promise<AtomicResult>;
  compareAndSet(what: { readonly expected: bigint; readonly value: bigint }): Promise<AtomicResult>;
  initialize(to: { readonly value: bigint }): Promise<boolean>;
  set(to: { readonly value: bigint }): Promise<void>;
}

/** kazoo's counter. */
export interface Counter extends Handle {
  get(): Promise<number>;
  /** @returns the number after it */
  add(what: { readonly by: number }): Promise<number>;
}

/** Items put by one and taken by another. */
export interface Queue extends Handle {
  put(what: PutItems): Promise<void>;
  /** @returns null when the time was up */
  take(limit?: Limit): Promise<Uint8Array | null>;
}

/** Items, and what some kinds of queue want to know of them. */
export interface PutItems {
  readonly items: readonly Uint8Array[];
  readonly itemId?: string;
  readonly priority?: number;
  readonly dueMs?: bigint;
}

/** A queue whose taker says when an item is done with. */
export interface AcknowledgedQueue extends Queue {
  /** Says that the item taken last is done with (`ok`, true), or gives it back. @returns what the library says */
  acknowledge(how?: { readonly ok?: boolean }): Promise<boolean>;
}

/** Curator's queues. */
export interface CuratorQueue extends AcknowledgedQueue {
  /** With `kind: "id"`: takes items away. @returns how many */
  removeById(of: { readonly itemId: string }): Promise<number>;
}

/** One kind of Curator's queues. */
export interface CuratorQueueOptions {
  readonly kind?: "fifo" | "id" | "priority" | "delay";
  /** Where an item is locked while it is worked on. */
  readonly lockPath?: string;
  /** Whether it takes items as well (true), or only puts them. */
  readonly consume?: boolean;
  /** Whether items wait for `acknowledge` (false). */
  readonly manual?: boolean;
  /** What becomes of an item that was given back, with a lock path (`requeue`). */
  readonly onFailure?: "requeue" | "delete";
}

/** A member of a group that has a name and a payload. */
export interface GroupMember extends Handle {
  members(): Promise<Readonly<Record<string, Uint8Array>>>;
  setPayload(to: { readonly payload: Uint8Array }): Promise<void>;
}

/** A member of a party. */
export interface Party extends Handle {
  join(): Promise<void>;
  leave(): Promise<void>;
  isMember(): Promise<boolean>;
  members(): Promise<readonly string[]>;
}

/** A znode that is made again whenever it is gone. */
export interface PersistentNode extends Handle {
  /** @returns false when the time was up */
  awaitCreated(limit?: Limit): Promise<boolean>;
  /** Path of the znode, null before there is one. */
  node(): Promise<string | null>;
  setData(to: { readonly data: Uint8Array }): Promise<void>;
}

/** How such a znode is called: as it is, with a UUID before it, or with that and a number behind it (`plain`). */
export interface PersistentNodeOptions {
  readonly data: Uint8Array;
  readonly naming?: "plain" | "protected" | "sequential";
}

/** An instance of a service. */
export interface ServiceInstance {
  readonly name: string;
  readonly id?: string;
  readonly address?: string | null;
  readonly port?: number | null;
  readonly sslPort?: number | null;
  readonly payload?: unknown;
  readonly registrationTimeUTC?: bigint;
  readonly serviceType?: "DYNAMIC" | "STATIC" | "PERMANENT" | "DYNAMIC_SEQUENTIAL";
  /** A template such as `{scheme}://{address}:{port}`. */
  readonly uriSpec?: string | null;
  /** What the library makes of the template; only told. */
  readonly uri?: string | null;
  readonly enabled?: boolean;
}

/** What a payload is read as (`any`). */
export interface PayloadOptions {
  readonly payload?: "any" | "map" | "string" | "none";
  /** Curator's compatible form, without `enabled` (Curator's default). */
  readonly compatible?: boolean;
}

/** Instances that are told and asked for. */
export interface Discovery extends Handle {
  register(instance: ServiceInstance): Promise<void>;
  update(instance: ServiceInstance): Promise<void>;
  unregister(instance: ServiceInstance): Promise<void>;
  names(): Promise<readonly string[]>;
  instances(of: { readonly name: string }): Promise<readonly ServiceInstance[]>;
}

/** One instance at a time, by a strategy. */
export interface ServiceProvider extends Handle {
  instance(): Promise<ServiceInstance | null>;
  instances(): Promise<readonly ServiceInstance[]>;
}

/** Items shared out among workers. */
export interface Partitioner extends Handle {
  /** @returns whether there is a share, when it is there or the time is up */
  awaitItems(limit: Limit): Promise<boolean>;
  items(): Promise<readonly string[]>;
  state(): Promise<string>;
  release(): Promise<void>;
}

/** A lease by clock. */
export interface ClockLease extends Handle {
  obtain(): Promise<boolean>;
}

interface Recipe<Options, Object extends Handle> {
  readonly options: Options;
  readonly handle: Object;
}

/** All recipes. */
export interface Recipes {
  mutex: Recipe<MutexOptions, Mutex>;
  semaphoreMutex: Recipe<object, Lock>;
  multiLock: Recipe<{ readonly names: readonly string[] }, Lock>;
  readWriteLock: Recipe<Identity, ReadWriteLock>;
  semaphore: Recipe<Identity & { readonly max: number }, Semaphore>;
  latch: Recipe<Identity, Latch>;
  election: Recipe<Pick<MutexOptions, "identity" | "dialect"> & { readonly requeue?: boolean }, Election>;
  barrier: Recipe<object, Barrier>;
  doubleBarrier: Recipe<Identity & { readonly members: number }, DoubleBarrier>;
  sharedCount: Recipe<{ readonly seed?: number }, SharedCount>;
  sharedValue: Recipe<{ readonly seed: Uint8Array }, SharedValue>;
  atomicLong: Recipe<{ readonly promoteAt?: string }, AtomicNumber>;
  atomicInteger: Recipe<{ readonly promoteAt?: string }, AtomicNumber>;
  counter: Recipe<{ readonly encoding?: "text" | "int32"; readonly seed?: number }, Counter>;
  curatorQueue: Recipe<CuratorQueueOptions, CuratorQueue>;
  simpleQueue: Recipe<object, Queue & { peek(): Promise<Uint8Array | null> }>;
  kazooQueue: Recipe<object, Queue & { size(): Promise<number> }>;
  kazooLockingQueue: Recipe<
    object,
    AcknowledgedQueue & { size(): Promise<number>; holdsClaim(): Promise<boolean> }
  >;
  groupMember: Recipe<{ readonly identity: string; readonly payload?: Uint8Array }, GroupMember>;
  party: Recipe<Identity, Party>;
  shallowParty: Recipe<Identity, Party>;
  persistentNode: Recipe<PersistentNodeOptions, PersistentNode>;
  discovery: Recipe<PayloadOptions, Discovery>;
  serviceProvider: Recipe<
    PayloadOptions & { readonly name: string; readonly strategy?: "roundRobin" | "random" | "sticky" },
    ServiceProvider
  >;
  partitioner: Recipe<
    Identity & { readonly items: readonly string[]; readonly quietMs?: number },
    Partitioner
  >;
  lease: Recipe<Identity & { readonly durationMs: number; readonly count?: number }, ClockLease>;
}

/** The name of a recipe. */
export type RecipeName = keyof Recipes;
/** The options of a recipe. */
export type OptionsOf<Name extends RecipeName> = Recipes[Name]["options"];
/** An object of a recipe. */
export type HandleOf<Name extends RecipeName> = Recipes[Name]["handle"];

type MethodOf<Name extends RecipeName> = Exclude<keyof HandleOf<Name>, "close" | symbol>;

const lock = ["acquire", "release", "isHeld", "cancel"] as const;
const queue = ["put", "take"] as const;
const acknowledged = [...queue, "acknowledge"] as const;
const atomic = ["get", "add", "compareAndSet", "initialize", "set"] as const;
const party = ["join", "leave", "isMember", "members"] as const;

/** What can be called on an object of a recipe, besides `close`. */
export const methodsOf: { readonly [Name in RecipeName]: readonly MethodOf<Name>[] } = {
  mutex: [...lock, "node", "contenders", "hammer", "revocations", "revoke"],
  semaphoreMutex: lock,
  multiLock: lock,
  readWriteLock: [...lock, "node"],
  semaphore: ["acquire", "release", "held", "holders", "cancel"],
  latch: ["awaitLeadership", "isLeader", "contenders", "node"],
  election: ["awaitLeadership", "isLeader", "terms", "resign", "contenders"],
  barrier: ["set", "remove", "wait"],
  doubleBarrier: ["enter", "leave"],
  sharedCount: ["get", "set", "trySet", "add"],
  sharedValue: ["get", "set", "trySet"],
  atomicLong: atomic,
  atomicInteger: atomic,
  counter: ["get", "add"],
  curatorQueue: [...acknowledged, "removeById"],
  simpleQueue: [...queue, "peek"],
  kazooQueue: [...queue, "size"],
  kazooLockingQueue: [...acknowledged, "size", "holdsClaim"],
  groupMember: ["members", "setPayload"],
  party,
  shallowParty: party,
  persistentNode: ["awaitCreated", "node", "setData"],
  discovery: ["register", "update", "unregister", "names", "instances"],
  serviceProvider: ["instance", "instances"],
  partitioner: ["awaitItems", "items", "state", "release"],
  lease: ["obtain"],
};
