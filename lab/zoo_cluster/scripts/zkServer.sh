#!/bin/sh
# zkServer.sh: starts, stops and asks one ZooKeeper server. `zkServer.sh --help` tells the words, README.md the rest.
#
# Strict mode (the default) in short: success is said only of what was seen to happen, and a signal goes only to a
# process that is known to be this server. ZKLAB_COMPAT=3.4.6 gives the behaviour of that release's script instead; its
# functions are together at the end, so that either mode can be read alone.
#
# How a server is known: its pid file holds the pid (digits, no newline, as ever), and FILE.started beside it the pid
# with the time at which that process began. A pid file that others wrote has no such record; then the process must run
# ZooKeeper's server class with this very configuration file. The server process writes both files itself before it
# becomes java, creating the pid file exclusively. So a start that is killed at any moment leaves no server that is not
# on record, and of two starts at once only one wins.
#
# It stays whole, long as it is, because a release's bin folder takes four scripts and no more.

# java.env and zookeeper-env.sh were always read by bash, so they may need it. Without bash any POSIX sh will do.
if [ -z "${BASH_VERSION:-}" ] && [ -z "${ZKLAB_SHELL_CHOSEN:-}" ] && command -v bash >/dev/null 2>&1; then
  ZKLAB_SHELL_CHOSEN=1
  export ZKLAB_SHELL_CHOSEN
  exec bash "$0" "$@"
fi
unset ZKLAB_SHELL_CHOSEN

zoo_words='start|start-foreground|stop|restart|status|upgrade|print-cmd'

zoo_usage() {
  printf '%s\n' "Usage: $0 {$zoo_words}"
}

zoo_help() {
  zoo_usage
  cat <<'END'

  start [CFG]             start in the background and wait until the server serves
  restart [CFG]           stop, then start
      --wait SECONDS      how long to wait (30)
      --until process     ... only until the process is seen to live
      --until port        ... until it accepts clients' connections, with or without a quorum
      --until serving     ... until it serves (the default)
      --no-wait           the same as --until process
  start-foreground [CFG]  run the server in place of this script
  stop [CFG]              TERM, after 10 s KILL; done when the process is gone
  status [CFG]            ask the server for its mode, within 2 s
  print-cmd [CFG]         print the command line that start would run
  upgrade DIR DIR         convert the files of a 2.x server

CFG without a slash is looked for in the configuration folder. Exit: 0 done, 1 failed or down, 2 wrong words,
3 alive but not serving.
END
}

zoo_misused() {
  [ -z "${1:-}" ] || printf '%s\n' "$1" >&2
  zoo_usage >&2
  exit 2
}

# Start and stop begin a line on standard output and end it with one of these. What there is to explain follows on
# standard error, after the line.
zoo_notes=
zoo_unsaid=
zoo_begin() {
  printf '%s' "$1"
  zoo_unsaid=$2
}
zoo_note() {
  zoo_notes="$zoo_notes$1
"
}
zoo_conclude() {
  printf '%s\n' "$1"
  printf %s "$zoo_notes" >&2
  zoo_notes=
  zoo_unsaid=
}
zoo_fail() {
  [ -z "$zoo_unsaid" ] || zoo_conclude "$zoo_unsaid"
  [ $# -eq 0 ] || printf '%s\n' "$@" >&2
  exit 1
}

# Wrong words are answered before anything is read or made.
zoo_word=${1:-}
zoo_config=
zoo_wait=30
zoo_until=serving
zoo_read_words() {
  case $zoo_word in
    -h | --help | help) zoo_help && exit 0 ;;
    '') zoo_misused ;;
    start | restart | start-foreground | stop | status | print-cmd) shift ;;
    upgrade) return ;;
    *) zoo_misused "There is no word $zoo_word." ;;
  esac
  while [ $# -gt 0 ]; do
    case $1 in
      -*)
        case $zoo_word in
          start | restart) ;;
          *) zoo_misused "$zoo_word takes no option $1." ;;
        esac
        ;;
    esac
    case $1 in
      --no-wait) zoo_until=process ;;
      --wait=* | --until=*)
        zoo_option=${1%%=*}
        zoo_value=${1#*=}
        shift
        set -- "$zoo_option" "$zoo_value" "$@"
        continue
        ;;
      --wait)
        case ${2:-} in
          '' | *[!0-9]* | ???????*) zoo_misused "--wait needs a number of seconds." ;;
        esac
        zoo_wait=${2#"${2%%[!0]*}"} # without leading zeros: 08 would be octal in an arithmetic expansion
        zoo_wait=${zoo_wait:-0}
        shift
        ;;
      --until)
        case ${2:-} in
          process | port | serving) zoo_until=$2 ;;
          *) zoo_misused "--until needs one of process, port, serving." ;;
        esac
        shift
        ;;
      -*) zoo_misused "There is no option $1." ;;
      '') ;; # an unset variable in the caller's script: as if it were not there
      *)
        [ -z "$zoo_config" ] || zoo_misused "One configuration file is enough: $zoo_config, $1."
        zoo_config=$1
        ;;
    esac
    shift
  done
}
if [ "${ZKLAB_COMPAT:-strict}" = strict ]; then zoo_read_words "$@"; fi

# The folder of this script, as it was called; in strict mode a link to the script is followed if need be.
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
# 3.4.6 decides on JMX before it reads the environment files, so that JMXDISABLE in java.env does nothing there; we after.
zoo_choose_jmx() {
  if [ "${ZKLAB_COMPAT:-strict}" = strict ] && [ "${JMXDISABLE:-}" = false ]; then JMXDISABLE=; fi
  if [ -n "${JMXDISABLE:-}" ]; then
    echo "JMX disabled by user request" >&2
    zoo_jmx_flags=
  else
    echo "JMX enabled by default" >&2
    zoo_jmx_flags="-Dcom.sun.management.jmxremote -Dcom.sun.management.jmxremote.local.only=${JMXLOCALONLY:-false}"
  fi
}
if [ "${ZKLAB_COMPAT:-strict}" != strict ]; then zoo_choose_jmx; fi

# At the top level and not in a function, so that a `declare` in java.env means what it always meant.
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

# zoo_with_server_command FUNCTION: calls it with the words of the server's command line.
zoo_with_server_command() {
  zoo_use=$1
  set -f # flags are split at blanks, but a star in them is no file name
  # shellcheck disable=SC2086
  set -- "$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.root.logger=$ZOO_LOG4J_PROP" -cp "$CLASSPATH" \
    $JVMFLAGS $zoo_jmx_flags "$zoo_server_class" "$ZOOCFG"
  set +f
  "$zoo_use" "$@"
}

# ---- Strict mode: the configuration.

zoo_prepare() {
  zoo_choose_jmx
  JVMFLAGS="${SERVER_JVMFLAGS:-} ${JVMFLAGS:-}"
  zoo_log="$ZOO_LOG_DIR/zookeeper.out"
  [ "$zoo_word" = upgrade ] && return

  case $zoo_config in
    '') ;;
    */*) ZOOCFG=$zoo_config ;;
    *) ZOOCFG=$ZOOCFGDIR/$zoo_config ;;
  esac
  printf '%s\n' "Using config: $ZOOCFG" >&2
  if [ ! -r "$ZOOCFG" ] || [ -d "$ZOOCFG" ]; then
    zoo_fail "The configuration file $ZOOCFG cannot be read. Name one: $0 $zoo_word FILE"
  fi
  zoo_data_dir=$(zoo_property dataDir "$ZOOCFG")
  if [ -z "${ZOOPIDFILE:-}" ]; then
    [ -n "$zoo_data_dir" ] || zoo_fail "$ZOOCFG has no dataDir, and ZOOPIDFILE is not set."
    ZOOPIDFILE=$zoo_data_dir/zookeeper_server.pid
  fi
  zoo_find_ports
}

# The line of this server among its peers, without what 3.5 and later put after a semicolon or a bar. Empty if alone.
zoo_find_own_line() {
  zoo_own_line=
  zoo_own_client=
  zoo_my_id=$(zoo_read_number "$zoo_data_dir/myid")
  case $zoo_my_id in
    '' | *[!0-9]*) return 0 ;;
  esac
  zoo_own_line=$(zoo_property "server.$zoo_my_id" "$ZOOCFG") ||
    zoo_own_line=$(zoo_property "server.$zoo_my_id" "$(zoo_property dynamicConfigFile "$ZOOCFG")" 2>/dev/null)
  case $zoo_own_line in
    *\;*) zoo_own_client=${zoo_own_line#*\;} ;;
  esac
  zoo_own_line=${zoo_own_line%%;*}
  zoo_own_line=${zoo_own_line%%|*}
}

# Where clients connect. An address for all interfaces is asked on this machine.
zoo_find_ports() {
  zoo_find_own_line
  zoo_host=$(zoo_property clientPortAddress "$ZOOCFG")
  if ! zoo_port=$(zoo_property clientPort "$ZOOCFG"); then
    zoo_port=${zoo_own_client##*:}
    case $zoo_own_client in
      *:*) zoo_host=${zoo_own_client%:*} ;;
    esac
  fi
  zoo_host=$(zoo_plain_host "$zoo_host")
  zoo_address=$zoo_host:$zoo_port
  case $zoo_port in
    '' | *[!0-9]* | ??????*)
      zoo_port=
      zoo_address="(no client port)"
      ;;
  esac
}

zoo_plain_host() {
  zoo_plain=${1#\[}
  zoo_plain=${zoo_plain%\]}
  case $zoo_plain in
    '' | 0.0.0.0 | :: | 0:0:0:0:0:0:0:0) echo 127.0.0.1 ;;
    *) printf '%s\n' "$zoo_plain" ;;
  esac
}

# ---- Strict mode: which process is ours.

# Sets zoo_pid and zoo_verdict from the pid file:
#   none       no pid file                    dead     it names a process that is gone
#   garbled    no pid is in it                foreign  it names a process that is not a ZooKeeper server
#   ours       this server                    other    it names a ZooKeeper server with another configuration
zoo_examine() {
  zoo_pid=
  zoo_verdict=none
  if [ ! -e "$ZOOPIDFILE" ] || [ -d "$ZOOPIDFILE" ]; then return 0; fi
  # One that cannot be read is not one that is not there.
  if [ ! -r "$ZOOPIDFILE" ]; then zoo_fail "The pid file $ZOOPIDFILE cannot be read."; fi
  zoo_patience=10
  while :; do
    zoo_examine_once
    # An empty file and a process that is still a shell are both a start at work: it needs some milliseconds.
    case $zoo_verdict in
      garbled | starting) ;;
      *) return 0 ;;
    esac
    zoo_patience=$((zoo_patience - 1))
    [ "$zoo_patience" -gt 0 ] || break
    zoo_nap 0.05
  done
  if [ "$zoo_verdict" = starting ]; then
    zoo_verdict=foreign
    # A java that hides its command line behind a wrapper: the time at which it began is proof enough.
    if [ "$zoo_is_recorded" = yes ]; then zoo_verdict=ours; fi
  fi
}

# Prints the one word in a file, the pid file by default, without what people and editors put round it; nothing when
# there are several.
zoo_read_number() {
  zoo_content=$({ tr -d '\r' <"${1:-$ZOOPIDFILE}"; } 2>/dev/null)
  set -f
  # shellcheck disable=SC2086
  set -- $zoo_content
  set +f
  if [ $# -eq 1 ]; then printf %s "$1"; fi
}

zoo_examine_once() {
  zoo_pid=$(zoo_read_number)
  [ -e "$ZOOPIDFILE" ] || { zoo_verdict=none; return; }
  case $zoo_pid in
    '' | 0* | *[!0-9]* | ???????????*)
      zoo_verdict=garbled
      return
      ;;
  esac
  zoo_is_alive "$zoo_pid" || { zoo_verdict=dead; return; }
  zoo_record=$(cat "$ZOOPIDFILE.started" 2>/dev/null)
  zoo_is_recorded=no
  if [ "${zoo_record%% *}" = "$zoo_pid" ]; then
    zoo_record=${zoo_record#* }
    zoo_birth_now=$(zoo_process_birth "$zoo_pid")
    # Times from different sources (/proc, ps) cannot be compared; then the command line decides.
    if [ "${zoo_record%%:*}" = "${zoo_birth_now%%:*}" ]; then
      [ "$zoo_record" = "$zoo_birth_now" ] || { zoo_verdict=foreign; return; }
      zoo_is_recorded=yes
    fi
  fi
  if zoo_process_config "$zoo_pid" >/dev/null; then
    zoo_verdict=other
    if [ "$zoo_is_recorded" = yes ] || zoo_runs_config "$zoo_pid" "$ZOOCFG"; then zoo_verdict=ours; fi
  elif [ "$zoo_is_recorded" = yes ] ||
    zoo_process_words "$zoo_pid" | tr '\n' ' ' | grep -q 'zkServer\.sh \(re\)\{0,1\}start'; then
    zoo_verdict=starting
  else
    zoo_verdict=foreign
    # It may have ended between the questions.
    zoo_is_alive "$zoo_pid" || zoo_verdict=dead
  fi
}

# Removes the pid file, but only while it names the process that it named when we judged it.
zoo_forget() {
  [ "$(zoo_read_number)" = "$1" ] || return 0
  mv -f "$ZOOPIDFILE" "$ZOOPIDFILE.stale.$$" 2>/dev/null || return 0
  if [ "$(zoo_read_number "$ZOOPIDFILE.stale.$$")" = "$1" ]; then
    rm -f "$ZOOPIDFILE.stale.$$"
    case $(cat "$ZOOPIDFILE.started" 2>/dev/null) in
      "$1 "*) rm -f "$ZOOPIDFILE.started" ;;
    esac
  else
    mv -f "$ZOOPIDFILE.stale.$$" "$ZOOPIDFILE" # another start has come between: this is its file
  fi
}

# ---- Strict mode: what the server says.

# zoo_ask_server WORD SECONDS: as zoo_ask. Without an address of its own a server may listen on IPv6 alone.
zoo_ask_server() {
  zoo_reply=
  [ -n "$zoo_port" ] || return 69
  zoo_ask "$zoo_host" "$zoo_port" "$1" "$2"
  zoo_asked=$?
  if [ $zoo_asked -eq 1 ] && [ "$zoo_host" = 127.0.0.1 ]; then
    zoo_ask ::1 "$zoo_port" "$1" "$2"
    zoo_asked=$?
  fi
  return $zoo_asked
}

# Sets zoo_answer: serving (then zoo_mode too), waiting (it says that it does not serve), silent (accepts, says nothing
# within 2 s), alien (some other answer), refused, mute (there is no client port, or no tool to ask with), or unasked (the
# tool did not begin within 2 s).
zoo_probe() {
  zoo_mode=
  zoo_answer=alien
  # Later releases answer chosen words only, srvr alone by default.
  for zoo_question in 'srvr 2' 'stat 0.5' 'mntr 0.5'; do
    zoo_ask_server "${zoo_question% *}" "${zoo_question#* }"
    case $? in
      0) ;;
      1) zoo_answer=refused && return ;;
      2) zoo_answer=silent && return ;;
      75) zoo_answer=unasked && return ;;
      *) zoo_answer=mute && return ;;
    esac
    case $zoo_reply in
      *'not currently serving requests'*) zoo_answer=waiting && return ;;
      *'not in the whitelist'*) zoo_answer=mute ;;
      *) zoo_answer=alien && break ;;
    esac
  done
  zoo_mode=$(printf '%s\n' "$zoo_reply" | sed -n -e 's/^Mode: *\([a-z-]*\).*/\1/p' -e 's/^zk_server_state[[:blank:]]*\([a-z-]*\).*/\1/p' | head -n 1)
  if [ -n "$zoo_mode" ]; then zoo_answer=serving; fi
}

zoo_status() {
  zoo_examine
  zoo_answer=paused
  if [ "$zoo_verdict" != ours ] || ! zoo_is_paused "$zoo_pid"; then zoo_probe; fi
  if [ "$zoo_verdict" != ours ]; then
    zoo_status_without_record
  elif [ "$zoo_answer" = serving ] && ! zoo_may_own "$zoo_pid" "$zoo_port"; then
    zoo_answer=alien
  fi
  case $zoo_answer in
    serving)
      echo "Mode: $zoo_mode"
      exit 0
      ;;
    paused) zoo_not_serving "is paused (SIGSTOP); it goes on with: kill -CONT $zoo_pid" ;;
    waiting) zoo_not_serving "says that it is not serving requests: it is starting, or has no quorum" ;;
    silent) zoo_not_serving "accepts connections on $zoo_address, but did not answer within 2 s" ;;
    refused) zoo_not_serving "does not accept connections on $zoo_address: it is starting, or in trouble (see $zoo_log)" ;;
    unasked) zoo_not_serving "could not be asked within 2 s: this machine is very busy" ;;
    alien) zoo_not_serving "lives, but $zoo_address is answered by $(zoo_port_owner_title "$zoo_port")" ;;
    *) zoo_not_serving "cannot be asked: $(zoo_why_mute)" ;;
  esac
}

# The pid file knows no server of ours. There may be one all the same: started in the foreground, or its file was lost.
# Or the client port is answered by somebody who can be taken for it, unless it is seen to be another server. On return
# zoo_answer speaks for this server.
zoo_status_without_record() {
  zoo_unrecorded=$(zoo_find_config "$ZOOCFG")
  if [ -n "$zoo_unrecorded" ]; then
    echo "Process $zoo_unrecorded runs this server, though $ZOOPIDFILE does not say so." >&2
    zoo_pid=$zoo_unrecorded
    return
  fi
  case $zoo_answer in
    unasked) zoo_down "$zoo_address could not be asked within 2 s: this machine is very busy." ;;
    refused | mute) zoo_down "Nobody accepts connections on $zoo_address." ;;
    alien) zoo_down "Not ZooKeeper: $zoo_address is answered by $(zoo_port_owner_title "$zoo_port")." ;;
  esac
  zoo_owner=$(zoo_port_owners "$zoo_port" | head -n 1)
  if [ -z "$zoo_owner" ]; then
    echo "No pid file vouches for the server at $zoo_address." >&2
  elif zoo_process_config "$zoo_owner" >/dev/null || [ "$zoo_answer" = silent ]; then
    zoo_down "This server is not running: $zoo_address is taken by $(zoo_process_title "$zoo_owner")."
  else
    # A port forwarder, or a server inside another program.
    echo "The answer at $zoo_address comes through $(zoo_process_title "$zoo_owner"), which was not started here." >&2
  fi
  zoo_pid=$zoo_owner
}

zoo_why_mute() {
  if [ -z "$zoo_port" ]; then
    echo "$ZOOCFG names no plain client port"
  elif [ -n "$zoo_reply" ]; then
    echo "its configuration allows none of the words srvr, stat, mntr"
  else
    echo "this machine has none of bash, perl, python3, nc"
  fi
}

zoo_not_serving() {
  echo "Error contacting service. It is running but not serving."
  printf '%s\n' "${zoo_pid:+Process }${zoo_pid:-The server} $1." >&2
  exit 3
}

zoo_down() {
  echo "Error contacting service. It is probably not running."
  case $zoo_verdict in
    none) echo "There is no pid file $ZOOPIDFILE." >&2 ;;
    garbled) echo "There is no pid in $ZOOPIDFILE." >&2 ;;
    dead) echo "Process $zoo_pid, named by $ZOOPIDFILE, is gone." >&2 ;;
    foreign) echo "$ZOOPIDFILE is stale: it names $(zoo_process_title "$zoo_pid")." >&2 ;;
    other) echo "$ZOOPIDFILE names $(zoo_process_title "$zoo_pid")." >&2 ;;
  esac
  printf '%s\n' "$1" >&2
  exit 1
}

# ---- Strict mode: starting.

zoo_start() {
  zoo_begin 'Starting zookeeper ... ' 'FAILED TO START'
  zoo_examine
  case $zoo_verdict in
    ours)
      if zoo_is_paused "$zoo_pid"; then zoo_note "It is paused (SIGSTOP); it goes on with: kill -CONT $zoo_pid"; fi
      zoo_conclude "already running as process $zoo_pid."
      exit 0
      ;;
    other) zoo_fail "The pid file $ZOOPIDFILE is that of $(zoo_process_title "$zoo_pid"). Two servers cannot share one." ;;
    foreign)
      zoo_note "$ZOOPIDFILE was stale: it named $(zoo_process_title "$zoo_pid"), which is left alone."
      zoo_forget "$zoo_pid"
      ;;
    dead | garbled) zoo_forget "$zoo_pid" ;;
  esac
  zoo_require_java || zoo_fail
  zoo_make_folders "$(dirname -- "$ZOOPIDFILE")"
  zoo_check_files
  zoo_check_ports
  zoo_launch
  zoo_await_level
}

zoo_make_folders() {
  [ -n "$zoo_data_dir" ] || zoo_fail "$ZOOCFG has no dataDir."
  for zoo_folder in "$zoo_data_dir" "$ZOO_LOG_DIR" "$@"; do
    mkdir -p -- "$zoo_folder" || zoo_fail "The folder $zoo_folder cannot be made."
  done
}

# Found out before the server is started: where its output and its pid go.
zoo_check_files() {
  # In a subshell: where a redirection fails some shells end. Opening a pipe would wait for its reader.
  [ -p "$zoo_log" ] || (: >>"$zoo_log") 2>/dev/null || zoo_fail "The server's output file $zoo_log cannot be written."
  if [ -d "$ZOOPIDFILE" ] || ! (: >"$ZOOPIDFILE.try.$$") 2>/dev/null; then
    zoo_unsaid="FAILED TO WRITE PID"
    zoo_fail "The pid file $ZOOPIDFILE cannot be written. No server was started."
  fi
  rm -f "$ZOOPIDFILE.try.$$"
}

# A port that is taken would end the server with a stack trace, or, where it is one for its peers, leave it alive and
# useless. Better said before.
zoo_check_ports() {
  if [ -n "$zoo_port" ]; then zoo_check_port client "$zoo_host" "$zoo_port"; fi
  case $zoo_own_line in
    \[*\]:*:*)
      zoo_peer_host=${zoo_own_line%%\]*}
      zoo_peer_ports=${zoo_own_line#*\]:}
      ;;
    *:*:*)
      zoo_peer_host=${zoo_own_line%%:*}
      zoo_peer_ports=${zoo_own_line#*:}
      ;;
    *) return 0 ;;
  esac
  zoo_peer_host=$(zoo_plain_host "$zoo_peer_host")
  zoo_check_port quorum "$zoo_peer_host" "${zoo_peer_ports%%:*}"
  zoo_peer_ports=${zoo_peer_ports#*:}
  zoo_check_port election "$zoo_peer_host" "${zoo_peer_ports%%:*}"
}

zoo_check_port() {
  case $3 in
    '' | *[!0-9]*) return 0 ;;
  esac
  zoo_someone_accepts "$2" "$3" || return 0
  # Seen twice: a server that was just killed may still be closing, and a connection can, rarely, meet itself.
  zoo_nap 0.2
  zoo_someone_accepts "$2" "$3" || return 0
  zoo_fail "The $1 port $2:$3 is taken by $(zoo_port_owner_title "$3"). Stop that, or choose another port in $ZOOCFG."
}

zoo_someone_accepts() {
  zoo_ask "$1" "$2" ruok 0.3
  case $? in
    0 | 2) return 0 ;;
    *) return 1 ;;
  esac
}

# Starts the server process. It puts itself on record before it becomes java: see the top of this file.
zoo_launch() {
  (
    trap '' HUP INT # the end of the session and Ctrl-C are for this script, not for the server
    zoo_own_pid=$(exec sh -c 'echo "$PPID"')
    zoo_own_birth=$(zoo_process_birth "$zoo_own_pid")
    (set -C && printf %s "$zoo_own_pid" >"$ZOOPIDFILE") 2>/dev/null || exit 97
    printf '%s %s\n' "$zoo_own_pid" "$zoo_own_birth" >"$ZOOPIDFILE.started"
    exec >"$zoo_log" 2>&1 </dev/null || exit 96
    zoo_with_server_command exec
  ) &
  zoo_child=$!
  # The clock shows whole seconds, so one more is needed not to give up early.
  zoo_deadline=$(($(date +%s) + zoo_wait + (zoo_wait > 0)))
}

# Waits for what --until asks. Says STARTED only then.
zoo_await_level() {
  zoo_looks=0
  while :; do
    if ! zoo_is_alive "$zoo_child"; then zoo_report_death; fi
    if zoo_has_reached_level; then break; fi
    zoo_looks=$((zoo_looks + 1))
    if [ "$zoo_until" != process ]; then
      # What cannot be asked need not be awaited, only that it lives.
      if [ "$zoo_answer" = mute ] && [ $zoo_looks -ge 10 ]; then zoo_report_delay; fi
      if [ "$(date +%s)" -ge "$zoo_deadline" ]; then zoo_report_delay; fi
    fi
    # Each question leaves lines in the server's log, so a long wait asks less often.
    if [ $zoo_looks -lt 20 ]; then zoo_nap 0.1; else zoo_nap 0.5; fi
  done
  # What answered was our server only if that still lives.
  zoo_is_alive "$zoo_child" || zoo_report_death
  zoo_conclude "STARTED"
}

zoo_has_reached_level() {
  if [ "$zoo_until" = serving ]; then
    zoo_probe
    # Somebody else may have taken the port since it was checked.
    if [ "$zoo_answer" = serving ] && ! zoo_may_own "$zoo_child" "$zoo_port"; then zoo_answer=alien; fi
    [ "$zoo_answer" = serving ]
    return
  fi
  # What is wrong with a configuration shows within the first second of a JVM, or else when the port opens.
  if [ "$zoo_until" = process ] && [ $zoo_looks -ge 10 ]; then return 0; fi
  zoo_ask_server ruok 0.3
  case $? in
    0 | 2)
      if zoo_may_own "$zoo_child" "$zoo_port"; then return 0; fi
      zoo_answer=alien
      ;;
    1) zoo_answer=refused ;;
    75) zoo_answer=unasked ;;
    *) zoo_answer=mute ;;
  esac
  return 1
}

zoo_report_delay() {
  case $zoo_answer in
    waiting) zoo_delay="it accepts clients but does not serve: no quorum yet" ;;
    silent) zoo_delay="it accepts connections but does not answer" ;;
    unasked) zoo_delay="it could not be asked: this machine is very busy" ;;
    alien) zoo_delay="$zoo_address is answered by $(zoo_port_owner_title "$zoo_port")" ;;
    mute) zoo_delay="whether it serves cannot be asked: $(zoo_why_mute)" ;;
    *) zoo_delay="it does not accept connections on $zoo_address" ;;
  esac
  case $zoo_answer$zoo_until in
    mute*) zoo_conclude "STARTED, but not seen to serve" ;;
    *port) zoo_conclude "STARTED, but not accepting connections after $zoo_wait s" ;;
    *) zoo_conclude "STARTED, but not serving after $zoo_wait s" ;;
  esac
  echo "Process $zoo_child lives and goes on: $zoo_delay." >&2
  zoo_show_log
  exit 3
}

zoo_report_death() {
  wait "$zoo_child" 2>/dev/null
  zoo_end=$?
  if [ $zoo_end -eq 97 ]; then
    # Another start was quicker with the pid file.
    zoo_examine
    if [ "$zoo_verdict" = ours ]; then
      zoo_conclude "already running as process $zoo_pid."
      exit 0
    fi
    zoo_unsaid="FAILED TO WRITE PID"
    zoo_fail "The pid file $ZOOPIDFILE could not be claimed. No server was started."
  fi
  zoo_forget "$zoo_child"
  case $zoo_end in
    2) zoo_why="it found its configuration or arguments wrong" ;;
    126 | 127) zoo_why="$JAVA could not be run" ;;
    *) zoo_why= ;;
  esac
  if [ $zoo_end -gt 128 ]; then zoo_why="signal $((zoo_end - 128))"; fi
  if [ -n "$zoo_port" ] && [ -n "$(zoo_port_owners "$zoo_port")" ]; then
    zoo_why="the client port $zoo_port is taken by $(zoo_port_owner_title "$zoo_port")"
  fi
  zoo_conclude "FAILED TO START"
  echo "The server process $zoo_child ended with $zoo_end${zoo_why:+: $zoo_why}." >&2
  zoo_show_log
  exit 1
}

# The end of what the server wrote: its own output, or the file of log4j's ROLLINGFILE when that took everything.
zoo_show_log() {
  zoo_shown=$zoo_log
  if [ ! -s "$zoo_shown" ] && [ -s "$ZOO_LOG_DIR/zookeeper.log" ]; then zoo_shown=$ZOO_LOG_DIR/zookeeper.log; fi
  if [ -s "$zoo_shown" ]; then
    echo "The end of $zoo_shown:" >&2
    tail -n 20 "$zoo_shown" >&2
  else
    echo "It wrote nothing to $zoo_log." >&2
  fi
}

# ---- Strict mode: stopping.

zoo_stop() {
  zoo_begin 'Stopping zookeeper ... ' 'NOT STOPPED'
  zoo_examine
  case $zoo_verdict in
    none)
      zoo_check_unrecorded
      zoo_conclude "no zookeeper to stop (could not find file $ZOOPIDFILE)"
      return 0
      ;;
    garbled)
      zoo_check_unrecorded
      zoo_conclude "no zookeeper to stop (no pid in file $ZOOPIDFILE)"
      zoo_forget "$zoo_pid"
      return 0
      ;;
    dead)
      zoo_forget "$zoo_pid"
      zoo_note "Process $zoo_pid was already gone."
      zoo_conclude "STOPPED"
      return 0
      ;;
    foreign)
      zoo_check_unrecorded
      zoo_forget "$zoo_pid"
      zoo_note "It named $(zoo_process_title "$zoo_pid"), which is left alone."
      zoo_conclude "no zookeeper to stop ($ZOOPIDFILE was stale)"
      return 0
      ;;
    other)
      zoo_fail "$ZOOPIDFILE names $(zoo_process_title "$zoo_pid"), which is left alone: its configuration is not $ZOOCFG."
      ;;
  esac
  zoo_birth_then=$(zoo_process_birth "$zoo_pid")
  zoo_signal TERM
  if zoo_is_paused "$zoo_pid"; then
    zoo_note "Process $zoo_pid was paused (SIGSTOP) and has been continued so that it could end."
    zoo_signal CONT
  fi
  if zoo_await_end 10; then
    zoo_how="ended on TERM"
  else
    zoo_signal KILL
    zoo_how="did not end within 10 s of TERM and was ended by KILL"
    if ! zoo_await_end 5; then
      zoo_fail "Process $zoo_pid is still there after TERM and KILL. It may wait for a disk."
    fi
  fi
  zoo_forget "$zoo_pid"
  zoo_note "Process $zoo_pid $zoo_how."
  zoo_conclude "STOPPED"
}

# A pid can have a new owner: the time at which the process began is compared before every signal.
zoo_is_same() { zoo_is_alive "$zoo_pid" && [ "$(zoo_process_birth "$zoo_pid")" = "$zoo_birth_then" ]; }

zoo_signal() {
  zoo_is_same || return 0
  if ! zoo_refusal=$(kill "-$1" "$zoo_pid" 2>&1) && zoo_is_same; then
    # The shell puts its name and a line number before the reason.
    zoo_refusal=${zoo_refusal##*: }
    zoo_fail "Process $zoo_pid could not be sent $1: ${zoo_refusal##*- }."
  fi
}

# zoo_await_end SECONDS: waits until the process is gone.
zoo_await_end() {
  zoo_deadline=$(($(date +%s) + $1 + 1))
  while zoo_is_same; do
    [ "$(date +%s)" -lt "$zoo_deadline" ] || return 1
    zoo_nap 0.1
  done
}

# "No zookeeper to stop" would be a lie if this very server runs without a pid file (start-foreground does).
zoo_check_unrecorded() {
  zoo_unrecorded=$(zoo_find_config "$ZOOCFG")
  [ -z "$zoo_unrecorded" ] ||
    zoo_fail "Process $zoo_unrecorded runs this server, but $ZOOPIDFILE does not say so: it was started in the foreground, or the file was lost. To end it: kill $zoo_unrecorded"
}

# ---- Strict mode: the other words.

zoo_start_foreground() {
  zoo_require_java || exit 127
  zoo_make_folders
  if [ -n "${ZOO_NOEXEC:-}" ]; then
    zoo_with_server_command command
    exit $?
  fi
  zoo_with_server_command exec
}

# Prints words so that a shell reads the same words again.
zoo_quoted() { printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"$`]/\\&/g')"; }

zoo_print_words() {
  printf '%s -Dzookeeper.log.dir=%s -Dzookeeper.root.logger=%s -cp %s' \
    "$(zoo_quoted "$1")" "$(zoo_quoted "$ZOO_LOG_DIR")" "$(zoo_quoted "$ZOO_LOG4J_PROP")" "$(zoo_quoted "$5")"
  shift 5
  while [ $# -gt 1 ]; do
    case $1 in
      *[!A-Za-z0-9_./:=,+@%-]*) printf ' %s' "$(zoo_quoted "$1")" ;;
      *) printf ' %s' "$1" ;;
    esac
    shift
  done
  printf ' %s > %s 2>&1 < /dev/null\n' "$(zoo_quoted "$1")" "$(zoo_quoted "$zoo_log")"
}

zoo_upgrade() {
  zoo_require_java || exit 1
  shift
  echo "upgrading the servers to 3.*"
  # shellcheck disable=SC2086
  "$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.root.logger=$ZOO_LOG4J_PROP" -cp "$CLASSPATH" \
    $JVMFLAGS org.apache.zookeeper.server.upgrade.UpgradeMain "$@"
  zoo_end=$?
  [ $zoo_end -eq 0 ] || zoo_fail "Upgrading ... FAILED (java ended with $zoo_end)"
  echo "Upgrading ... DONE"
}

zoo_main() {
  zoo_prepare
  case $zoo_word in
    start) zoo_start ;;
    start-foreground) zoo_start_foreground ;;
    stop) zoo_stop ;;
    restart)
      # A server that could not come back is not stopped.
      zoo_require_java || exit 1
      zoo_stop
      zoo_start
      ;;
    status) zoo_status ;;
    print-cmd) zoo_with_server_command zoo_print_words ;;
    upgrade) zoo_upgrade "$@" ;;
  esac
}

# ---- Release 3.4.6, quirks included: ZKLAB_COMPAT=3.4.6. Its behaviour as seen from outside, each quirk named.

compat_main() {
  if [ -n "${SERVER_JVMFLAGS:-}" ]; then JVMFLAGS="$SERVER_JVMFLAGS ${JVMFLAGS:-}"; fi
  if [ -n "${2:-}" ]; then ZOOCFG=$ZOOCFGDIR/$2; fi
  # Quirk: a ZOOCFG with a slash and no second word leaves nothing.
  if [ "$(dirname -- "$ZOOCFG")" != "$ZOOCFGDIR" ]; then ZOOCFG=${2:-}; fi
  if zoo_is_cygwin; then ZOOCFG=$(cygpath -wp "$ZOOCFG"); fi
  printf '%s\n' "Using config: $ZOOCFG" >&2
  # Quirk: folders are made for every word, even for the usage.
  if [ -z "${ZOOPIDFILE:-}" ]; then
    zoo_data_dir=$(compat_setting '^[[:space:]]*dataDir')
    if [ ! -d "$zoo_data_dir" ]; then mkdir -p "$zoo_data_dir"; fi
    ZOOPIDFILE=$zoo_data_dir/zookeeper_server.pid
  else
    mkdir -p "$(dirname -- "$ZOOPIDFILE")"
  fi
  if [ ! -w "$ZOO_LOG_DIR" ]; then mkdir -p "$ZOO_LOG_DIR"; fi
  zoo_log=$ZOO_LOG_DIR/zookeeper.out
  case ${1:-} in
    start) compat_start ;;
    start-foreground)
      if [ -n "${ZOO_NOEXEC:-}" ]; then
        compat_run_server command
      else
        compat_run_server exec
      fi
      ;;
    stop) compat_stop ;;
    restart)
      shift
      "$0" stop "$@"
      sleep 3
      "$0" start "$@"
      ;;
    status) compat_status ;;
    print-cmd)
      printf '%s\n' "\"$JAVA\" -Dzookeeper.log.dir=\"$ZOO_LOG_DIR\" -Dzookeeper.root.logger=\"$ZOO_LOG4J_PROP\" -cp \"$CLASSPATH\" ${JVMFLAGS:-} ${zoo_jmx_flags:+$zoo_jmx_flags }$zoo_server_class \"$ZOOCFG\" > \"$zoo_log\" 2>&1 < /dev/null"
      ;;
    upgrade)
      shift
      echo "upgrading the servers to 3.*"
      compat_java org.apache.zookeeper.server.upgrade.UpgradeMain "$@"
      echo "Upgrading ... "
      ;;
    *) zoo_usage >&2 ;; # quirk: this is no failure
  esac
}

# The lines of the configuration that match, each from the last `=` on, with their blanks.
compat_setting() { grep "$1" "$ZOOCFG" | sed -e 's/.*=//'; }

# shellcheck disable=SC2086 # Flags are split at blanks, and a pattern in them is matched.
compat_java() {
  "$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.root.logger=$ZOO_LOG4J_PROP" -cp "$CLASSPATH" ${JVMFLAGS:-} "$@"
}

# shellcheck disable=SC2086
compat_run_server() {
  "$@" "$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.root.logger=$ZOO_LOG4J_PROP" -cp "$CLASSPATH" \
    ${JVMFLAGS:-} $zoo_jmx_flags "$zoo_server_class" "$ZOOCFG"
}

compat_start() {
  printf 'Starting zookeeper ... '
  if [ -f "$ZOOPIDFILE" ] && kill -0 "$(cat "$ZOOPIDFILE")" >/dev/null 2>&1; then
    echo "already running as process $(cat "$ZOOPIDFILE")."
    exit 0
  fi
  compat_run_server exec nohup >"$zoo_log" 2>&1 </dev/null &
  # shellcheck disable=SC2181 # Whether the shell could start a job: nothing else is known of it.
  if [ $? -ne 0 ]; then
    echo "SERVER DID NOT START"
    exit 1
  fi
  if ! printf %s "$!" >"$ZOOPIDFILE"; then
    echo "FAILED TO WRITE PID" # quirk: and the server runs on
    exit 1
  fi
  sleep 1
  echo "STARTED" # quirk: whatever has become of it
}

compat_stop() {
  printf 'Stopping zookeeper ... '
  if [ ! -f "$ZOOPIDFILE" ]; then
    echo "no zookeeper to stop (could not find file $ZOOPIDFILE)"
  else
    # Quirk: no TERM first, no wait, and whoever has that pid now.
    kill -9 "$(cat "$ZOOPIDFILE")"
    rm "$ZOOPIDFILE"
    echo "STOPPED"
  fi
  exit 0
}

# shellcheck disable=SC2046,SC2086 # Blanks round a port go away by splitting.
compat_status() {
  zoo_host=$(compat_setting '^[[:space:]]*clientPortAddress[^[:alpha:]]')
  zoo_port=$(compat_setting '^[[:space:]]*clientPort[^[:alpha:]]')
  # Quirk: no limit on time, and a JVM for four letters.
  zoo_mode=$(compat_java org.apache.zookeeper.client.FourLetterWordMain ${zoo_host:-localhost} $zoo_port srvr 2>/dev/null | grep Mode)
  if [ -z "$zoo_mode" ]; then
    echo "Error contacting service. It is probably not running."
    exit 1
  fi
  printf '%s\n' "$zoo_mode"
  exit 0
}

if zoo_strict; then
  zoo_main "$@"
else
  compat_main "$@"
fi
