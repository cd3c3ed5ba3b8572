// Whether tests on servers in containers can be run here. Where they cannot, that is said aloud: nobody shall take a run
// without them for one with them.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Has the lab find an engine and build the servers' image there; both are asked of the built command.
 *
 * @param {string} [program] a stand-in for the lab's command, for tests
 * @returns {Promise<{ readonly can: boolean, readonly line: string }>} a line for people, without line end
 */
export async function lookForContainers(
  program = process.env["ZK_TEST_LAB"] ?? join(root, "lab/zoo_cluster/dist/cli/main.js"),
) {
  const child = spawn(process.execPath, [program, "image", "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  // Making an image takes its time, and says so. What went wrong is told in one line, below.
  let isOver = false;
  createInterface({ input: child.stderr }).on("line", (line) => {
    isOver ||= line.startsWith("error:");
    if (!isOver) process.stderr.write(`containers: ${line}\n`);
  });
  const status = await new Promise((resolve) => {
    child.once("error", (error) => {
      said = JSON.stringify({ error: { message: error.message } });
      resolve(1);
    });
    child.once("close", resolve);
  });
  /** @type {{ image?: string, error?: { message: string } }} */
  let answer = {};
  try {
    answer = JSON.parse(said);
  } catch {
    // It died before it could say anything; its status is all there is.
  }
  if (status === 0 && answer.image !== undefined)
    return { can: true, line: `containers: on ${answer.image}` };
  const why = answer.error?.message.split("\n").slice(0, 2).join(" ") ?? `the lab ended with ${status}`;
  return { can: false, line: `containers: NOT TRIED: ${why}` };
}
