/** Builds zk before the first of the files that start it: several at once would build into each other's way. */
import { buildZk, IS_BUILT } from "./program.js";

export function setup(): void {
  buildZk();
  // The processes in which the files run begin with what this one has.
  process.env[IS_BUILT] = "yes";
}
