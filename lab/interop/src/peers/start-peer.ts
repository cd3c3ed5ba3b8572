import { prepareCurator } from "../provision/curator.js";
import { prepareKazoo } from "../provision/kazoo.js";
import { Child, type Program } from "./child.js";
import { ChildPeer, type PeerOptions } from "./child-peer.js";
import type { PeerKind, ProcessPeer } from "./peer.js";

const programs = new Map<PeerKind, Promise<Program>>();

/**
 * Starts a library in a process of its own, with one session. What the library needs is fetched first, once a machine.
 *
 * The process ends with `close()`, with `await using`, and in any case with ours.
 *
 * @throws PeerError `UNAVAILABLE` when a part cannot be had here, and what to install; `DIED`, `TIMEOUT`, `FAILED` when it
 * does not come up, with the end of its log
 */
export async function startPeer(
  kind: PeerKind,
  connectionString: string,
  options: PeerOptions = {},
): Promise<ProcessPeer> {
  const child = await Child.start(await programOf(kind));
  try {
    return await ChildPeer.connect(kind, child, { connectionString, options }, true);
  } catch (error) {
    await child.kill();
    throw error;
  }
}

/** How a library is run. It is made ready once; a machine that lacks a part says so each time, without trying again. */
export async function programOf(kind: PeerKind): Promise<Program> {
  let program = programs.get(kind);
  if (program === undefined) {
    program = kind === "kazoo" ? prepareKazoo() : prepareCurator(kind);
    programs.set(kind, program);
  }
  return await program;
}
