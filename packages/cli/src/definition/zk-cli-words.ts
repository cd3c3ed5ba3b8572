/** What people type who know zkCli.sh: its options before the command, and words whose work is done in another way here. */
import { UsageError } from "../program/errors.js";

/** What to type instead, by word. */
const WORDS_ELSEWHERE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    addauth: "--auth-file FILE, ZK_AUTH_FILE, or zk context add NAME --auth-file FILE; in the shell: addauth",
    connect: "--servers HOST:PORT, or zk context use NAME",
    close: "the session of a command ends with the command",
    cd: "that is a word of the shell, which zk alone opens; --chroot PATH makes every path begin there",
    pwd: "that is a word of the shell, which zk alone opens",
    quit: "that is a word of the shell, which zk alone opens",
    exit: "that is a word of the shell, which zk alone opens",
    history: "that is a word of the shell, which zk alone opens",
    redo: "in the shell, which zk alone opens: redo N, Ctrl-R, or the arrow keys",
    clear: "Ctrl-L, in the shell that zk alone opens",
    printwatches: "zk watch PATH prints changes",
    removewatches: "a watch ends with the zk watch that set it",
    config: "zk get /zookeeper/config, on servers of 3.5 and newer",
    reconfig: "servers of 3.4 are configured by their zoo.cfg: zk doctor --config FILE reads one",
    version: "zk --version; zk status shows the releases of the servers",
    whoami: "zk acl PATH shows who may; servers of 3.4 tell nobody who they are",
    cat: "zk get PATH",
    mkdir: "zk create PATH, and zk create -p PATH with its parents",
    mv: "servers cannot move a znode: zk cp FROM TO, then zk delete -r FROM",
  }),
);

/** What to type instead of a word that is no command; undefined when nobody ever typed it. */
export function wordElsewhere(word: string): string | undefined {
  return WORDS_ELSEWHERE.get(word);
}

/** An option of zkCli.sh before the command, in our words. */
export interface OldOption {
  /** Whether the next word belongs to it. */
  readonly takesValue: boolean;
  /** @throws UsageError where there is nothing like it */
  gives(value: string): readonly string[];
}

const OLD_OPTIONS: ReadonlyMap<string, OldOption> = new Map(
  Object.entries({
    "-server": { takesValue: true, gives: (value: string) => ["--servers", value] },
    // In milliseconds, and of the session.
    "-timeout": { takesValue: true, gives: (value: string) => ["--session-timeout", `${value}ms`] },
    "-r": { takesValue: false, gives: () => ["--read-only"] },
    "-waitforconnection": { takesValue: false, gives: () => [] },
    "-client-configuration": {
      takesValue: true,
      gives: () => {
        throw new UsageError(
          "zk reads no configuration of Java's client",
          "zk context add NAME --servers HOST:PORT keeps what it is to know",
        );
      },
    },
  }),
);

export function oldOption(word: string): OldOption | undefined {
  return OLD_OPTIONS.get(word);
}

/** An option of an old command with its value, taken out of its words. @throws UsageError when the value is missing */
export function takeOption(
  words: readonly string[],
  option: string,
): { readonly value: string | undefined; readonly others: readonly string[] } {
  const at = words.indexOf(option);
  if (at < 0) return { value: undefined, others: words };
  const value = words[at + 1];
  if (value === undefined) throw new UsageError(`${option} needs a value`);
  return { value, others: [...words.slice(0, at), ...words.slice(at + 2)] };
}
