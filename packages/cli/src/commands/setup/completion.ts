import { complete } from "../../completion/complete.js";
import { SCRIPTS, SHELLS, type Shell } from "../../completion/scripts.js";
import { completePath } from "../../completion/znode-paths.js";
import { type Command, defineCommand } from "../../definition/command.js";
import { anyNumber, argument } from "../../definition/specs.js";
import { UsageError } from "../../program/errors.js";
import { openSession } from "../../session/open-session.js";
import { readCredentials } from "../../settings/secrets.js";
import { allContexts, type ConnectionFlags, resolveSettings } from "../../settings/settings.js";
import { allCommands } from "../all-commands.js";

/** Milliseconds that the servers have for their part of a completion; starting the process takes the rest of 300. */
const LIMIT_MS = 180;

export const completion: Command = defineCommand({
  name: "completion",
  group: "setup",
  summary: "print a script that lets your shell complete commands, options and znode paths",
  examples: [
    { command: "source <(zk completion bash)", does: "in ~/.bashrc" },
    { command: "source <(zk completion zsh)", does: "in ~/.zshrc, behind compinit" },
    { command: "zk completion fish | source", does: "in config.fish" },
    { command: "zk completion pwsh | Out-String | Invoke-Expression", does: "in $PROFILE" },
  ],
  arguments: { shell: argument("bash, zsh, fish or pwsh") },
  options: {},
  connects: false,
  output: {
    form: "document",
    fields: [
      { name: "shell", type: "text", means: "the shell" },
      { name: "script", type: "text", means: "the script" },
    ],
  },
  async run(run) {
    const { shell } = run.arguments;
    if (!(SHELLS as readonly string[]).includes(shell))
      throw new UsageError(`there is no completion for ${JSON.stringify(shell)}`, SHELLS.join(", "));
    return { shell, script: SCRIPTS[shell as Shell] };
  },
  human: ({ script }, screen) => void screen.write(script),
});

export const completeWords: Command = defineCommand({
  name: "__complete",
  group: "setup",
  summary: "what may stand next; asked by the scripts of zk completion",
  examples: [
    { command: "zk __complete -- ls /", does: "lines to offer; :files and :nospace are for the script" },
  ],
  arguments: { words: anyNumber("the words before, and the one that is being typed") },
  options: {},
  connects: false,
  isHidden: true,
  output: { form: "document", fields: [{ name: "offers", type: "list", means: "what may stand next" }] },
  async run(run) {
    const before = run.arguments.words.slice(0, -1);
    const current = run.arguments.words.at(-1) ?? "";
    try {
      const offer = complete(before, current, allCommands());
      const typed = current.slice(offer.prefix.length);
      if (offer.kind === "file") return { offers: [":files"] };
      if (offer.kind === "context")
        return {
          offers: allContexts(run.io.env)
            .map(({ name }) => offer.prefix + name)
            .filter((name) => name.startsWith(current)),
        };
      if (offer.kind !== "path") return { offers: offer.words.map((word) => offer.prefix + word) };
      const settings = resolveSettings(connectionFlags(before), run.io.env, run.io.cwd);
      const signal = AbortSignal.any([run.signal, AbortSignal.timeout(LIMIT_MS)]);
      const quick = { ...settings, timeoutMs: LIMIT_MS };
      const paths = await completePath(typed === "" ? "/" : typed, settings, run.io.env, async () => {
        const credentials = await readCredentials(settings.auth, {
          env: run.io.env,
          readStdin: async () => new Uint8Array(),
          warn: () => {},
        });
        return await openSession(quick, { credentials, signal, connectLimitMs: LIMIT_MS });
      });
      return { offers: paths.length === 0 ? [] : [":nospace", ...paths.map((path) => offer.prefix + path)] };
    } catch {
      // Nothing may come into the prompt but offers.
      return { offers: [] };
    }
  },
  human({ offers }, screen) {
    // A name with a line end in it cannot be offered line by line.
    for (const line of offers) if (!/[\r\n]/.test(line)) screen.line(line);
  },
});

/** The options about servers that the line has so far. */
function connectionFlags(words: readonly string[]): ConnectionFlags {
  const flags: Record<string, string> = {};
  for (const [index, word] of words.entries()) {
    const match = /^--(servers|context|chroot|auth-file)(?:=(.*))?$/s.exec(word);
    if (match === null) continue;
    const value = match[2] ?? words[index + 1];
    if (value !== undefined) flags[match[1] === "auth-file" ? "authFile" : match[1]!] = value;
  }
  return flags as ConnectionFlags;
}
