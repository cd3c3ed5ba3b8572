/** Runs lines whose output has figures of a moment, each in its ways, and says what came out with those masked. */
import { createRequire } from "node:module";
import { type Command, Interruption } from "@zk/cli";
import type { Client } from "@zk/client";
import { type Known, Masks } from "./masks.js";
import { type Running, startZk, waitUntil } from "./program.js";
import { Terminal } from "./terminal.js";
import type { ZkHome } from "./zk.js";

/** `process` and `pty` are processes of their own, the one on pipes, the other on a terminal; the rest runs in the test. */
export type Way = "pipe" | "terminal" | "plain" | "json" | "process" | "pty" | "process-json";

/** The ways of what runs in the test, and of what starts programs, whose output is that of a process. */
export const WAYS: readonly Way[] = ["pipe", "terminal", "plain", "json"];
export const PROCESS_WAYS: readonly Way[] = ["process", "pty", "process-json"];

/** What a scene may use. */
export interface World {
  readonly home: ZkHome;
  readonly client: Client;
  /** Words of a line that differ from run to run, and how the line names them. */
  readonly words: Readonly<Record<string, string>>;
  readonly known: Known;
}

/** A run that is under way. */
export interface UnderWay {
  /** Waits until the run has said this on stdout; on a terminal, or stderr. */
  says(what: RegExp | string): Promise<void>;
  /** Presses keys, on a terminal. */
  type(keys: string): void;
  /** Ctrl-C. */
  end(): void;
}

/** A line, and what happens before and meanwhile. */
export interface LivingScene {
  readonly line: string;
  readonly stdin?: string;
  readonly ways?: readonly Way[];
  readonly env?: Readonly<Record<string, string>>;
  /** Before each way in which it is run. */
  readonly before?: (world: World) => Promise<unknown>;
  readonly during?: (run: UnderWay, world: World) => Promise<unknown>;
}

/** One section of a golden, and what was printed as JSON. */
export interface Section {
  readonly text: string;
  readonly printed: readonly Record<string, unknown>[];
}

export async function play(
  command: Command | undefined,
  scene: LivingScene,
  way: Way,
  world: World,
): Promise<Section> {
  await scene.before?.(world);
  const isJson = way === "json" || way === "process-json";
  const shown = scene.line.split(" ").filter(Boolean);
  // Behind -- the words are somebody else's.
  const end = shown.indexOf("--");
  const more = isJson ? ["--json"] : way === "plain" ? ["--plain"] : [];
  shown.splice(command?.passesOn === true || end < 0 ? shown.length : end, 0, ...more);
  const words = shown.map((word) => world.words[word] ?? word);
  const run =
    way === "pty"
      ? await onTerminal(words, scene, world)
      : way.startsWith("process")
        ? await asProcess(words, scene, world)
        : await inTest(words, scene, world, way === "terminal");
  const masks = new Masks([...world.known, ...ofThisMachine(world.home)]);
  const text = `$ zk ${shown.join(" ")} (${way})\n${section("", masks.apply(run.stdout))}${section("! ", masks.apply(run.stderr))}= ${run.exitCode}\n`;
  return {
    text: text.replaceAll("\u001b", "␛"),
    printed: isJson ? [...printedBy(run.stdout), ...printedBy(run.stderr)] : [],
  };
}

interface Said {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

async function inTest(
  words: readonly string[],
  scene: LivingScene,
  { home, ...world }: World,
  isTerminal: boolean,
): Promise<Said> {
  const controller = new AbortController();
  let stdout = "";
  const ended = home.run(words, {
    isTerminal,
    signal: controller.signal,
    env: scene.env ?? {},
    onStdout: (text) => (stdout += text),
    ...(scene.stdin === undefined ? {} : { stdin: scene.stdin }),
  });
  const meanwhile = scene.during?.(
    {
      says: (what) => waitUntil(`zk ${words.join(" ")} to say ${what}`, () => says(stdout, what)),
      type: () => {},
      end: () => controller.abort(new Interruption("SIGINT", 2)),
    },
    { home, ...world },
  );
  const [said] = await Promise.all([ended, meanwhile]);
  return said;
}

async function asProcess(words: readonly string[], scene: LivingScene, world: World): Promise<Said> {
  const running: Running = startZk(words, {
    env: { ...world.home.env, ...scene.env },
    cwd: world.home.path,
    stdin: scene.stdin ?? "",
  });
  const meanwhile = scene.during?.(
    {
      says: (what) =>
        waitUntil(`zk ${words.join(" ")} to say ${what}`, () =>
          says(running.stdout() + running.stderr(), what),
        ),
      type: () => {},
      end: () => running.child.kill("SIGINT"),
    },
    world,
  );
  const [said] = await Promise.all([running.ended, meanwhile]);
  return said;
}

async function onTerminal(words: readonly string[], scene: LivingScene, world: World): Promise<Said> {
  using terminal = Terminal.zk(words, { ...world.home.env, ...scene.env }, world.home.path);
  await scene.during?.(
    {
      says: (what) => terminal.expect(what),
      type: (keys) => terminal.type(keys),
      end: () => terminal.type("\u0003"),
    },
    world,
  );
  const exitCode = await terminal.exitCode();
  return { stdout: terminal.raw.replaceAll("\r\n", "\n"), stderr: "", exitCode };
}

function says(text: string, what: RegExp | string): boolean {
  return typeof what === "string" ? text.includes(what) : what.test(text);
}

function printedBy(text: string): Record<string, unknown>[] {
  const values = text.startsWith("{\n")
    ? [text]
    : text.split("\n").filter((line) => line.startsWith('{"schema"'));
  return values.map((value) => JSON.parse(value)).filter(({ schema }) => schema !== "zk.error/1");
}

function ofThisMachine({ path }: ZkHome): Known {
  const { version } = createRequire(import.meta.url)("../../../../packages/cli/package.json") as {
    version: string;
  };
  return [
    [path, "HOME"],
    [`"version": "${version}"`, '"version": "OURS"'],
    [`"node": "${process.versions.node}"`, '"node": "NODE"'],
    [`"platform": "${process.platform}"`, '"platform": "PLATFORM"'],
    [`"arch": "${process.arch}"`, '"arch": "ARCH"'],
  ];
}

/** Lines as a golden has them: those of stderr marked, a missing line end said. */
export function section(mark: string, text: string): string {
  if (text === "") return "";
  const lines = text.endsWith("\n") ? text.slice(0, -1).split("\n") : [...text.split("\n"), "(no line end)"];
  return lines.map((line) => `${mark}${line}\n`).join("");
}
