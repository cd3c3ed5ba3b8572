/** The image of one release: built once for each content, named after it, and found again by that name. */
import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isLabError, LabError } from "../errors.js";
import { cacheDirectory } from "../release/cache-directory.js";
import { hashFile } from "../release/digest.js";
import { listFilesBelow } from "../release/files.js";
import { controlScripts, installRelease } from "../release/install.js";
import { withLock } from "../release/lock.js";
import { logConfigFor } from "../release/log-config.js";
import { releaseDependencies } from "../release/maven.js";
import { pomOf } from "../release/maven-jars.js";
import { pinnedServerJar } from "../release/pinned-digests.js";
import { provisionRelease } from "../release/provision.js";
import type { Environment, Release } from "../release/types.js";
import { type BaseImage, findBaseImage, type ImageOptions, presentImage } from "./base-image.js";
import type { Docker, Engine } from "./engine.js";
import { asLabError } from "./engine-errors.js";

/** Images of the servers; the tag is the release and a digest. */
export const serverImageName = "zk-lab/zookeeper";

const packageFolder = fileURLToPath(new URL("../../", import.meta.url));
const ownFiles = ["Dockerfile", "get-release.sh", "zk-entrypoint.sh", "zk-health.sh"] as const;
/** Lines of a failed build that are shown. */
const buildTailLines = 15;

/**
 * The image of a release, built if there is none yet.
 *
 * The release comes from the same chain as for processes. Where that has none, for want of Java or Maven, the build
 * itself asks Maven, inside a container.
 *
 * @throws LabError `NO_IMAGE`, `ENGINE_FULL`, `ENGINE_FAILED`; those of the release chain but `NO_RELEASE`
 */
export async function ensureServerImage(
  engine: Engine,
  version: string,
  options: ImageOptions,
): Promise<string> {
  const { env, onProgress, signal } = options;
  const lock = join(cacheDirectory(env), "locks", `image-${version}.lock`);
  return await withLock(
    lock,
    { purpose: `the image of ZooKeeper ${version}`, signal, onProgress },
    async () => {
      const base = await findBaseImage(engine, options);
      const nameWith = async (release: Release | null): Promise<string> =>
        `${serverImageName}:${version}-${await contentDigest(base, version, release)}`;
      let release = await findRelease(version, { ...options, env: { ...env, ZK_LAB_OFFLINE: "1" } });
      let name = await nameWith(release);
      if ((await presentImage(engine, name)) !== null) return name;
      if (release === null) {
        release = await findRelease(version, options);
        if (release !== null) name = await nameWith(release);
        else if (env["ZK_LAB_OFFLINE"] === "1") throw await whyNoRelease(version, options);
        else
          onProgress(
            `no way to ZooKeeper ${version} from this machine itself: the image's build asks Maven for it`,
          );
        if ((await presentImage(engine, name)) !== null) return name;
      }
      onProgress(`building the image ${name} on ${base.name}`);
      const context = await mkdtemp(join(tmpdir(), "zk-lab-image-"));
      try {
        await writeContext(context, version, release, env);
        await build(engine.docker, context, { name, version, base }, options);
      } finally {
        await rm(context, { recursive: true, force: true });
      }
      await removeStages(engine.docker);
      // For `docker compose up`, which knows no digests.
      await engine.docker.getImage(name).tag({ repo: serverImageName, tag: version });
      return name;
    },
  );
}

/** From the release chain; null when no step of it has the release. */
async function findRelease(
  version: string,
  { env, onProgress, signal }: ImageOptions,
): Promise<Release | null> {
  try {
    return await provisionRelease({ version, env, onProgress, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (isLabError(error, "NO_RELEASE")) return null;
    throw error;
  }
}

async function whyNoRelease(version: string, { env }: ImageOptions): Promise<unknown> {
  return await provisionRelease({ version, env }).catch((error: unknown) => error);
}

/** What the build of a release without a `release/` of its own needs: also what is committed for compose.yaml. */
export function fetchingFiles(version: string): Readonly<Record<string, string>> {
  const dependencies = releaseDependencies(version);
  // The logging library is known by the names that its jars will have.
  const jars = dependencies.some(({ name }) => name.endsWith(":logback-classic"))
    ? ["logback-classic-1.jar"]
    : ["log4j-1.2.jar"];
  const config = logConfigFor(jars);
  return {
    "docker/pom.xml": pomOf(dependencies),
    ...(config === null ? {} : { [`docker/conf/${config.name}`]: config.text }),
  };
}

/** What the committed Dockerfile and the pom cannot know of a release. */
export function buildArguments(version: string): Record<string, string> {
  return { VERSION: version, SERVER_JAR_SHA512: pinnedServerJar(version)?.hex ?? "" };
}

async function writeContext(
  context: string,
  version: string,
  release: Release | null,
  env: Environment,
): Promise<void> {
  await mkdir(join(context, "docker"), { recursive: true });
  for (const name of ownFiles)
    await copyFile(join(packageFolder, "docker", name), join(context, "docker", name));
  if (release !== null) {
    await installRelease(release, join(context, "release"));
    await mkdir(join(context, "release", "conf"), { recursive: true });
    return;
  }
  await cp(join(packageFolder, "scripts"), join(context, "scripts"), { recursive: true });
  for (const [path, text] of Object.entries(fetchingFiles(version))) {
    await mkdir(dirname(join(context, path)), { recursive: true });
    await writeFile(join(context, path), text);
  }
  const extra = env["NODE_EXTRA_CA_CERTS"];
  if (extra) await copyFile(extra, join(context, "docker", "extra-ca.pem")).catch(noSuchFile);
}

/** Node goes on without the certificates too, with a warning. */
function noSuchFile(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT" && error.code !== "EACCES") throw error;
}

async function contentDigest(base: BaseImage, version: string, release: Release | null): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([base.id, buildArguments(version)]));
  const add = (name: string, content: string | Uint8Array): void => {
    hash.update(`\n${name}\n`).update(content);
  };
  for (const name of ownFiles) add(name, await readFile(join(packageFolder, "docker", name)));
  if (release === null || !release.ownScripts) {
    for (const name of controlScripts) add(name, await readFile(join(packageFolder, "scripts", name)));
  }
  if (release === null) {
    add("pom", JSON.stringify(fetchingFiles(version)));
  } else {
    for (const path of (await listFilesBelow(release.dir)).sort()) {
      // Data and logs of years may lie in an unpacked release.
      if (/\.jar$|^(?:bin|conf|libexec)\//.test(path)) add(path, await hashFile(join(release.dir, path)));
    }
  }
  return hash.digest("hex").slice(0, 12);
}

/** What is left of first stages, with Maven and all that it fetched. Another build that needs one now keeps it. */
async function removeStages(docker: Docker): Promise<void> {
  const filters = { dangling: ["true"], label: ["zk.lab.stage"] };
  // The image is there; what could not be removed is removed behind the next build.
  await docker.pruneImages({ filters }).catch(() => {});
}

interface BuildEvent {
  readonly stream?: string;
  readonly error?: string;
}

async function build(
  docker: Docker,
  context: string,
  { name, version, base }: { readonly name: string; readonly version: string; readonly base: BaseImage },
  { onProgress, signal }: ImageOptions,
): Promise<void> {
  const tail: string[] = [];
  let failure: string | undefined;
  try {
    const stream = await docker.buildImage(
      { context, src: await readdir(context) },
      {
        t: name,
        dockerfile: "docker/Dockerfile",
        buildargs: { ...buildArguments(version), BASE_IMAGE: base.name },
        rm: true,
        forcerm: true,
        ...(signal ? { abortSignal: signal } : {}),
      },
    );
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(
        stream,
        (error) => (error ? reject(error) : resolve()),
        ({ stream: text, error }: BuildEvent) => {
          failure ??= error;
          for (const line of (text ?? "").split("\n").filter((one) => one.trim() !== "")) {
            tail.push(line);
            if (/^Step \d+/.test(line)) onProgress(`image: ${line.slice(0, 120)}`);
          }
        },
      );
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw withTail(asLabError(`the build of ${name}`, error), tail);
  }
  if (failure !== undefined) throw withTail(asLabError(`the build of ${name}`, new Error(failure)), tail);
}

function withTail(error: LabError, tail: readonly string[]): LabError {
  if (tail.length === 0) return error;
  const last = tail.slice(-buildTailLines).map((line) => `  ${line}`);
  return new LabError(error.code, `${error.message}\nThe last lines of the build:\n${last.join("\n")}`, {
    cause: error,
    details: error.details,
  });
}
