/** The options that every command takes, and those of every command that connects. */
import type { ColourChoice } from "../output/colour.js";
import type { ProgressChoice } from "../output/progress.js";
import type { ConnectionFlags } from "../settings/settings.js";
import type { OptionSpec, OptionSpecs } from "./command.js";
import { choice, duration, flag, text } from "./specs.js";

export interface GlobalValues {
  readonly json: boolean;
  readonly plain: boolean;
  readonly color: ColourChoice;
  readonly progress: ProgressChoice;
  readonly quiet: boolean;
  readonly help: boolean;
}

export const GLOBAL_OPTIONS: SpecsOf<GlobalValues> = {
  json: flag("print JSON on stdout: one document, or one object a line where a command says so"),
  plain: flag("print lines with tabs between the columns, without colour"),
  color: choice(["auto", "always", "never"], "auto", "when to use colour"),
  progress: choice(["auto", "never", "json"], "auto", "how long work shows itself on stderr"),
  quiet: flag("no notes on stderr; errors and warnings stay", "q"),
  help: flag("show examples, arguments and options"),
};

export const CONNECTION_OPTIONS: SpecsOf<ConnectionFlags> = {
  servers: text("HOST:PORT,…", "where to connect; a chroot may follow, as in host:2181/shop"),
  chroot: text("PATH", "the znode that counts as /", { kind: "path" }),
  context: text("NAME", "the context to use", { kind: "context" }),
  timeout: duration("SECONDS", "limit for connecting and for the whole command"),
  sessionTimeout: duration("SECONDS", "session timeout to ask for", { defaultText: "10" }),
  authFile: text("FILE", "credentials, one SCHEME:CREDENTIAL a line; - is stdin", { kind: "file" }),
  readOnly: flag("refuse to change anything; a server without quorum will do"),
  readWrite: flag("allow changes where the context says read-only"),
};

type SpecsOf<Values> = { readonly [Name in keyof Values]-?: OptionSpec<Values[Name]> };

/** The options that a command takes beside its own; its own win a letter. */
export function commonOptions(connects: boolean): OptionSpecs {
  return connects ? { ...CONNECTION_OPTIONS, ...GLOBAL_OPTIONS } : GLOBAL_OPTIONS;
}

/** `maxNodes` as `--max-nodes`. */
export function longName(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
