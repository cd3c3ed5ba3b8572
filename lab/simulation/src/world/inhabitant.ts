/** A client in the world, as the world and its adversary know it. */
import type { Client } from "@zk/client";
import type { Names } from "./names.js";
import type { Program } from "./program.js";

/** See the head of this file. */
export interface Inhabitant {
  readonly name: string;
  readonly program: Program;
  readonly names: Names;
  readonly client: Pick<Client, "sessionId">;
  /** After each turn of its program. */
  checkStep(): void;
  /** Now and then: whether everything that must have ended by now has. */
  checkDeadlines(): void;
}
