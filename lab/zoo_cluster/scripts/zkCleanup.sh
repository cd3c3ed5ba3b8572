#!/bin/sh
# zkCleanup.sh: removes old snapshots and transaction logs of a server, with ZooKeeper's own PurgeTxnLog. The words are
# passed on: `zkCleanup.sh -n COUNT` keeps the COUNT (3 or more) newest snapshots. The folders come from the
# configuration file that ZOOCFG names.
#
# The purge of 3.4 can take files that a running server still needs (ZOOKEEPER-1797, 2420, 2574), so strict mode refuses
# while such a server runs. ZKLAB_COMPAT=3.4.6 does not look.

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

# zoo_purge WORD...: runs the purge with the folders in front: that of the logs, when it is another, then the data's.
zoo_purge() {
  if zoo_strict; then set -f; fi
  # shellcheck disable=SC2086
  exec "$JAVA" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" "-Dzookeeper.root.logger=$ZOO_LOG4J_PROP" -cp "$CLASSPATH" \
    ${JVMFLAGS:-} org.apache.zookeeper.server.PurgeTxnLog "$@"
}

if ! zoo_strict; then
  # Quirk of 3.4.6: no blank may stand before the `=`.
  zoo_data_dir=$(grep '^dataDir=' "$ZOOCFG" | sed -e 's/.*=//')
  zoo_log_dir=$(grep '^dataLogDir=' "$ZOOCFG" | sed -e 's/.*=//')
  if [ -z "$zoo_log_dir" ]; then
    zoo_purge ${zoo_data_dir:+"$zoo_data_dir"} "$@"
  else
    zoo_purge "$zoo_log_dir" ${zoo_data_dir:+"$zoo_data_dir"} "$@"
  fi
fi

zoo_refuse() {
  printf '%s\n' "$1" >&2
  exit 1
}

zoo_require_java || exit 127
if [ ! -r "$ZOOCFG" ] || [ -d "$ZOOCFG" ]; then zoo_refuse "The configuration file $ZOOCFG cannot be read."; fi
zoo_data_dir=$(zoo_property dataDir "$ZOOCFG")
[ -n "$zoo_data_dir" ] || zoo_refuse "$ZOOCFG has no dataDir."
zoo_log_dir=$(zoo_property dataLogDir "$ZOOCFG")

case $(zoo_release_version) in
  3.4 | 3.4[!0-9]*)
    "$ZOOBINDIR/zkServer.sh" status "$ZOOCFG" >/dev/null 2>&1
    case $? in
      0 | 3) zoo_refuse "The server of $ZOOCFG is running. The purge of this release can take files that it needs: stop it first." ;;
    esac
    ;;
esac

if [ -n "$zoo_log_dir" ]; then set -- "$zoo_log_dir" "$zoo_data_dir" "$@"; else set -- "$zoo_data_dir" "$@"; fi
zoo_purge "$@"
