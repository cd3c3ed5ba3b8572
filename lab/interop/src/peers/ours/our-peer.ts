/** Our own recipes as a peer: in this process, with a session of `@zk/client`. */
import { type Client, createClient } from "@zk/client";
import type { Dialect } from "@zk/recipes";
import { PeerError } from "../errors.js";
import type { OptionsArgument, Peer } from "../peer.js";
import type { HandleOf, OptionsOf, RecipeName } from "../recipes.js";
import { openBarrier, openDoubleBarrier } from "./barriers.js";
import { openDiscovery, openServiceProvider } from "./discovery.js";
import { openElection, openLatch } from "./elections.js";
import { openGroupMember, openLease, openPersistentNode, partyOf } from "./groups.js";
import {
  type OurSession,
  openMultiLock,
  openMutex,
  openReadWriteLock,
  openSemaphore,
  openSemaphoreMutex,
} from "./locks.js";
import { openPartitioner } from "./partitions.js";
import { openCuratorQueue, openKazooLockingQueue, openKazooQueue, openSimpleQueue } from "./queues.js";
import {
  openAtomicInteger,
  openAtomicLong,
  openCounter,
  openSharedCount,
  openSharedValue,
} from "./values.js";

type Openers = {
  readonly [Name in RecipeName]?: (
    session: OurSession,
    path: string,
    options: OptionsOf<Name>,
  ) => HandleOf<Name> | Promise<HandleOf<Name>>;
};

const openers: Openers = {
  mutex: openMutex,
  semaphoreMutex: openSemaphoreMutex,
  multiLock: openMultiLock,
  readWriteLock: openReadWriteLock,
  semaphore: openSemaphore,
  latch: openLatch,
  election: openElection,
  barrier: openBarrier,
  doubleBarrier: openDoubleBarrier,
  sharedCount: openSharedCount,
  sharedValue: openSharedValue,
  atomicLong: openAtomicLong,
  atomicInteger: openAtomicInteger,
  counter: openCounter,
  curatorQueue: openCuratorQueue,
  simpleQueue: openSimpleQueue,
  kazooQueue: openKazooQueue,
  kazooLockingQueue: openKazooLockingQueue,
  groupMember: openGroupMember,
  party: partyOf("party"),
  shallowParty: partyOf("shallowParty"),
  persistentNode: openPersistentNode,
  discovery: openDiscovery,
  serviceProvider: openServiceProvider,
  partitioner: openPartitioner,
  lease: openLease,
};

/** The recipes that we have. */
export const ourRecipes: ReadonlySet<RecipeName> = new Set(Object.keys(openers) as RecipeName[]);

/** See the head of this file. */
export class OurPeer implements Peer {
  readonly kind = "ours";
  readonly title = "@zk/recipes";
  readonly address = null;
  readonly recipes: ReadonlySet<RecipeName> = ourRecipes;
  readonly states: string[] = [];
  readonly client: Client;
  readonly #connectionString: string;
  readonly #dialect: Dialect;

  private constructor(client: Client, connectionString: string, dialect: Dialect) {
    this.client = client;
    this.#connectionString = connectionString;
    this.#dialect = dialect;
    client.on("state", (state) => this.states.push(state));
  }

  /**
   * Opens a session.
   * @param dialect whose names and layouts its objects have, where their options do not say (`curator`)
   */
  static async connect(connectionString: string, dialect: Dialect = "curator"): Promise<OurPeer> {
    const client = createClient(connectionString);
    const peer = new OurPeer(client, connectionString, dialect);
    await client.connect();
    return peer;
  }

  async open<Name extends RecipeName>(
    recipe: Name,
    path: string,
    ...[options = {}]: OptionsArgument<Name>
  ): Promise<HandleOf<Name>> {
    const open: Openers[Name] = openers[recipe];
    if (open === undefined) throw new PeerError("UNSUPPORTED", `${this.title} has no ${recipe}`);
    return await open({ client: this.client, dialect: this.#dialect }, path, options as OptionsOf<Name>);
  }

  async session(): Promise<{ readonly sessionId: bigint; readonly sessionPassword: Uint8Array }> {
    const { sessionId, sessionPassword } = this.client;
    return { sessionId, sessionPassword: sessionPassword.reveal() };
  }

  async newSession(connectionString: string = this.#connectionString): Promise<OurPeer> {
    return await OurPeer.connect(connectionString, this.#dialect);
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
