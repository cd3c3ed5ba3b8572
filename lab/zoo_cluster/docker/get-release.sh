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
  # Slim images have no manual pages, and packages fail that link one from another.
  mkdir -p /usr/share/man/man1
  apt-get update -q
  apt-get install -y -q --no-install-recommends maven
fi

# Where a proxy of one's own signs what comes from outside, Node is told whom to trust; so is Maven, for this stage alone.
trust_extra() {
  local store=/tmp/lab-cacerts folder=/tmp/lab-ca own body line count=0 file
  own=$(tr -d '\r\n' </etc/ssl/certs/ca-certificates.crt 2>/dev/null || true)
  mkdir -p "$folder"
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in *"BEGIN CERTIFICATE"*) count=$((count + 1)) ;; esac
    [ "$count" -eq 0 ] || printf '%s\n' "$line" >>"$folder/$count.pem"
  done <"$context/docker/extra-ca.pem"
  cp "$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")/lib/security/cacerts" "$store"
  chmod u+w "$store"
  for file in "$folder"/*.pem; do
    body=$(sed '/-----/d' "$file" | tr -d '\r\n ')
    # Those that the image knows as well are many, and each costs the start of a JVM.
    case $own in *"$body"*) continue ;; esac
    keytool -importcert -noprompt -keystore "$store" -storepass changeit -alias "lab-${file##*/}" -file "$file" 2>&1 |
      sed -n '/error/p'
  done
  export MAVEN_OPTS="${MAVEN_OPTS:-} -Djavax.net.ssl.trustStore=$store"
}
[ ! -f "$context/docker/extra-ca.pem" ] || trust_extra

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
