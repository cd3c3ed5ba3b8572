/** What a suite drives: one library with one session. A test that is written for this runs with any two of them. */
import type { HandleOf, OptionsOf, RecipeName } from "./recipes.js";

/** Other people's libraries that can be driven. */
export const peerKinds = ["kazoo", "curator-4", "curator-5"] as const;
/** Somebody else's library. */
export type PeerKind = (typeof peerKinds)[number];
/** A library, or our own recipes. */
export type AnyKind = PeerKind | "ours";

const curator = [
  "mutex",
  "semaphoreMutex",
  "readWriteLock",
  "multiLock",
  "semaphore",
  "latch",
  "election",
  "barrier",
  "doubleBarrier",
  "sharedCount",
  "sharedValue",
  "atomicLong",
  "atomicInteger",
  "curatorQueue",
  "simpleQueue",
  "groupMember",
  "persistentNode",
  "discovery",
  "serviceProvider",
] as const;

/** What each of them has. */
export const recipesOf: { readonly [Kind in PeerKind]: readonly RecipeName[] } = {
  kazoo: [
    "mutex",
    "readWriteLock",
    "semaphore",
    "election",
    "barrier",
    "doubleBarrier",
    "counter",
    "kazooQueue",
    "kazooLockingQueue",
    "party",
    "shallowParty",
    "partitioner",
    "lease",
  ],
  "curator-4": curator,
  "curator-5": curator,
};

/** The options of a recipe, which may be left out when none is needed. */
export type OptionsArgument<Name extends RecipeName> =
  object extends OptionsOf<Name> ? [options?: OptionsOf<Name>] : [options: OptionsOf<Name>];

/** See the head of this file. */
export interface Peer extends AsyncDisposable {
  readonly kind: AnyKind;
  /** With its version, `Curator 4.3.0`. */
  readonly title: string;
  /** The address that it writes where it is given no data, null for libraries that write none. */
  readonly address: string | null;
  /** What it has, as its program says. To open anything else rejects with `UNSUPPORTED`. */
  readonly recipes: ReadonlySet<RecipeName>;

  /**
   * Makes an object of a recipe at a path.
   * @throws PeerError `UNSUPPORTED`; `FAILED` when the library throws at once
   */
  open<Name extends RecipeName>(
    recipe: Name,
    path: string,
    ...options: OptionsArgument<Name>
  ): Promise<HandleOf<Name>>;

  /** What somebody else needs to end its session: made for `ensemble.expireSession`. */
  session(): Promise<{ readonly sessionId: bigint; readonly sessionPassword: Uint8Array }>;
  /** What the library has said of its connection since it began, in its own words: `CONNECTED`, `SUSPENDED`, `LOST`, … */
  readonly states: readonly string[];
  /** Another session in the same process, at the same servers unless told. */
  newSession(connectionString?: string): Promise<Peer>;
  /** Ends the session; the peer that was started also ends its process, and with it the sessions made from it. */
  close(): Promise<void>;
}

/** A peer in a process of its own. */
export interface ProcessPeer extends Peer {
  readonly pid: number | undefined;
  readonly kind: PeerKind;
  newSession(connectionString?: string): Promise<ProcessPeer>;
  /** SIGKILL: the session lives on at the servers until it expires. */
  kill(): Promise<void>;
  /** SIGSTOP: it is there and silent. */
  pause(): void;
  resume(): void;
}
