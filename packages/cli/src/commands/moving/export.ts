import { once } from "node:events";
import { createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { createGzip } from "node:zlib";
import { type Command, defineCommand } from "../../definition/command.js";
import { flag, maybeChoice, optional, text } from "../../definition/specs.js";
import { hex, humanSize, plural } from "../../output/figures.js";
import { CliError, UsageError } from "../../program/errors.js";
import { DUMP_FORMATS, type DumpFormat, type Sink, writeDump } from "../../transfer/dump-writer.js";
import { DUMP_SCHEMA, type DumpFooter } from "../../transfer/node-json.js";
import { parseServerPlace } from "../../transfer/places.js";
import { describeSelection, READING_OPTIONS } from "./options.js";
import { readPlace } from "./read-place.js";

export const exportTree: Command = defineCommand({
  name: "export",
  group: "moving data",
  summary: "write a subtree to a file or to stdout, with data, ACLs and counters",
  details: [
    "A dump is NDJSON: a line about itself, a line for each znode, parents first, and a last line with counts and a SHA-256 over path, data and ACL of every znode. Paths begin at the root of what was exported. A dump without its last line is not whole, and zk import refuses it.",
    "ZooKeeper has no snapshots for clients: znodes that change while they are read are counted in the last line (changed).",
    "The dump itself is what is printed on stdout; --json adds nothing to it. With --output a summary is printed.",
  ],
  examples: [
    { command: "zk export /shop > shop.ndjson", does: "everything below /shop" },
    { command: "zk export /shop -o shop.tar", does: "as files, one for each znode's data" },
    { command: "zk export /shop -o shop.ndjson.gz", does: "compressed" },
    {
      command: "zk export / --exclude '/kafka/**' --ephemerals fail",
      does: "all but a part; refuse ephemerals",
    },
    { command: "zk export /shop | zk --context dev import - /shop", does: "from one ensemble to another" },
  ],
  arguments: { path: optional("the znode, or zk://CONTEXT/PATH; / when none is given", "path") },
  options: {
    output: text("FILE", "a file instead of stdout; it appears when it is whole", {
      short: "o",
      kind: "file",
    }),
    format: maybeChoice(DUMP_FORMATS, "default: by the name of the file, else ndjson"),
    force: flag("replace a file that is there", "f"),
    ...READING_OPTIONS,
  },
  exits: [
    [3, "there is no such znode"],
    [4, "the file is there already, or an ephemeral was found and --ephemerals is fail"],
    [9, "some znodes may not be read"],
  ],
  output: {
    form: "document",
    fields: [
      { name: "path", type: "text", means: "what was exported; this document comes with --output only" },
      { name: "file", type: "text", means: "where it is" },
      { name: "format", type: "text", means: "ndjson, json or tar" },
      { name: "nodes", type: "number", means: "znodes" },
      { name: "bytes", type: "number", means: "bytes of their data" },
      { name: "sha256", type: "text", means: "over path, data and ACL of every znode" },
      { name: "changed", type: "number", means: "znodes that changed meanwhile" },
      { name: "denied", type: "number", means: "znodes that may not be read, and are not in it" },
      { name: "ephemeralsSkipped", type: "number", means: "ephemerals that were left out" },
    ],
    plain: ["nodes", "bytes", "sha256"],
  },
  async run(run) {
    const { output } = run.options;
    const place = parseServerPlace(run.arguments.path ?? "/", run);
    const format = run.options.format ?? formatOf(output);
    const file = output === undefined || output === "-" ? undefined : resolve(run.io.cwd, output);
    if (file === undefined && format !== "ndjson" && run.io.stdout.isTTY === true && format === "tar")
      throw new UsageError("an archive is nothing for a terminal", "-o FILE, or a pipe");
    if (file !== undefined && existsSync(file) && !run.options.force)
      throw new CliError("FILE_EXISTS", 4, `${file} is there already`, { hint: "--force replaces it" });
    const source = await readPlace(place, run.options, run);
    const client = await run.connect({ settings: place.settings });
    await client.sync(place.path, { signal: run.signal });
    run.progress.begin("reading", "znodes");
    const header = {
      schema: DUMP_SCHEMA,
      root: place.path,
      servers: place.settings.servers,
      zxid: hex(client.lastZxid),
      createdAt: new Date().toISOString(),
      ephemerals: run.options.ephemerals,
      selection: describeSelection(run.options),
    } as const;
    const dump = {
      header,
      nodes: source.nodes(),
      // What went away before it was read has changed as well.
      changed: () => source.report.changed + source.report.walk.vanished,
      denied: () => source.report.walk.denied.length,
      onNode: () => run.progress.advance(),
    };
    const footer =
      file === undefined
        ? await writeDump(dump, format, stdoutSink(run.io.stdout))
        : await writeToFile(file, (sink) => writeDump(dump, format, sink));
    run.progress.end();
    source.tell();
    return { path: place.path, file, format, ...footer, ephemeralsSkipped: source.report.ephemeralsSkipped };
  },
  human({ file, nodes, bytes, changed }, _screen, run) {
    run.note(
      `${plural(nodes, "znode")}, ${humanSize(bytes)} of data${file === undefined ? "" : ` in ${file}`}`,
    );
    if (changed > 0)
      run.warn(`${plural(changed, "znode")} changed meanwhile: this is no snapshot of one moment`);
  },
  plain: ({ file, nodes, bytes, sha256 }) => (file === undefined ? [] : [[nodes, bytes, sha256]]),
  // On stdout is the dump.
  json: ({ file, ...rest }) => (file === undefined ? undefined : { file, ...rest }),
});

function formatOf(file: string | undefined): DumpFormat {
  if (file === undefined) return "ndjson";
  if (/\.(tar|tar\.gz|tgz)$/.test(file)) return "tar";
  return /\.json(\.gz)?$/.test(file) ? "json" : "ndjson";
}

/** Holds the reading back while whoever reads the pipe is slower. */
function stdoutSink(stdout: NodeJS.WritableStream): Sink {
  return (chunk) => {
    if (stdout.write(chunk)) return;
    return new Promise((resolve) => {
      const done = (): void => {
        stdout.removeListener("drain", done);
        stdout.removeListener("close", done);
        resolve();
      };
      stdout.once("drain", done);
      stdout.once("close", done);
    });
  };
}

/** Under another name until it is whole; an end in the middle leaves nothing that looks like a dump. */
async function writeToFile(file: string, work: (sink: Sink) => Promise<DumpFooter>): Promise<DumpFooter> {
  const beside = `${file}.${process.pid}.part`;
  const out = createWriteStream(beside, { mode: 0o600, flags: "wx" });
  try {
    await once(out, "open");
  } catch (error) {
    throw new UsageError(`${file} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
  const target = /\.(gz|tgz)$/.test(file) ? createGzip() : out;
  // Writes that wait, and the end; whatever fails tells them all.
  let wake: () => void = () => {};
  let failure: CliError | undefined;
  const failed = (error: Error): void => {
    failure ??= new CliError("OUTPUT_FAILED", 9, `${beside} cannot be written: ${error.message}`, {
      cause: error,
    });
    wake();
  };
  out.on("error", failed);
  target.on("drain", () => wake());
  out.on("finish", () => wake());
  if (target !== out) {
    target.on("error", failed);
    target.pipe(out);
  }
  const untilWoken = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (failure !== undefined) resolve();
    });
    if (failure !== undefined) throw failure;
  };
  try {
    const footer = await work(async (chunk) => {
      if (failure !== undefined) throw failure;
      if (!target.write(chunk)) await untilWoken();
    });
    target.end();
    while (!out.writableFinished) await untilWoken();
    renameSync(beside, file);
    return footer;
  } catch (error) {
    out.destroy();
    rmSync(beside, { force: true });
    // What went wrong with the file is why whatever else went wrong did.
    throw failure ?? error;
  }
}
