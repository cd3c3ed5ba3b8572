/** What a suite drives: one library with one session. A test that is written for this runs with any two of them. */
import type { HandleOf, OptionsOf, RecipeName } from "./recipes.js";

/** Libraries that can be driven. */
export const peerKinds = ["kazoo", "curator-4", "curator-5"] as const;
/** A library. */
export type PeerKind = (typeof peerKinds)[number];

/** The options of a recipe, which may be left out when none is needed. */
export type OptionsArgument<Name extends RecipeName> =
  object extends OptionsOf<Name> ? [options?: OptionsOf<Name>] : [options: OptionsOf<Name>];

/** See the head of this file. */
export interface Peer extends AsyncDisposable {
  readonly kind: PeerKind;
  /** With its version, `Curator 4.3.0`. */
  readonly title: string;
  /** What it has. To open anything else rejects with `UNSUPPORTED`. */
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
  /** Another session, in the same process. */
  newSession(): Promise<Peer>;
  /** Ends the session; the peer that was started also ends its process, and with it the sessions made from it. */
  close(): Promise<void>;
}

/** A peer in a process of its own. */
export interface ProcessPeer extends Peer {
  readonly pid: number | undefined;
  /** The address that Curator writes where it is given no data, null for libraries that write none. */
  readonly address: string | null;
  newSession(): Promise<ProcessPeer>;
  /** SIGKILL: the session lives on at the servers until it expires. */
  kill(): Promise<void>;
  /** SIGSTOP: it is there and silent. */
  pause(): void;
  resume(): void;
}
