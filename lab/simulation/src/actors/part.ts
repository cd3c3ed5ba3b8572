/** A part in a run: one client, or one after the other in its place, and what is done with it. */
import type { World } from "../world/world.js";
import type { Actor } from "./actor.js";

/** The run goes through these in order; see `simulate.ts`. */
export interface Part {
  /** Its client. */
  readonly actor: Actor;
  /** The clients that had its place before. */
  readonly former: readonly Actor[];
  /**
   * Connects, and goes on until it is.
   * @param prepares whether this part makes what everybody needs
   * @param prepared is called when all is ready
   */
  begin(prepares: boolean, prepared: () => void): void;
  /** Everybody is ready: works. */
  start(): void;
  /** No more harm is done: comes to an end with its work. */
  rest(): void;
  /** Whether it is served, and nothing is under way. */
  readonly isQuiet: boolean;
  /** All is mended and everybody is quiet: looks at everything once more. */
  inspect(done: () => void): void;
  /** Closes its client for good. */
  end(closed: () => void): void;
}

/** What follows from a close may take a moment; nothing may take longer. */
const AFTERMATH_MS = 50;

/** Closes a client in a turn of its own, sees that nothing is left of it, and takes it out of the world. */
export function retire(world: World, actor: Actor, closeMs: number, closed: () => void): void {
  actor.program.post("user", () => {
    void actor.close(closeMs).then(() => {
      world.timeline.after(AFTERMATH_MS, () =>
        actor.program.post("user", () => {
          actor.checkGone();
          world.actors.delete(actor);
          closed();
        }),
      );
    });
  });
}

/** Whether an actor is served, and has been running for so long that it would know if it were not. */
export function isServedForSure({ isConnected, program, client }: Actor): boolean {
  // Whoever has just stood still may find that its session is gone.
  return isConnected && !program.isStalled && program.nowMs - program.disturbedAtMs > client.sessionTimeoutMs;
}
