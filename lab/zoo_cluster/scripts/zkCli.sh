#!/bin/sh
# zkCli.sh: ZooKeeper's own command line. All words go to it; README.md tells the difference between the modes.
#
# Release 3.4.6 silently does not run a command given after its options (ZOOKEEPER-1897), and no release before 3.5
# tells by its exit status that a command failed. Strict mode mends both: the command is run, and a server's "no" is a
# failure of this script. ZKLAB_COMPAT=3.4.6 leaves everything as that release has it.
#
# Exit in strict mode: 0 done, 1 the server or the connection said no, 2 words that cannot be passed on, 127 no Java.

if [ -z "${BASH_VERSION:-}" ] && [ -z "${ZKLAB_SHELL_CHOSEN:-}" ] && command -v bash >/dev/null 2>&1; then
  ZKLAB_SHELL_CHOSEN=1
  export ZKLAB_SHELL_CHOSEN
  exec bash "$0" "$@"
fi
unset ZKLAB_SHELL_CHOSEN

zoo_folder_of() { CDPATH='' cd -- "$(dirname -- "$1")" && pwd; }
zoo_has_env() { [ -e "$1/../libexec/zkEnv.sh" ] || [ -e "$1/zkEnv.sh" ]; }
zoo_self=$0
ZOOBINDIR=$(zoo_folder_of "$zoo_self")
while [ "${ZKLAB_COMPAT:-strict}" = strict ] && [ -h "$zoo_self" ] && ! zoo_has_env "$ZOOBINDIR"; do
  zoo_link=$(readlink "$zoo_self")
  case $zoo_link in
    /*) zoo_self=$zoo_link ;;
    *) zoo_self=$(dirname -- "$zoo_self")/$zoo_link ;;
  esac
  ZOOBINDIR=$(zoo_folder_of "$zoo_self")
done
if ! zoo_has_env "$ZOOBINDIR"; then
  printf '%s\n' "There is no zkEnv.sh beside $zoo_self." >&2
  exit 1
fi
if [ -e "$ZOOBINDIR/../libexec/zkEnv.sh" ]; then
  # shellcheck source=zkEnv.sh
  . "$ZOOBINDIR/../libexec/zkEnv.sh"
else
  # shellcheck source=zkEnv.sh
  . "$ZOOBINDIR/zkEnv.sh"
fi

# zoo_with_client FUNCTION WORD...: calls it with the client's command line.
zoo_with_client() {
  zoo_use=$1
  shift
  if zoo_strict; then set -f; fi
  # shellcheck disable=SC2086
  set -- "$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.root.logger=$ZOO_LOG4J_PROP" -cp "$CLASSPATH" \
    ${CLIENT_JVMFLAGS:-} ${JVMFLAGS:-} org.apache.zookeeper.ZooKeeperMain "$@"
  if zoo_strict; then set +f; fi
  "$zoo_use" "$@"
}

zoo_refuse() {
  printf '%s\n' "$1" >&2
  exit 2
}

# Puts the client's options into zoo_options_count, so that the command is what follows them.
zoo_count_options() {
  zoo_options_count=0
  while [ $# -gt 0 ]; do
    case $1 in
      -server | -timeout | -client-configuration)
        [ $# -ge 2 ] || zoo_refuse "$1 needs a value."
        zoo_options_count=$((zoo_options_count + 2))
        shift 2
        ;;
      -*)
        zoo_options_count=$((zoo_options_count + 1))
        shift
        ;;
      *) return ;;
    esac
  done
}

# Where words are missing, the client of 3.4 does nothing, says nothing and ends with 0.
zoo_check_count() {
  case $1 in
    create | set | setAcl) zoo_needed=3 ;;
    setquota) zoo_needed=4 ;;
    get | ls | ls2 | stat | getAcl | delete | rmr | sync | listquota | delquota | addauth | redo) zoo_needed=2 ;;
    *) zoo_needed=1 ;;
  esac
  [ $# -ge $zoo_needed ] || zoo_refuse "$1 needs $zoo_needed words or more in ZooKeeper 3.4; here are $#."
}

# Release 3.4.6 splits a line at its blanks and knows no quotes, so some words cannot be said to it.
zoo_check_words() {
  for zoo_item in "$@"; do
    case $zoo_item in
      '' | *' '* | *"$zoo_newline"*)
        zoo_refuse "The command line of ZooKeeper 3.4.6 cannot take the word \"$zoo_item\": it splits at blanks and has no quotes."
        ;;
    esac
  done
}
zoo_newline='
'

# What the client of 3.4 writes on its error output when a command fails. The last is the list of commands.
# Source: ZooKeeper 3.4.6, ZooKeeperMain.java, processCmd and processZKCmd.
zoo_failures='^(Node does not exist|Node already exists|Node not empty|Ephemerals cannot have children|Not a read-only call|Acl is not valid|Authentication is not valid|Arguments are not valid|version No is not valid|Command failed|Exception in thread|quota for .* does not exist|ZooKeeper -server host:port cmd args)'

# Runs a command with its error output kept, to see what it says about failure; shows it afterwards. Its standard output
# goes straight through.
zoo_judge() {
  { zoo_said=$("$@" 2>&1 >&3 3>&-); } 3>&1
  zoo_end=$?
  [ -z "$zoo_said" ] || printf '%s\n' "$zoo_said" >&2
  [ $zoo_end -eq 0 ] || exit $zoo_end
  if printf '%s\n' "$zoo_said" | grep -q -E "$zoo_failures"; then exit 1; fi
  exit 0
}

# Gives the command of zoo_line to the client on its standard input, and `quit`, which closes the session.
zoo_feed() { printf '%s\nquit\n' "$zoo_line" | "$@"; }
zoo_feed_and_judge() { zoo_judge zoo_feed "$@"; }

# Without JLine the client reads its input line by line, and neither echoes it nor looks for a terminal.
zoo_drop_jline() {
  zoo_rest=$CLASSPATH:
  CLASSPATH=
  while [ -n "$zoo_rest" ]; do
    case ${zoo_rest%%:*} in
      */jline-*.jar) ;;
      *) CLASSPATH=$CLASSPATH${CLASSPATH:+:}${zoo_rest%%:*} ;;
    esac
    zoo_rest=${zoo_rest#*:}
  done
}

zoo_main() {
  zoo_require_java || exit 127
  zoo_count_options "$@"
  if [ $# -eq "$zoo_options_count" ]; then zoo_with_client exec "$@"; fi
  zoo_version=$(zoo_release_version)
  case $zoo_version in
    3.4 | 3.4[!0-9]*)
      (
        shift "$zoo_options_count"
        zoo_check_count "$@"
      ) || exit 2
      ;;
  esac
  case $zoo_version in
    3.4.6 | 3.4.6[!0-9]*)
      zoo_line=$(
        shift "$zoo_options_count"
        zoo_check_words "$@"
        printf '%s' "$*"
      ) || exit 2
      # What is left are the options.
      zoo_place=0
      for zoo_item in "$@"; do
        shift
        if [ "$zoo_place" -lt "$zoo_options_count" ]; then set -- "$@" "$zoo_item"; fi
        zoo_place=$((zoo_place + 1))
      done
      zoo_drop_jline
      zoo_with_client zoo_feed_and_judge "$@"
      ;;
    3.4 | 3.4[!0-9]*) zoo_with_client zoo_judge "$@" ;;
    *) zoo_with_client exec "$@" ;;
  esac
}

if zoo_strict; then
  zoo_main "$@"
else
  zoo_with_client exec "$@"
fi
