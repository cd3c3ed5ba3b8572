/** What must be seen although nobody asked to hear of it. */

/** Shows a message as a process warning: seen by people, and deadly to nobody. */
export function warn(message: string): void {
  process.emitWarning(message, "ZkRecipeWarning");
}
