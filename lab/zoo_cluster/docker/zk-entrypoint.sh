#!/usr/bin/env bash
# Becomes the server of this container: writes down who it is, then hands over to the release's own zkServer.sh.
#
#   ZK_LAB_ID      number of the server, 1 unless told
#   ZK_LAB_CONFIG  the whole text of zoo.cfg; unless told, that of a server that stands alone
#   SERVER_JVMFLAGS, JVMFLAGS, ZOO_LOG4J_PROP, …  as zkServer.sh knows them
#
# Words after the image's name are run instead.
set -euo pipefail
if [ "$#" -gt 0 ]; then exec "$@"; fi

alone='tickTime=2000
dataDir=/data
clientPort=2181
4lw.commands.whitelist=*
admin.enableServer=false'

home=/opt/zookeeper
export ZOO_LOG_DIR=$home/logs
export JMXDISABLE=true
printf '%s\n' "${ZK_LAB_CONFIG:-$alone}" >"$home/conf/zoo.cfg"
printf '%s\n' "${ZK_LAB_ID:-1}" >/data/myid
exec "$home/bin/zkServer.sh" start-foreground "$home/conf/zoo.cfg"
