#!/usr/bin/env bash
# Says whether the server of this container is ready, in the lab's sense of the word: it serves in some mode; if it leads,
# all who follow it are synced; and a session opens on it, through which a write, a sync and a read pass. Ends with 0 when
# it is ready and with 1 when not, with one line that says why. `ruok` would prove nothing: it says imok without a quorum.
#
# No JVM and no other program is started: a check costs a few milliseconds, and three transactions in the log (the
# session, its ephemeral znode, the session's end). The frames are those of every ZooKeeper since 3.3.
set -uo pipefail

port=${ZK_LAB_CLIENT_PORT:-2181}
limit_s=5

# The work is done by a second bash, so that a server which accepts and never answers holds up nobody.
if [ "${1-}" != check ]; then
  timeout "$limit_s" bash "${BASH_SOURCE[0]}" check
  status=$?
  [ "$status" -eq 124 ] && echo "not ready: no answer within $limit_s s"
  [ "$status" -eq 0 ] && exit 0
  exit 1
fi

fail() {
  echo "not ready: $1"
  exit 1
}

ask() { # four-letter word
  exec 4<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf '%s' "$1" >&4
  cat <&4
  exec 4<&-
}

# Bytes are put together as \xNN, which the builtin printf turns into what goes over the wire.
int() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)); }
text() {
  local word=$1 index
  int "${#word}"
  for ((index = 0; index < ${#word}; index++)); do printf '\\x%02x' "'${word:index:1}"; done
}
zeros() { local index; for ((index = 0; index < $1; index++)); do printf '\\x00'; done; }

send() { # bytes of a frame
  # shellcheck disable=SC2059 # the bytes are the format
  printf "$(int $((${#1} / 4)))$1" >&3
}

receive() { # fills the array `reply` with the bytes of the next frame
  local head length
  read -ra head < <(head -c 4 <&3 | od -An -v -tu1)
  [ "${#head[@]}" -eq 4 ] || return 1
  length=$((head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3]))
  # What the check asks for is answered in a few bytes.
  [ "$length" -ge 16 ] && [ "$length" -le 4096 ] || return 1
  mapfile -t reply < <(head -c "$length" <&3 | od -An -v -tu1 -w1 | tr -d ' ')
  [ "${#reply[@]}" -eq "$length" ]
}

number() { # the 32 bits of the reply that begin at an index
  echo $((reply[$1] << 24 | reply[$1 + 1] << 16 | reply[$1 + 2] << 8 | reply[$1 + 3]))
}

request() { # what it is, xid, operation, body
  send "$(int "$2")$(int "$3")$4" || fail "$1 could not be sent"
  receive || fail "$1 was not answered"
  [ "$(number 0)" -eq "$2" ] || fail "$1 was answered out of turn"
  [ "$(number 12)" -eq 0 ] || fail "$1 was refused with error $(($(number 12) - 4294967296))"
}

answer=$(ask srvr) || fail "nothing listens on port $port"
mode=$(sed -n 's/^Mode: //p' <<<"$answer")
[ -n "$mode" ] || fail "it does not serve: ${answer:-no answer}"
if [ "$mode" = leader ]; then
  answer=$(ask mntr) || fail "mntr is not answered"
  value() { sed -n "s/^$1\t\([0-9]*\).*/\1/p" <<<"$answer" | head -n 1; }
  # Releases from 3.6 count observers among the learners.
  followers=$(value zk_followers)
  if [ -z "$followers" ]; then
    learners=$(value zk_learners)
    observers=$(value zk_synced_observers)
    followers=$((${learners:-0} - ${observers:-0}))
  fi
  synced=$(value zk_synced_followers)
  [ "${synced:-0}" -ge "$followers" ] || fail "$synced of $followers followers are synced"
fi

exec 3<>"/dev/tcp/127.0.0.1/$port" || fail "nothing listens on port $port"
# protocol 0, no zxid seen, 10 s, a new session without password, not read-only
send "$(int 0)$(zeros 8)$(int 10000)$(zeros 8)$(int 16)$(zeros 16)$(zeros 1)" || fail "the handshake could not be sent"
receive || fail "no session was opened"
[ "$(number 4)" -gt 0 ] || fail "the session was refused"
path=/zk-lab-health-${ZK_LAB_ID:-1}-$$
world="$(int 1)$(int 31)$(text world)$(text anyone)"
request "the create" 1 1 "$(text "$path")$(int 0)$world$(int 1)"
request "the sync" 2 9 "$(text "$path")"
request "the read" 3 4 "$(text "$path")$(zeros 1)"
request "the end of the session" 4 -11 ""
echo "ready: $mode"
