import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, isZkError, type Stat } from "@zk/client";
import { type Command, defineCommand } from "../../definition/command.js";
import { argument, flag, text } from "../../definition/specs.js";
import { ask, canAsk } from "../../input/confirm.js";
import { splitWords } from "../../input/words.js";
import { utf8OrUndefined } from "../../output/json.js";
import { visible } from "../../output/visible.js";
import { CliError, UsageError } from "../../program/errors.js";

export const edit: Command = defineCommand({
  name: "edit",
  group: "everyday",
  summary: "change the data of a znode in your editor",
  details: [
    "The data goes to a file that only you can read, with an extension that fits it, and comes back only if it changed, and only over the version that was read. JSON is checked before it is written. When somebody else changed the znode meanwhile, the two changes are merged; where they touch the same lines the editor shows both. Your text is never lost: when it cannot be written its file stays.",
  ],
  examples: [
    { command: "zk edit /config/db", does: "in $VISUAL, $EDITOR or vi" },
    { command: "zk edit /config/db --editor 'code -w'", does: "in another one" },
  ],
  arguments: { path: argument("the znode", "path") },
  options: {
    editor: text("COMMAND", "the editor, with its arguments"),
    noCheck: flag("write JSON that does not parse as well"),
    create: flag("create the znode when it is not there"),
  },
  writes: true,
  exits: [
    [3, "there is no such znode"],
    [4, "somebody else changed it, and the changes cannot be merged"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "the znode" },
      { name: "changed", type: "true or false", means: "whether its data was replaced" },
      { name: "version", type: "number", means: "its version now" },
    ],
    plain: ["path", "version"],
  },
  async run(run) {
    const { path } = run.arguments;
    const client = await run.connect();
    let { data: base, stat } = await readOrCreate(client, path, run.options.create, run.signal);
    const original = utf8OrUndefined(base ?? new Uint8Array());
    if (original === undefined)
      throw new UsageError(`${visible(path)} holds no text`, "zk get and zk set move binary data");
    const editor = splitWords(
      run.options.editor ?? (run.io.env["VISUAL"] || run.io.env["EDITOR"] || "vi"),
    ).map((word) => word.text);
    const folder = mkdtempSync(join(tmpdir(), "zk-edit-"));
    const file = join(folder, `${fileName(path)}${extensionOf(original)}`);
    let isKept = false;
    try {
      writeFileSync(file, original, { mode: 0o600, flag: "wx" });
      let before = original;
      for (;;) {
        await runEditor(editor, file, run.signal);
        const mine = readFileSync(file, "utf8");
        if (mine === before && mine === utf8OrUndefined(base ?? new Uint8Array()))
          return { path, changed: false, version: stat.version };
        isKept = true;
        const problem = run.options.noCheck ? undefined : jsonProblem(file, mine);
        if (problem !== undefined) {
          if (await wantsAgain(run, `${problem}. Edit again?`)) continue;
          throw new CliError("BAD_JSON", 2, `${problem}; nothing was written`, {
            hint: `your text is in ${file}; --no-check writes it as it is`,
          });
        }
        try {
          stat = await client.setData(path, Buffer.from(mine, "utf8"), {
            version: stat.version,
            signal: run.signal,
          });
          isKept = false;
          return { path, changed: true, version: stat.version };
        } catch (error) {
          if (!isZkError(error, "BAD_VERSION")) throw error;
        }
        const theirs = await client.getData(path, { signal: run.signal });
        const merged = await mergeTexts(
          mine,
          utf8OrUndefined(base ?? new Uint8Array()) ?? "",
          utf8OrUndefined(theirs.data ?? new Uint8Array()) ?? "",
        );
        ({ data: base, stat } = theirs);
        if (merged.hasConflict) {
          if (!(await wantsAgain(run, "Somebody else changed the same lines. Edit both versions?")))
            throw conflict(path, file);
        } else {
          run.note("somebody else changed it meanwhile; their change and yours are merged");
          if (!(await wantsAgain(run, "Look at the result?", true))) throw conflict(path, file);
        }
        writeFileSync(file, merged.text);
        before = merged.hasConflict ? merged.text : "";
      }
    } catch (error) {
      if (isKept) run.warn(`your text is kept in ${file}`);
      throw error;
    } finally {
      if (!isKept) rmSync(folder, { recursive: true, force: true });
    }
  },
  human({ path, changed, version }, _screen, run) {
    run.note(changed ? `${visible(path)} has version ${version} now` : "nothing changed");
  },
  plain: ({ path, version }) => [[path, version]],
});

async function readOrCreate(
  client: Client,
  path: string,
  create: boolean,
  signal: AbortSignal,
): Promise<{ data: Uint8Array | null; stat: Stat }> {
  try {
    return await client.getData(path, { signal });
  } catch (error) {
    if (!create || !isZkError(error, "NO_NODE")) throw error;
    await client.create(path, null, { createParents: true, signal });
    return await client.getData(path, { signal });
  }
}

interface Asker {
  readonly io: Parameters<typeof canAsk>[0];
  readonly signal: AbortSignal;
}

/** Whether to open the editor again; where nobody can be asked the answer is no. */
async function wantsAgain(run: Asker, question: string, isYesUsual = true): Promise<boolean> {
  if (!canAsk(run.io)) return false;
  const answer = await ask(run.io, `${question} ${isYesUsual ? "[Y/n]" : "[y/N]"} `, run.signal);
  return answer === "" ? isYesUsual : /^y/i.test(answer);
}

function conflict(path: string, file: string): CliError {
  return new CliError(
    "BAD_VERSION",
    4,
    `${path} was changed by somebody else meanwhile; nothing was written`,
    { hint: `your text is in ${file}` },
  );
}

async function mergeTexts(
  mine: string,
  base: string,
  theirs: string,
): Promise<{ readonly text: string; readonly hasConflict: boolean }> {
  const { merge } = await import("node-diff3");
  const { conflict: hasConflict, result } = merge(mine.split("\n"), base.split("\n"), theirs.split("\n"), {
    label: { a: "yours", b: "theirs" },
  });
  return { text: result.join("\n"), hasConflict };
}

function runEditor(words: readonly string[], file: string, signal: AbortSignal): Promise<void> {
  const [program = "vi", ...rest] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...rest, file], { stdio: "inherit" });
    const stop = (): void => {
      child.kill("SIGTERM");
    };
    signal.addEventListener("abort", stop, { once: true });
    child.once("error", (error: NodeJS.ErrnoException) => {
      signal.removeEventListener("abort", stop);
      const exitCode = error.code === "ENOENT" ? 127 : 126;
      reject(
        new CliError("NO_EDITOR", exitCode, `the editor ${program} cannot be started: ${error.message}`, {
          hint: "set VISUAL or EDITOR, or give --editor",
        }),
      );
    });
    child.once("close", (code, ended) => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason);
      else if (code === 0) resolve();
      else
        reject(
          new CliError("EDITOR_FAILED", 1, `the editor ended with ${ended ?? code}; nothing was written`),
        );
    });
  });
}

/** A name that shows in the editor's title and cannot leave the folder. */
function fileName(path: string): string {
  return (
    path
      .slice(path.lastIndexOf("/") + 1)
      .replaceAll(/[^\w.-]/g, "_")
      .slice(0, 80)
      .replace(/\.(json|ya?ml|xml|properties|txt)$/i, "") || "root"
  );
}

/** The extension that makes an editor colour the text. */
export function extensionOf(content: string): string {
  const text = content.trimStart();
  if (/^[[{]/.test(text) && isJson(text)) return ".json";
  if (/^<(\?xml|[A-Za-z!])/.test(text)) return ".xml";
  if (/^(---\s*$|[\w.-]+:(\s|$))/m.test(text) && !/^[\w.-]+\s*=/m.test(text)) return ".yaml";
  return /^[\w.-]+\s*=/m.test(text) ? ".properties" : ".txt";
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function jsonProblem(file: string, content: string): string | undefined {
  if (!file.endsWith(".json")) return undefined;
  try {
    JSON.parse(content);
    return undefined;
  } catch (error) {
    return `this is not JSON any more (${(error as Error).message})`;
  }
}
