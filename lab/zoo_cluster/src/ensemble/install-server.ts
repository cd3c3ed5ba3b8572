/** Puts a server on disk: the release, and what tells it who it is. What it has stored stays. */
import { mkdir, writeFile } from "node:fs/promises";
import { writeFileAtomic } from "../files.js";
import { installRelease } from "../release/install.js";
import type { Java, Release } from "../release/types.js";
import { type EnsembleSpec, markerOf, pathsOf, type ServerSpec, zooConfig } from "./layout.js";

/** JVM flags of every lab server: a small heap, a fast start, no surprises by IPv6 or log4j's beans. */
export const labJavaFlags: readonly string[] = [
  "-Xmx128m",
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-Djava.net.preferIPv4Stack=true",
  "-Dzookeeper.jmx.log4j.disable=true",
];

/** Installs or repairs one server. */
export async function installServer(
  spec: EnsembleSpec,
  server: ServerSpec,
  release: Release,
  java: Java,
): Promise<void> {
  await installRelease(release, server.dir);
  const paths = pathsOf(server);
  await mkdir(paths.data, { recursive: true });
  await mkdir(paths.logs, { recursive: true });
  await writeFile(paths.myid, `${server.id}\n`);
  await writeFileAtomic(paths.config, zooConfig(spec, server));
  await writeFileAtomic(paths.javaEnv, javaEnv(spec, server, java));
}

/**
 * The text of `java.env`, which every zkServer.sh reads: a server started by hand through its script is then the same
 * as one started by the lab. `SERVER_JVMFLAGS`, not `JVMFLAGS`: zkCli.sh must not carry a server's mark.
 */
function javaEnv(spec: EnsembleSpec, server: ServerSpec, java: Java): string {
  const paths = pathsOf(server);
  const isAscii = [...server.dir].every((character) => character <= "~");
  const flags = [...labJavaFlags, ...spec.javaFlags, markerOf(spec.name, server.id)];
  const lines = [
    "# Written by the lab at each start of the ensemble.",
    `SERVER_JVMFLAGS=${quote(flags.join(" "))}`,
    `ZOO_LOG_DIR=${quote(paths.logs)}`,
    // Where it is anyway; said here because old scripts cannot read escapes in the configuration file.
    `ZOOPIDFILE=${quote(paths.pidFile)}`,
    "JMXDISABLE=true",
    ...(java.home === null ? [] : [`JAVA_HOME=${quote(java.home)}`]),
    // In the C locale Java cannot open a file whose name is not ASCII.
    ...(isAscii ? [] : ["LC_ALL=C.UTF-8"]),
    "export SERVER_JVMFLAGS ZOO_LOG_DIR ZOOPIDFILE JMXDISABLE JAVA_HOME LC_ALL",
  ];
  return `${lines.join("\n")}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
