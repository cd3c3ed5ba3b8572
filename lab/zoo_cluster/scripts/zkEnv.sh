# shellcheck shell=sh
# zkEnv.sh: what the control scripts have in common. It is read (with `.`), not run.
#
# It settles where the configuration is, which java runs with which class path, and defines the functions that know
# configuration files, processes and sockets. The caller sets ZOOBINDIR to its own folder first.
#
# Two modes, chosen by ZKLAB_COMPAT: unset or `strict` never claims what did not happen; `3.4.6` does what the scripts
# of that release did, quirks included. See README.md beside the sources of these scripts.
#
# It stays whole because a release's bin folder takes four scripts and no more.
#
# Written for any POSIX sh (tried with bash, dash and busybox). No `local`: names of ours begin with zoo_.

case ${ZKLAB_COMPAT:-strict} in
  strict | 3.4.6) ;;
  *)
    printf '%s\n' "ZKLAB_COMPAT is \"$ZKLAB_COMPAT\"; it may be 3.4.6, strict or unset." >&2
    exit 2
    ;;
esac

zoo_strict() { [ "${ZKLAB_COMPAT:-strict}" = strict ]; }

# ---- Places and variables. The order counts: zookeeper-env.sh may choose the configuration, java.env no longer.

ZOOBINDIR=${ZOOBINDIR:-/usr/bin}
if [ -z "${ZOOCFGDIR:-}" ]; then
  if [ -e "$ZOOBINDIR/../conf" ]; then
    ZOOCFGDIR=$ZOOBINDIR/../conf
  else
    ZOOCFGDIR=$ZOOBINDIR/../etc/zookeeper
  fi
fi

# shellcheck source=/dev/null
if [ -f "$ZOOCFGDIR/zookeeper-env.sh" ]; then . "$ZOOCFGDIR/zookeeper-env.sh"; fi

ZOOCFG=${ZOOCFG:-zoo.cfg}
if zoo_strict; then
  case $ZOOCFG in
    /*) ;;
    *) ZOOCFG=$ZOOCFGDIR/$ZOOCFG ;;
  esac
else
  ZOOCFG=$ZOOCFGDIR/$ZOOCFG
fi

# shellcheck source=/dev/null
if [ -f "$ZOOCFGDIR/java.env" ]; then . "$ZOOCFGDIR/java.env"; fi

ZOO_LOG_DIR=${ZOO_LOG_DIR:-.}
ZOO_LOG4J_PROP=${ZOO_LOG4J_PROP:-INFO,CONSOLE}

if [ -n "${JAVA_HOME:-}" ]; then
  JAVA=$JAVA_HOME/bin/java
else
  JAVA=java
fi

# ---- Class path. Each entry goes in front of those before it.

# zoo_prepend FILE...: a pattern without a match arrives here as it was written. 3.4.6 passes it on, we drop it.
zoo_prepend() {
  for zoo_entry in "$@"; do
    if zoo_strict && [ ! -e "$zoo_entry" ]; then continue; fi
    CLASSPATH=$zoo_entry:$CLASSPATH
  done
}

# zoo_only FILE...: true when the pattern matched one file.
zoo_only() { [ $# -eq 1 ] && [ -e "$1" ]; }

CLASSPATH=${CLASSPATH:-}
zoo_prepend "$ZOOCFGDIR"
zoo_prepend "$ZOOBINDIR"/../src/java/lib/*.jar
if zoo_only "$ZOOBINDIR"/../share/zookeeper/zookeeper-*.jar; then
  zoo_prepend "$ZOOBINDIR"/../share/zookeeper/*.jar
else
  zoo_prepend "$ZOOBINDIR"/../zookeeper-*.jar
  zoo_prepend "$ZOOBINDIR"/../lib/*.jar
fi
zoo_prepend "$ZOOBINDIR"/../build/lib/*.jar
zoo_prepend "$ZOOBINDIR"/../build/classes
# An empty last entry would put the current folder on the class path.
if zoo_strict; then CLASSPATH=${CLASSPATH%:}; fi

zoo_is_cygwin() {
  case $(uname 2>/dev/null) in
    CYGWIN*) return 0 ;;
    *) return 1 ;;
  esac
}
if zoo_is_cygwin; then CLASSPATH=$(cygpath -wp "$CLASSPATH"); fi

# Prints the version of the release, as the name of its server jar says; nothing when no jar tells.
zoo_release_version() {
  for zoo_entry in "$ZOOBINDIR"/../zookeeper-[0-9]*.jar "$ZOOBINDIR"/../lib/zookeeper-[0-9]*.jar \
    "$ZOOBINDIR"/../share/zookeeper/zookeeper-[0-9]*.jar; do
    case $zoo_entry in
      *-sources.jar | *-javadoc.jar | *-tests.jar | *-test.jar | *'*'*) continue ;;
    esac
    if [ -e "$zoo_entry" ]; then
      zoo_entry=${zoo_entry##*/zookeeper-}
      printf '%s\n' "${zoo_entry%.jar}"
      return
    fi
  done
}

# Fails with the reason when the java chosen above cannot be run.
zoo_require_java() {
  if [ -n "${JAVA_HOME:-}" ]; then
    if [ -f "$JAVA" ] && [ -x "$JAVA" ]; then return 0; fi
    printf '%s\n' "No Java: JAVA_HOME is $JAVA_HOME, but $JAVA is not a program. Correct JAVA_HOME, or unset it to use the java in PATH." >&2
    return 1
  fi
  if command -v java >/dev/null 2>&1; then return 0; fi
  printf '%s\n' "No Java: there is no java in PATH. Install a JRE (on Debian the package default-jre-headless), or set JAVA_HOME." >&2
  return 1
}

# ---- Configuration files.

# zoo_property KEY FILE: prints the value of a key as java.util.Properties reads it, blanks at both ends trimmed as the
# server does. Fails when the key is absent. Bytes outside ASCII are left as they are.
# Source: ZooKeeper 3.4.6, QuorumPeerConfig.java, parse; Java SE, Properties.load.
zoo_property() {
  # awk answers in the notation of printf's %b, so that no awk need know how to write a byte by its number.
  zoo_value=$(LC_ALL=C awk -v wanted="$1" '
    function hex4(text,   i, n) {
      n = 0
      for (i = 1; i <= 4; i++) n = n * 16 + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
      return n
    }
    function byte(n) { return sprintf("\\0%03o", n) }
    function utf8(n) {
      if (n == 0) return ""
      if (n == 92) return "\\\\"
      if (n < 128) return sprintf("%c", n)
      if (n < 2048) return byte(192 + int(n / 64)) byte(128 + n % 64)
      if (n < 65536) return byte(224 + int(n / 4096)) byte(128 + int(n / 64) % 64) byte(128 + n % 64)
      return byte(240 + int(n / 262144)) byte(128 + int(n / 4096) % 64) byte(128 + int(n / 64) % 64) byte(128 + n % 64)
    }
    function unescaped(text,   out, i, c, code, low) {
      out = ""
      for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c != "\\") { out = out c; continue }
        c = substr(text, ++i, 1)
        if (c == "t") out = out "\t"
        else if (c == "n") out = out "\n"
        else if (c == "r") out = out "\r"
        else if (c == "f") out = out "\f"
        else if (c == "\\") out = out "\\\\"
        else if (c == "u" && substr(text, i + 1, 4) ~ /^[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]$/) {
          code = hex4(substr(text, i + 1, 4)); i += 4
          if (code >= 55296 && code < 56320 && substr(text, i + 1, 6) ~ /^\\u[Dd][C-Fc-f][0-9A-Fa-f][0-9A-Fa-f]$/) {
            low = hex4(substr(text, i + 3, 4)); i += 6
            code = 65536 + (code - 55296) * 1024 + low - 56320
          }
          out = out utf8(code)
        } else out = out c
      }
      return out
    }
    function entry(line,   i, c, key, rest) {
      for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (c == "\\") i++
        else if (c == "=" || c == ":" || c == " " || c == "\t" || c == "\f") break
      }
      key = substr(line, 1, i - 1)
      rest = substr(line, i)
      sub(/^[ \t\f]+/, "", rest)
      if (rest ~ /^[=:]/) { rest = substr(rest, 2); sub(/^[ \t\f]+/, "", rest) }
      if (unescaped(key) != wanted) return
      found = 1
      value = unescaped(rest)
    }
    function natural(text,   i, backslashes) {
      sub(/^[ \t\f]+/, "", text)
      if (!continued && (text == "" || text ~ /^[#!]/)) return
      backslashes = 0
      for (i = length(text); i > 0 && substr(text, i, 1) == "\\"; i--) backslashes++
      continued = backslashes % 2
      logical = logical substr(text, 1, length(text) - continued)
      if (!continued) { entry(logical); logical = "" }
    }
    {
      sub(/\r$/, "")
      pieces = split($0, piece, "\r")
      if (pieces == 0) natural("")
      for (p = 1; p <= pieces; p++) natural(piece[p])
    }
    END {
      if (continued) entry(logical)
      if (!found) exit 1
      gsub(/^[ \t\r\n\f]+|[ \t\r\n\f]+$/, "", value)
      printf "%s", value
    }' <"$2") || return 1
  printf '%b' "$zoo_value"
}

# ---- Processes. From /proc where there is one, else from ps (macOS, BSD). ZKLAB_PROC is for the tests of the latter.

zoo_proc=${ZKLAB_PROC:-/proc}
zoo_server_class=org.apache.zookeeper.server.quorum.QuorumPeerMain

zoo_has_proc() { [ -r "$zoo_proc/self/stat" ]; }

# Prints the state letter (R, S, T, ...) of process $1. Fails when there is none; a zombie is none, for it holds
# neither port nor file, and in a container without an init it stays for good.
zoo_process_state() {
  if zoo_has_proc; then
    zoo_state=$(cat "$zoo_proc/$1/stat" 2>/dev/null)
    zoo_state=${zoo_state##*) } # the name in parentheses may hold anything
  else
    zoo_state=$(LC_ALL=C ps -o state= -p "$1" 2>/dev/null | tr -d ' ')
  fi
  case $zoo_state in
    '' | [ZXx]*) return 1 ;;
  esac
  printf '%.1s\n' "$zoo_state"
}

zoo_is_alive() { zoo_process_state "$1" >/dev/null; }

zoo_is_paused() {
  case $(zoo_process_state "$1") in
    [Tt]) return 0 ;;
    *) return 1 ;;
  esac
}

# Prints when process $1 began, in words that no other process with the same pid can have.
zoo_process_birth() {
  if zoo_has_proc; then
    zoo_birth=$(cat "$zoo_proc/$1/stat" 2>/dev/null) || return 1
    # The 22nd field, in clock ticks since the boot: the 20th after the name.
    zoo_birth=$(printf '%s\n' "${zoo_birth##*) }" | cut -d ' ' -f 20)
    printf 'proc:%s:%s\n' "$(cat "$zoo_proc/sys/kernel/random/boot_id" 2>/dev/null)" "$zoo_birth"
  else
    zoo_birth=$(LC_ALL=C TZ=UTC0 ps -o lstart= -p "$1" 2>/dev/null) || return 1
    printf 'ps:%s\n' "$(printf '%s' "$zoo_birth" | tr -s ' ')"
  fi
}

# Prints the command line of process $1: one word a line from /proc, all in one line from ps.
zoo_process_words() {
  if zoo_has_proc; then
    { tr '\0' '\n' <"$zoo_proc/$1/cmdline"; } 2>/dev/null
  else
    ps -ww -o args= -p "$1" 2>/dev/null
  fi
}

# Prints the configuration that process $1 was started with. Fails when it is no ZooKeeper server.
zoo_process_config() {
  if zoo_has_proc; then
    zoo_process_words "$1" | awk -v class="$zoo_server_class" '
      found { print; told = 1; exit }
      $0 == class { found = 1 }
      END { exit !told }'
  else
    zoo_words=$(zoo_process_words "$1")
    case $zoo_words in
      *" $zoo_server_class "*) printf '%s\n' "${zoo_words#*" $zoo_server_class "}" ;;
      *) return 1 ;;
    esac
  fi
}

# zoo_runs_config PID CONFIG: whether a ZooKeeper process uses this very configuration file, however it was spelled.
zoo_runs_config() {
  zoo_its_config=$(zoo_process_config "$1") || return 1
  [ "$zoo_its_config" = "$2" ] && return 0
  case $zoo_its_config in
    /*) ;;
    *) zoo_its_config=$zoo_proc/$1/cwd/$zoo_its_config ;;
  esac
  # shellcheck disable=SC3013 # -ef is in every sh that we know of, and in POSIX since 2024.
  [ "$zoo_its_config" -ef "$2" ]
}

# Prints the pid of a server that runs with configuration $1, whatever pid files say; nothing when there is none.
zoo_find_config() {
  if zoo_has_proc; then
    zoo_found=$(grep -l -- "$zoo_server_class" "$zoo_proc"/[0-9]*/cmdline 2>/dev/null | sed 's#/cmdline$##; s#.*/##')
  else
    zoo_found=$(ps -ww -axo pid=,args= 2>/dev/null | awk -v class="$zoo_server_class" 'index($0, class) { print $1 }')
  fi
  for zoo_candidate in $zoo_found; do
    if zoo_is_alive "$zoo_candidate" && zoo_runs_config "$zoo_candidate" "$1"; then
      printf '%s\n' "$zoo_candidate"
      return
    fi
  done
}

# Describes process $1 for a message. Nothing that it chose for its own command line may reach the terminal raw.
zoo_process_title() {
  if zoo_title=$(zoo_process_config "$1"); then
    zoo_title="a ZooKeeper server with configuration $zoo_title"
  else
    zoo_title=$(zoo_process_words "$1" | tr '\n' ' ')
  fi
  printf 'process %s (%s)\n' "$1" "$(printf '%s' "${zoo_title% }" | LC_ALL=C tr -d '\000-\037\177' | cut -c 1-160)"
}

# Prints the inodes of the sockets that listen on TCP port $1.
zoo_port_inodes() {
  cat "$zoo_proc/net/tcp" "$zoo_proc/net/tcp6" 2>/dev/null |
    awk -v port="$(printf ':%04X' "$1")" '$4 == "0A" && substr($2, length($2) - 4) == port { printf "%s ", $10 }'
}

# zoo_inode_holders INODES FOLDER...: prints the pids that hold one of these sockets, of the /proc/PID/fd given.
zoo_inode_holders() {
  zoo_inodes=$1
  shift
  # The links' targets are what we read, and those are sockets.
  # shellcheck disable=SC2012
  ls -l "$@" /dev/null 2>/dev/null | awk -v inodes="$zoo_inodes" '
    BEGIN { n = split(inodes, list, " "); for (i = 1; i <= n; i++) wanted["socket:[" list[i] "]"] = 1 }
    /^\/.*\/fd:$/ { sub(/\/fd:$/, ""); sub(/.*\//, ""); pid = $0; next }
    $NF in wanted && !(pid in seen) { seen[pid] = 1; print pid }'
}

zoo_sees_sockets() { zoo_has_proc && [ -r "$zoo_proc/net/tcp" ]; }

# Prints the pids that listen on TCP port $1, as far as this user may know them.
zoo_port_owners() {
  if zoo_sees_sockets; then
    zoo_listening=$(zoo_port_inodes "$1")
    if [ -n "$zoo_listening" ]; then zoo_inode_holders "$zoo_listening" "$zoo_proc"/[0-9]*/fd; fi
  elif command -v lsof >/dev/null 2>&1; then
    lsof -nP -t "-iTCP:$1" -sTCP:LISTEN 2>/dev/null
  fi
}

# zoo_may_own PID PORT: false only if it is seen that neither the process nor one that it started listens there, but
# somebody else does.
zoo_may_own() {
  if zoo_sees_sockets; then
    zoo_listening=$(zoo_port_inodes "$2")
    [ -z "$(zoo_inode_holders "$zoo_listening" "$zoo_proc/$1/fd")" ] || return 0
  fi
  zoo_owners=$(zoo_port_owners "$2")
  [ -n "$zoo_owners" ] || return 0
  for zoo_owner in $zoo_owners; do
    if zoo_descends "$zoo_owner" "$1"; then return 0; fi
  done
  return 1
}

# zoo_descends PID ANCESTOR: whether a process is that one or was started by it, through however many others.
zoo_descends() {
  zoo_child_of=$1
  while [ -n "$zoo_child_of" ] && [ "$zoo_child_of" -gt 1 ]; do
    [ "$zoo_child_of" -ne "$2" ] || return 0
    if zoo_has_proc; then
      zoo_child_of=$(cat "$zoo_proc/$zoo_child_of/stat" 2>/dev/null)
      zoo_child_of=$(printf '%s\n' "${zoo_child_of##*) }" | cut -d ' ' -f 2)
    else
      zoo_child_of=$(ps -o ppid= -p "$zoo_child_of" 2>/dev/null | tr -d ' ')
    fi
  done
  return 1
}

# Says who listens on TCP port $1.
zoo_port_owner_title() {
  zoo_owner=$(zoo_port_owners "$1" | head -n 1)
  if [ -n "$zoo_owner" ]; then
    zoo_process_title "$zoo_owner"
  else
    printf '%s\n' "a process that this user may not see (as root: ss -ltnp, or lsof -iTCP:$1)"
  fi
}

# ---- Sockets, without a JVM.

zoo_nap() { sleep "$1" 2>/dev/null || sleep 1; }

zoo_askers='bash perl python3 nc'

# zoo_talk TOOL HOST PORT WORD: becomes that tool, which prints the line `asking`, connects, prints the line `connected`,
# sends WORD and prints what comes back. Each has a limit of its own too, so that none is left behind if we are killed.
zoo_talk() {
  case $1 in
    bash)
      exec bash -c '
        echo asking
        exec 3<>"/dev/tcp/$1/$2" || exit 1
        echo connected
        printf %s "$3" >&3
        for ((n = 0; n < 40; n++)); do
          IFS= read -r -t 2 line <&3 || { printf "%s\n" "$line"; exit 0; }
          printf "%s\n" "$line"
        done' "$@"
      ;;
    perl)
      exec perl -e '
        use Socket qw(:DEFAULT getaddrinfo);
        my ($tool, $host, $port, $word) = @ARGV;
        $| = 1;
        alarm 3;
        print "asking\n";
        my ($error, @found) = getaddrinfo($host, $port, { socktype => SOCK_STREAM });
        for my $a (@found) {
          socket(my $s, $a->{family}, $a->{socktype}, $a->{protocol}) or next;
          connect($s, $a->{addr}) or next;
          print "connected\n";
          syswrite $s, $word;
          for (1 .. 40) { my $line = <$s>; last unless defined $line; print $line }
          exit 0;
        }
        exit 1' "$@"
      ;;
    python3)
      exec python3 -IS -c '
import socket, sys
print("asking", flush=True)
try:
    s = socket.create_connection((sys.argv[2], int(sys.argv[3])), 2)
except OSError:
    sys.exit(1)
print("connected", flush=True)
try:
    s.sendall(sys.argv[4].encode())
    for _ in range(40):
        data = s.recv(4096)
        if not data:
            break
        sys.stdout.buffer.write(data)
except OSError:
    pass' "$@"
      ;;
    nc)
      # It does not tell when it is connected, but does say when it is not.
      echo asking
      zoo_said=$(printf %s "$4" | nc -w 2 "$2" "$3") || [ -n "$zoo_said" ] || exit 1
      printf 'connected\n%s\n' "$zoo_said"
      exit 0
      ;;
  esac
}

# zoo_talk_for SECONDS TOOL HOST PORT WORD: the same, ended after SECONDS (status 137 then).
zoo_talk_for() {
  zoo_limit=$1
  shift
  zoo_talk "$@" </dev/null 2>/dev/null &
  zoo_talker=$!
  # Its output is not ours: whoever reads ours must not wait for a sleep.
  (
    zoo_sleeper=
    trap 'kill $zoo_sleeper; exit 0' TERM
    sleep "$zoo_limit" &
    zoo_sleeper=$!
    wait "$zoo_sleeper"
    kill -KILL "$zoo_talker"
  ) </dev/null >/dev/null 2>&1 &
  zoo_timer=$!
  wait "$zoo_talker"
  zoo_told=$?
  kill "$zoo_timer" 2>/dev/null
  wait "$zoo_timer"
  return $zoo_told
}

# zoo_ask HOST PORT WORD SECONDS: sends a four-letter word, waits at most SECONDS, sets zoo_reply.
# Returns 0 with an answer, 1 when nobody accepts there, 2 when somebody accepts but says nothing in time, 69 when this
# machine has no tool that can ask, 75 when the tool did not even begin in time, as on a machine that is very busy.
zoo_ask() {
  while :; do
    zoo_reply=
    zoo_asker=${zoo_askers%% *}
    [ -n "$zoo_asker" ] || return 69
    if command -v "$zoo_asker" >/dev/null 2>&1; then
      { zoo_reply=$(zoo_talk_for "$4" "$zoo_asker" "$1" "$2" "$3"); } 2>/dev/null
      zoo_asked=$?
      case $zoo_reply in
        asking*) break ;;
      esac
      [ $zoo_asked -ne 137 ] || return 75
    fi
    # Not there, or there and not working: the next one.
    case $zoo_askers in
      *' '*) zoo_askers=${zoo_askers#* } ;;
      *) zoo_askers= ;;
    esac
  done
  zoo_reply=${zoo_reply#asking}
  zoo_reply=${zoo_reply#?} # the end of that line
  case $zoo_reply in
    connected*) ;;
    *) return 1 ;;
  esac
  zoo_reply=${zoo_reply#connected}
  zoo_reply=${zoo_reply#?} # the end of that line
  [ -n "$zoo_reply" ] || return 2
}
