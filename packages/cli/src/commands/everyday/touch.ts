import { isZkError } from "@zk/client";
import { type Command, defineCommand } from "../../definition/command.js";
import { flag, several } from "../../definition/specs.js";
import { visible } from "../../output/visible.js";

/** How often it tries again when somebody changes the data between reading and writing it. */
const TRIES_MAX = 5;

export const touch: Command = defineCommand({
  name: "touch",
  group: "everyday",
  summary: "create a znode without data, or give it a new version with the same data",
  details: [
    "Who watches the znode is told, as of any other change. The data is written back only if nobody changed it meanwhile.",
  ],
  examples: [
    { command: "zk touch /flags/reload", does: "who watches it is told" },
    { command: "zk touch -p /a/b/c", does: "with its parents" },
  ],
  arguments: { paths: several("the znodes", "path") },
  options: {
    parents: flag("create missing parents", "p"),
    noCreate: flag("change only what is there", "c"),
  },
  writes: true,
  exits: [[3, "the parent is missing, or with --no-create the znode"]],
  output: {
    form: "document",
    fields: [{ name: "results", type: "list", means: "path, created, and version of each" }],
    plain: ["path", "version"],
  },
  async run(run) {
    const client = await run.connect();
    const { signal } = run;
    const touchOne = async (path: string): Promise<{ path: string; created: boolean; version: number }> => {
      for (let tries = 1; ; tries++) {
        try {
          const { data, stat } = await client.getData(path, { signal });
          const changed = await client.setData(path, data, { version: stat.version, signal });
          return { path, created: false, version: changed.version };
        } catch (error) {
          if (isZkError(error, "BAD_VERSION") && tries < TRIES_MAX) continue;
          if (!isZkError(error, "NO_NODE") || run.options.noCreate) throw error;
        }
        try {
          await client.create(path, null, { createParents: run.options.parents, signal });
          return { path, created: true, version: 0 };
        } catch (error) {
          if (!isZkError(error, "NODE_EXISTS") || tries >= TRIES_MAX) throw error;
        }
      }
    };
    const results: { path: string; created: boolean; version: number }[] = [];
    for (const path of run.arguments.paths) results.push(await touchOne(path));
    return { results };
  },
  human({ results }, _screen, run) {
    for (const { path, created, version } of results)
      run.note(`${visible(path)} ${created ? "created" : `has version ${version} now`}`);
  },
  plain: ({ results }) => results.map(({ path, version }) => [path, version]),
});
