/** The catalogue for commands that speak about commands, without importing each other in a circle. */
import type { Command } from "../definition/command.js";

let known: readonly Command[] = [];

/** Every command; what the catalogue has registered. */
export function allCommands(): readonly Command[] {
  return known;
}

/** Called by the catalogue, once. */
export function registerCommands(commands: readonly Command[]): void {
  known = commands;
}
