/** Conclusions from what a server sent that more than one kind of reply can lead to. */
import { end } from "./ending.js";
import type { UpLink } from "./link.js";
import type { Machinery } from "./machinery.js";
import { moveTo } from "./reporting.js";

/** A reply that fits nothing that was asked: the peer broke the protocol, or is not a ZooKeeper server. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/**
 * Whether a server says that it talks only to those who have authenticated. Any packet may be answered like this.
 * Source: ZooKeeper 3.6.0, KeeperException.java (SESSIONCLOSEDREQUIRESASLAUTH)
 */
export function isAuthDemand(err: number): boolean {
  return err === -124;
}

/** Asking such a server again would only be answered like this again. */
export function authDemanded(machine: Machinery): void {
  end(machine, "authFailed", "the server demands authentication first (-124)");
}

/** An answer to something sent after a stall: the connection lived through it. */
export function proved(machine: Machinery, link: UpLink, sentAtMs: number): void {
  if (link.doubtSinceMs === undefined || sentAtMs < link.doubtSinceMs) return;
  link.doubtSinceMs = undefined;
  if (machine.isClosing) return;
  moveTo(machine, link.readOnly ? "readonly" : "connected", "the connection outlived the stall");
}
