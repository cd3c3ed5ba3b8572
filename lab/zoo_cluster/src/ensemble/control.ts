/** What the lab can do with one server, whatever that server is made of. */
import type { ProcessIdentity, ProcessSnapshot } from "../process/process-table.js";
import type { ScriptResult } from "./control-script.js";
import type { ServerSpec } from "./layout.js";

/** What a server's runs wrote. */
export interface Output {
  /** Where people find what the running or last server writes: a file, or a command that shows it. */
  place(): string;
  /** Everything that there is, the earliest run first. */
  text(): Promise<string>;
  /** The end of what the newest run wrote, about so many bytes, from a whole line on; empty when it wrote nothing. */
  end(bytesMax: number): Promise<string>;
  /** Begins to follow at the end of what there is now, of which it keeps about so many bytes: see {@link Follower.before}. */
  follow(bytesMax: number): Promise<Follower>;
}

/** Gives what is added to an output, also when a new run begins. */
export interface Follower {
  /** The end of what was there when it began, from a whole line on. Nothing lies between this and the first {@link read}, and nothing twice. */
  readonly before: string;
  /** Whole lines since the last call. */
  read(): Promise<string[]>;
}

/** The last lines of the newest run, for messages. */
export async function tailOf(
  { server, output }: Pick<Control, "server" | "output">,
  linesMax = 20,
): Promise<string> {
  const lines = (await output.end(16_384)).trimEnd().split("\n").slice(-linesMax);
  const text = lines.join("\n").trim();
  return text === ""
    ? `Server ${server.id} has written nothing to ${output.place()}.`
    : `Last lines of ${output.place()}:\n${text}`;
}

/** One server: found, started, stopped and signalled. Changes of one server happen one after another. */
export interface Control {
  readonly server: ServerSpec;
  readonly output: Output;
  /** The process that this server is, or is a part of; null when the server does not run. */
  find(): Promise<ProcessSnapshot | null>;
  /** As {@link find}, also where it takes a long look. */
  findAnywhere(): Promise<ProcessSnapshot | null>;
  /** Makes it run: starts it when stopped, resumes it when paused. Resolves long before it serves. */
  start(mayStart?: () => void): Promise<ProcessIdentity>;
  /** Ends it in order. Nothing to do when it is not there. */
  stop(): Promise<void>;
  /** As SIGKILL does; resolves when it is gone. */
  kill(): Promise<ProcessIdentity | null>;
  /** As SIGTERM does; resolves when it is gone. */
  term(): Promise<ProcessIdentity | null>;
  /** As SIGSTOP does. */
  pause(): Promise<void>;
  /** As SIGCONT does. */
  resume(): Promise<void>;
  /** What its own `zkServer.sh status` says, or null when there is no such answer. */
  askScript(): Promise<ScriptResult | null>;
  /** Resident memory in bytes, or null when unknown. */
  residentBytes(): Promise<number | null>;
}
