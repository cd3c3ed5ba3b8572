#!/usr/bin/env bash
# In the first stage of the Dockerfile: puts a whole release into /release.
#
#   get-release.sh VERSION [SHA512-OF-THE-SERVER-JAR]
#
# The lab gives one in /context/release when it has it. Without, Maven fetches the artifacts that /context/docker/pom.xml
# names, from where its own settings say; they bring no scripts and no logging, so the lab's are put in.
set -euo pipefail
version=$1 expected=${2-}
context=/context

if [ -d "$context/release" ]; then
  mv "$context/release" /release
  exit 0
fi

if ! command -v mvn >/dev/null 2>&1; then
  command -v apt-get >/dev/null 2>&1 || {
    echo "get-release.sh: the base image has no mvn, and no apt-get to install it with" >&2
    exit 1
  }
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -y -q --no-install-recommends maven
fi
mvn -B -q -f "$context/docker/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=/release/lib
jar=zookeeper-$version.jar
mv "/release/lib/$jar" "/release/$jar"
if [ -n "$expected" ]; then
  echo "$expected  /release/$jar" | sha512sum -c --quiet -
fi
mkdir -p /release/bin /release/conf
cp "$context"/scripts/*.sh /release/bin/
chmod 0755 /release/bin/*.sh
cp "$context"/docker/conf/* /release/conf/
