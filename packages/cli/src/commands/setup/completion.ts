import type { Client } from "@zk/client";
import { complete } from "../../completion/complete.js";
import { SCRIPTS, SHELLS, type Shell } from "../../completion/scripts.js";
import { completePath } from "../../completion/znode-paths.js";
import { type Command, defineCommand } from "../../definition/command.js";
import { anyNumber, argument, text } from "../../definition/specs.js";
import { typedWords } from "../../input/words.js";
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
  details: [
    "Paths come from the servers that the line so far, your variables or your context name, within 300 ms; where those are slow, from what was seen within the last day. What cannot be had is not offered, and no error comes into the prompt.",
    "The scripts of bash, zsh and fish are tested in these shells. That of PowerShell is not: there is none where the tests run.",
  ],
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
  options: {
    line: text(
      "LINE",
      "instead of words: the line up to the cursor, as a shell has it, the name of the program first",
    ),
    word: text(
      "WORD",
      "with --line: what the shell takes for the word that is typed, and will put an offer in place of",
    ),
  },
  connects: false,
  isHidden: true,
  output: { form: "document", fields: [{ name: "offers", type: "list", means: "what may stand next" }] },
  async run(run) {
    const { line, word } = run.options;
    let { words } = run.arguments;
    try {
      if (line !== undefined) words = behindProgram(typedWords(line));
      const before = words.slice(0, -1);
      const current = words.at(-1) ?? "";
      // A shell may take only the part behind = or : for the word.
      const own = word === undefined || /^[=:]$/.test(word) ? "" : (typedWords(word).at(-1) ?? "");
      const cut = word === undefined ? 0 : Math.max(0, current.length - own.length);
      const offers = await offersFor(before, current);
      return { offers: offers.map((each) => (each.startsWith(":") ? each : each.slice(cut))) };
    } catch {
      // Nothing may come into the prompt but offers.
      return { offers: [] };
    }

    async function offersFor(before: readonly string[], current: string): Promise<readonly string[]> {
      const offer = complete(before, current, allCommands());
      const typed = current.slice(offer.prefix.length);
      if (offer.kind === "file") return [":files"];
      if (offer.kind === "context")
        return allContexts(run.io.env)
          .map(({ name }) => offer.prefix + name)
          .filter((name) => name.startsWith(current));
      if (offer.kind !== "path") return offer.words.map((each) => offer.prefix + each);
      const settings = resolveSettings(connectionFlags(before), run.io.env, run.io.cwd);
      const signal = AbortSignal.any([run.signal, AbortSignal.timeout(LIMIT_MS)]);
      const quick = { ...settings, timeoutMs: LIMIT_MS };
      let client: Client | undefined;
      const connect = async (): Promise<Client> => {
        const credentials = await readCredentials(settings.auth, {
          env: run.io.env,
          readStdin: async () => new Uint8Array(),
          warn: () => {},
        });
        client = await openSession(quick, { credentials, signal, connectLimitMs: LIMIT_MS });
        return client;
      };
      const paths = await completePath(typed === "" ? "/" : typed, settings, run.io.env, connect);
      await leave(client, signal);
      return paths.length === 0 ? [] : [":nospace", ...paths.map((path) => offer.prefix + path)];
    }
  },
  human({ offers }, screen) {
    // A name with a line end in it cannot be offered line by line.
    for (const line of offers) if (!/[\r\n]/.test(line)) screen.line(line);
  },
});

/** Ends the session, if there is time for it: what is left open the servers keep until its timeout, for every Tab. */
function leave(client: Client | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (client === undefined || signal.aborted) return done();
    signal.addEventListener("abort", () => done(), { once: true });
    client.close().then(
      () => done(),
      () => done(),
    );
  });
}

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

/** What stands behind the program's own name, and variables before that. */
function behindProgram(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
  return words.slice(at + 1);
}
