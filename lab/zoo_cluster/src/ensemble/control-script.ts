/** Runs a server's own `zkServer.sh`, in an environment of ours and with a limit. */
import { type ChildProcess, spawn } from "node:child_process";
import { delimiter, dirname } from "node:path";
import { LabError } from "../errors.js";
import type { Environment, Java } from "../release/types.js";
import { formatSeconds, timeScale } from "../wait.js";
import { pathsOf, type ServerSpec } from "./layout.js";

/** How a control script ended. */
export interface ScriptResult {
  /** Null when it was ended by a signal, ours at the limit for example. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Output kept of one run; a script says a few lines. */
export const scriptOutputBytesMax = 65_536;

// Variables that would change what the scripts do. What a server needs stands in its java.env.
const cleared =
  /^(ZOO|ZK_SERVER_HEAP|ZK_CLIENT_HEAP|ZKLAB_|JVMFLAGS$|SERVER_JVMFLAGS$|CLIENT_JVMFLAGS$|CLASSPATH$|JMX|JAVA_HOME$|BASH_ENV$|ENV$|CDPATH$)/;

/**
 * Runs `zkServer.sh WORD … CONFIG`.
 *
 * @param words for example `["status"]`; the path of the configuration follows by itself.
 * @throws LabError `SCRIPT_FAILED` when the script cannot be run at all. How it ended is the caller's to judge.
 */
export async function runControlScript(
  server: ServerSpec,
  words: readonly string[],
  options: { readonly java: Java | null; readonly env: Environment; readonly timeoutMs: number },
): Promise<ScriptResult> {
  const { script, config } = pathsOf(server);
  // A session of its own: Ctrl-C in a terminal goes to us, who then stop the servers in order, and not to them.
  const child = spawn(script, [...words, config], {
    cwd: server.dir,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: scriptEnvironment(options.env, options.java),
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  let timedOut = false;
  return await new Promise<ScriptResult>((resolve, reject) => {
    const limit = setTimeout(() => {
      timedOut = true;
      endGroup(child);
    }, options.timeoutMs * timeScale());
    child.once("error", (error) => {
      clearTimeout(limit);
      reject(
        new LabError("SCRIPT_FAILED", `Server ${server.id}: ${script} cannot be run: ${error.message}`, {
          cause: error,
          details: { server: server.id, script },
        }),
      );
    });
    child.once("exit", (exitCode) => {
      clearTimeout(limit);
      const finish = (): void => {
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ exitCode, stdout: stdout(), stderr: stderr(), timedOut });
      };
      // A background process that kept the script's output open must not keep us: its words are in the pipe by now.
      const grace = setTimeout(finish, 250);
      child.once("close", () => {
        clearTimeout(grace);
        finish();
      });
    });
  });
}

/** One paragraph about a run, for messages. */
export function describeScriptResult(
  words: readonly string[],
  result: ScriptResult,
  timeoutMs: number,
): string {
  const end = result.timedOut
    ? `did not end within ${formatSeconds(timeoutMs * timeScale())}`
    : `ended with ${result.exitCode}`;
  const said = `${result.stdout}${result.stderr}`.trim();
  return `zkServer.sh ${words.join(" ")} ${end}${said === "" ? " and said nothing" : `:\n${said}`}`;
}

/** Ends the script with what it has started, a JVM that waits for a paused server's answer for example. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    // The group is named after our child, which we have not yet reaped: the number is still its own.
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL");
  }
}

function scriptEnvironment(env: Environment, java: Java | null): NodeJS.ProcessEnv {
  const kept = Object.fromEntries(Object.entries(env).filter(([key]) => !cleared.test(key)));
  const path = env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
  const common = { ...kept, JMXDISABLE: "true", PATH: path };
  if (java === null) return common;
  if (java.home !== null) return { ...common, JAVA_HOME: java.home };
  return { ...common, PATH: `${dirname(java.path)}${delimiter}${path}` };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    if (text.length < scriptOutputBytesMax) text += chunk;
  });
  return () => text;
}
