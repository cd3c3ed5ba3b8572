/** What a behaviour is, and what it is given. */
import type { Ensemble, EnsembleServer } from "@zk/lab";
import type { Session } from "./wire/session.js";
import type { Wire } from "./wire/wire.js";
import type { Handshake } from "./wire/wire-session.js";

/** A server, by its number or by what it is just now. `follower` is the one with the lowest number. */
export type Place = number | "leader" | "follower" | "other follower";

/** What each behaviour is given: an ensemble that serves, and a node of its own. */
export interface Given {
  readonly ensemble: Ensemble;
  /** A node that exists for this behaviour alone: persistent, open to all, without data and children. */
  readonly path: string;
  /** A new session, closed at the end. Default place: a follower, where there is one. */
  open(options?: Handshake & { readonly on?: Place }): Promise<Session>;
  /** A connection without a handshake, given up at the end. */
  connect(on?: Place): Promise<Wire>;
  /** The answer to a four-letter word. */
  ask(word: string, on?: Place): Promise<string>;
  server(on?: Place): EnsembleServer;
  /** The address from which the servers see this machine: loopback, or the way into the network of their containers. */
  readonly address: string;
  /** The client port as a server itself knows it; its container may be reached by another. */
  ownPort(server: EnsembleServer): number;
  /** Which server leads, as far as this behaviour knows; a single server leads. */
  readonly leader: number;
  /** Looks anew which server leads. */
  look(): Promise<void>;
}

/** One sentence about a ZooKeeper, and the proof. */
export interface Behaviour {
  readonly name: string;
  run(given: Given): Promise<void>;
}

/** The kinds of ensemble that behaviours are about. */
export type Ground =
  /** Three servers with short ticks; nothing is done to them. */
  | "ensemble"
  /** One server with the default limits of sessions, and few connections from one address. */
  | "standalone"
  /** Three servers of which some are killed, stopped and started. */
  | "failover"
  /** The first of three servers, cut off from its quorum and serving reads. All behaviours have one node, with the data `kept`. */
  | "read-only";

/** Behaviours about one subject. */
export interface Suite {
  readonly name: string;
  readonly ground: Ground;
  readonly behaviours: readonly Behaviour[];
}

/** Says one behaviour. */
export type Say = (name: string, run: (given: Given) => Promise<void>) => void;

/** Collects behaviours. @throws Error when two have one name */
export function suite(name: string, ground: Ground, tell: (say: Say) => void): Suite {
  const behaviours: Behaviour[] = [];
  tell((behaviour, run) => {
    if (behaviours.some((other) => other.name === behaviour))
      throw new Error(`Two behaviours of ${name}: ${behaviour}`);
    behaviours.push({ name: behaviour, run });
  });
  return { name, ground, behaviours };
}
