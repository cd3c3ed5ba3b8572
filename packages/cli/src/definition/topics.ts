/** Texts of `zk help TOPIC` that belong to no command. */

export const TOPICS: Readonly<Record<string, string>> = {
  environment: `Variables

  ZK_SERVERS          where to connect: host:port,host:port; a chroot may follow
  ZK_HOST             the same, as Solr has it; weaker than ZK_SERVERS
  ZK_CHROOT           the znode that counts as /
  ZK_CONTEXT          the context to use
  ZK_TIMEOUT          limit for each command: 5, 250ms, 2m
  ZK_SESSION_TIMEOUT  session timeout to ask for
  ZK_READONLY         1 refuses to change anything, 0 allows it where a context does not
  ZK_AUTH_FILE        a file of credentials, one SCHEME:CREDENTIAL a line
  ZK_AUTH             such lines themselves; a file is safer
  NO_COLOR            not empty: no colour
  FORCE_COLOR         not empty: colour on pipes, too, whatever NO_COLOR says; 0: none
  VISUAL, EDITOR      for zk edit
  PAGER               for long output on a terminal; less -FIRX unless set
  XDG_CONFIG_HOME     contexts are in zk/config.json below it (~/.config)
  XDG_STATE_HOME      the shell's history is in zk/ below it (~/.local/state)
  XDG_CACHE_HOME      completion remembers in zk/ below it (~/.cache)

The order, strongest first: flags, variables, .zkrc.json of the project (looked for upwards to the root of the repository),
your contexts, the system's. zk context explain shows what holds and why.`,
  data: `Data

On the command line   a text; - is stdin; @FILE is a file; '' is empty; --null is none at all, which is not the same
                      --literal takes - and @… as they are
On a pipe             zk get prints the bytes and nothing else
On a terminal         control characters are shown as escapes, binary data as a dump
In JSON               "data" when it is UTF-8, null when there is none, else "dataBase64"
                      zxids and session ids are text in hexadecimal: they do not fit into a JSON number
Compressed            only as you say: --decode gzip|zlib|brotli|lz4`,
  json: `JSON

--json works on every command. A command prints one document, or one object a line where its help says so. Each has a
"schema" such as "zk.get/1": the command and the version of its shape. Fields may be added to a version; none goes and none
changes its meaning.

A stat: czxid, mzxid, pzxid (hexadecimal text), ctime, mtime (ISO text, UTC), version, cversion, aversion, dataLength,
numChildren (numbers), ephemeralOwner (hexadecimal text, or null), nextSequence (number of the next sequential child).

A failure is {"schema": "zk.error/1", "error": {"code", "message", "exitCode", "hint", …}} on stdout, and words on stderr.
zk help --json describes every command.`,
};
