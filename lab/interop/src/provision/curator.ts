/** Curator from Maven coordinates, and our program around it, compiled for it. */
import { createHash } from "node:crypto";
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchJars, findJava, type JarDependency } from "@zk/lab";
import type { Program } from "../peers/child.js";
import { PeerError } from "../peers/errors.js";
import { makeOnce } from "./cache.js";
import { run } from "./run.js";

/**
 * The releases, each with its client of ZooKeeper. Curator 4 speaks to servers of 3.4 when it finds a client of 3.4, which it does
 * not bring by itself. Curator 5 needs servers of 3.6 or newer.
 */
export const curators = {
  "curator-4": { version: "4.3.0", zooKeeper: "3.4.6" },
  "curator-5": { version: "5.9.0", zooKeeper: "3.9.3" },
} as const;

/** The language that the program is written in. */
const javaMajorMin = 11;

const folder = fileURLToPath(new URL("../../java", import.meta.url));
// Netty is for TLS alone; without its classes the client does not start, without its native libraries for each platform it does.
const unwanted = [
  "junit:junit",
  "jline:jline",
  "org.jboss.netty:*",
  "io.netty:netty-tcnative-boringssl-static",
  "io.netty:netty-transport-native-epoll",
];
const loggers = ["log4j:log4j", "org.slf4j:slf4j-log4j12", "ch.qos.logback:*"];

/** How one of them is driven. @throws PeerError `UNAVAILABLE` */
export async function prepareCurator(kind: keyof typeof curators): Promise<Program> {
  const { version } = curators[kind];
  const title = `Curator ${version}`;
  try {
    const { env } = process;
    const java = await findJava({ env });
    if (java.major < javaMajorMin)
      throw new Error(
        `${java.path} is Java ${java.version}; ${javaMajorMin} or later is needed (ZK_LAB_JAVA)`,
      );
    const jars = await jarsOf(kind);
    const classes = await compiled(kind, jars, java.home);
    return {
      title,
      command: java.path,
      args: [
        ...["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        ...["-cp", [classes, ...jars].join(":"), "zk.interop.Main"],
      ],
    };
  } catch (error) {
    throw new PeerError("UNAVAILABLE", `${title} cannot be had here: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Its own client of ZooKeeper is left out, and the wanted one named. */
function dependenciesOf(kind: keyof typeof curators): JarDependency[] {
  const { version, zooKeeper } = curators[kind];
  const exclusions = [...unwanted, ...loggers];
  const withoutClient = [...exclusions, "org.apache.zookeeper:zookeeper"];
  return [
    { name: "org.apache.curator:curator-recipes", version, exclusions: withoutClient },
    { name: "org.apache.curator:curator-x-discovery", version, exclusions: withoutClient },
    { name: "org.apache.zookeeper:zookeeper", version: zooKeeper, exclusions },
    { name: "org.slf4j:slf4j-simple", version: "1.7.36" },
  ];
}

async function jarsOf(kind: keyof typeof curators): Promise<string[]> {
  const dependencies = dependenciesOf(kind);
  const place = await makeOnce(`${kind}-jars-${digest(JSON.stringify(dependencies))}`, async (dir) => {
    await fetchJars({ dependencies, dir });
  });
  const names = await readdir(join(place, "jars"));
  return names.sort().map((name) => join(place, "jars", name));
}

async function compiled(
  kind: keyof typeof curators,
  jars: readonly string[],
  home: string | null,
): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".java")).sort();
  const sources = names.map((name) => join(folder, name));
  const texts = await Promise.all(sources.map((source) => readFile(source, "utf8")));
  const name = `${kind}-classes-${digest([...jars, ...texts].join("\n"))}`;
  return await makeOnce(name, async (dir) => {
    const javac = await findCompiler(home);
    // The compiler may be newer than the runtime.
    const form = ["--release", String(javaMajorMin), "-encoding", "UTF-8", "-nowarn"];
    await run(javac, [...form, "-d", dir, "-cp", jars.join(":"), ...sources]);
  });
}

/** The compiler beside the runtime, else the one on the PATH. @throws Error that says what to install */
export async function findCompiler(home: string | null): Promise<string> {
  for (const path of home === null ? [] : [join(home, "bin/javac"), join(home, "../bin/javac")]) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  await run("javac", ["-version"]).catch((error: unknown) => {
    throw new Error(
      "no Java compiler: a runtime alone is not enough for it. Debian, Ubuntu: apt-get install openjdk-17-jdk-headless; " +
        "macOS: brew install openjdk",
      { cause: error },
    );
  });
  return "javac";
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
