/** What the tests of a file share: one ensemble, one process for each library, a client of ours to look at what is there. */
import { type Client, createClient } from "@zk/client";
import { type Ensemble, startEnsemble } from "@zk/lab";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import type { PeerOptions } from "../../src/peers/child-peer.js";
import type { PeerKind, ProcessPeer } from "../../src/peers/peer.js";
import { startPeer } from "../../src/peers/start-peer.js";

export interface Ground {
  readonly ensemble: Ensemble;
  readonly client: Client;
  /** A library's session that all tests share. */
  peer(kind: PeerKind): ProcessPeer;
  /** A library's process for the test that runs, which may hurt it. */
  ownPeer(kind: PeerKind, options?: PeerOptions): Promise<ProcessPeer>;
  /** A path that no other test uses. */
  path(): string;
}

/** Starts it before the tests of this file and takes it down behind them. */
export function useGround(version: string, kinds: readonly PeerKind[]): Ground {
  let ensemble: Ensemble;
  let client: Client;
  const peers = new Map<PeerKind, ProcessPeer>();
  let paths = 0;
  beforeAll(async () => {
    ensemble = await startEnsemble({ servers: 3, version });
    client = createClient(ensemble.connectionString);
    await client.connect();
    const start = async (kind: PeerKind): Promise<void> =>
      void peers.set(kind, await startPeer(kind, ensemble.connectionString));
    await Promise.all(kinds.map(start));
  });
  afterAll(async () => {
    await Promise.all([...peers.values()].map((peer) => peer.close()));
    await client?.close();
    await ensemble?.stop();
  });
  return {
    get ensemble() {
      return ensemble;
    },
    get client() {
      return client;
    },
    peer: (kind) => {
      const peer = peers.get(kind);
      if (peer === undefined) throw new Error(`this file starts no ${kind}`);
      return peer;
    },
    ownPeer: async (kind, options = {}) => {
      const peer = await startPeer(kind, ensemble.connectionString, options);
      onTestFinished(() => peer.close());
      return peer;
    },
    path: () => `/test-${++paths}`,
  };
}
