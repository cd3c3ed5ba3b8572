/** `zk` as a library: one command line from its words to its exit code, and what there is. */
export { COMMANDS } from "./commands/catalogue.js";
export type { Command, CommandIo } from "./definition/command.js";
export { describeCommand } from "./definition/describe.js";
export { commandPage, documentPages } from "./definition/pages.js";
export { CliError, Interruption } from "./program/errors.js";
export { EXIT_CODE_TABLE, ExitCode } from "./program/exit-codes.js";
export { main } from "./program/main.js";
export { runZk, type ZkOptions } from "./program/run-zk.js";
export { SessionPool } from "./program/session-pool.js";
