/** What the tests of a file share: one ensemble, one process for each library, a client of ours to look at what is there. */
import { type Client, createClient } from "@zk/client";
import { type Ensemble, type EnsembleOptions, startEnsemble } from "@zk/lab";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import type { PeerOptions } from "../../src/peers/child-peer.js";
import { OurPeer } from "../../src/peers/ours/our-peer.js";
import type { AnyKind, Peer, PeerKind, ProcessPeer } from "../../src/peers/peer.js";
import { startPeer } from "../../src/peers/start-peer.js";

export interface Ground {
  readonly ensemble: Ensemble;
  /** Its session is at the first server. */
  readonly client: Client;
  /** A library's session that all tests share. It is at the first server too, so that each sees at once what another wrote. */
  peer(kind: AnyKind): Peer;
  /** Our own recipes, with a client of their own. */
  ours(dialect?: "curator" | "kazoo"): OurPeer;
  /** Another one, at whichever server its library has chosen. */
  anywhere(kind: PeerKind): ProcessPeer;
  /** A library's process for the test that runs, which may hurt it. */
  ownPeer(kind: PeerKind, options?: PeerOptions): Promise<ProcessPeer>;
  /** A path that no other test uses. */
  path(): string;
}

/** Starts it before the tests of this file and takes it down behind them. */
export function useGround(
  version: string,
  kinds: readonly PeerKind[],
  options: EnsembleOptions = {},
): Ground {
  let ensemble: Ensemble;
  let client: Client;
  const processes = new Map<PeerKind, ProcessPeer>();
  const peers = new Map<AnyKind, Peer>();
  const ours = new Map<string, OurPeer>();
  const given = <P>(peer: P | undefined, kind: string): P => {
    if (peer === undefined) throw new Error(`this file starts no ${kind}`);
    return peer;
  };
  let paths = 0;
  beforeAll(async () => {
    ensemble = await startEnsemble({ servers: 3, ...options, version });
    const first = `127.0.0.1:${ensemble.servers[0]!.clientPort}`;
    client = createClient(first);
    await client.connect();
    const start = async (kind: PeerKind): Promise<void> => {
      const started = await startPeer(kind, ensemble.connectionString);
      processes.set(kind, started);
      peers.set(kind, await started.newSession(first));
    };
    const startOurs = async (dialect: "curator" | "kazoo"): Promise<void> =>
      void ours.set(dialect, await OurPeer.connect(first, dialect));
    await Promise.all([...kinds.map(start), startOurs("curator"), startOurs("kazoo")]);
    peers.set("ours", given(ours.get("curator"), "ours"));
  });
  afterAll(async () => {
    await Promise.all([...processes.values(), ...ours.values()].map((peer) => peer.close()));
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
    peer: (kind) => given(peers.get(kind), kind),
    ours: (dialect = "curator") => given(ours.get(dialect), "ours"),
    anywhere: (kind) => given(processes.get(kind), kind),
    ownPeer: async (kind, options = {}) => {
      const peer = await startPeer(kind, ensemble.connectionString, options);
      onTestFinished(() => peer.close());
      return peer;
    },
    path: () => `/test-${++paths}`,
  };
}
