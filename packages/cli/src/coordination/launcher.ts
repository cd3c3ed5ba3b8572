/**
 * A command that waits for a word before it begins: a shell that reads the word from a pipe and then becomes the command, so
 * that process, group and exit code are the command's own. When the other end of the pipe is closed without the word it ends
 * instead. Who starts it can tell others of its process group first, and there is no moment in which the command runs and
 * nobody else knows of it.
 */
import { existsSync } from "node:fs";
import { findProgram } from "./find-program.js";

/**
 * Closed before the command is there: it has the same open files as if it had been started by us. The variable has a name that
 * nobody exports, as the command would see the change.
 */
const SCRIPT = `read -r zk__word <&3 || exit 0
exec 3<&-
exec "$@"`;
/** The same for a shell with job control, which cannot tell the number of a process in front by itself. */
const SCRIPT_IN_FRONT = `echo "group $$" >&5
exec 4<&- 5>&-
${SCRIPT}`;

/** Variables that a shell changes, or makes. */
const OF_SHELLS: readonly string[] = ["PWD", "OLDPWD", "SHLVL", "_", "IFS", "OPTIND"];
const SHELL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The words that start such a launcher; it reads from descriptor 3.
 *
 * @param isInFront whether it says its group on descriptor 5 first, and has 4 and 5 to close
 * @returns undefined where there is no shell, or no env
 * @throws CliError NOT_FOUND, NOT_EXECUTABLE: what a shell would say of that is its own text
 */
export function launcherOf(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  isInFront = false,
): readonly string[] | undefined {
  if (!existsSync("/bin/sh") || !existsSync("/usr/bin/env")) return undefined;
  findProgram(words[0] ?? "", env);
  return ["/bin/sh", "-c", isInFront ? SCRIPT_IN_FRONT : SCRIPT, "zk-launcher", ...restored(words, env)];
}

/**
 * With env in between, which gives the command the variables that a shell has changed, and those that it drops: names such as
 * `spring.profile`, which are none in a shell. What stands here can be seen by others for the instant until env has run.
 */
function restored(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  // env would take such a program for a variable.
  if (words[0]?.includes("=")) return words;
  const present = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[0] !== "",
  );
  const lost = present.filter(([name]) => OF_SHELLS.includes(name) || !SHELL_NAME.test(name));
  const absent = OF_SHELLS.filter((name) => env[name] === undefined);
  return [
    "/usr/bin/env",
    ...absent.flatMap((name) => ["-u", name]),
    "--",
    ...lost.map(([name, value]) => `${name}=${value}`),
    ...words,
  ];
}
