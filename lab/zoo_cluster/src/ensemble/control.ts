/** What the lab can do with one server, whatever that server is made of. */
import type { ProcessIdentity, ProcessSnapshot } from "../process/process-table.js";
import type { ScriptResult } from "./control-script.js";
import type { ServerSpec } from "./layout.js";

/** What a server's runs wrote. */
export interface Output {
  /** File that takes the output of the running or last server. */
  newest(): string;
  /** All outputs that there are, the earliest run first. */
  all(): string[];
  /** The last lines of the newest output, for messages. */
  tail(linesMax?: number): Promise<string>;
}

/** One server: found, started, stopped and signalled. Changes of one server happen one after another. */
export interface Control {
  readonly server: ServerSpec;
  readonly output: Output;
  /** The process that this server is, or is a part of; null when the server does not run. */
  find(): ProcessSnapshot | null;
  /** As {@link find}, also where it takes a long look. */
  findAnywhere(): ProcessSnapshot | null;
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
}
