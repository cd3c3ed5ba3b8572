import { LabError } from "../errors.js";

/** The version the lab runs when nothing else is asked for. */
export const defaultVersion = "3.4.6";

const versionShape = /^(\d{1,4})\.(\d{1,4})\.(\d{1,4})(-[A-Za-z0-9.]{1,16})?$/;

/**
 * Checks that `version` is an exact ZooKeeper version, since it becomes part of paths, URLs and a pom.
 *
 * @throws LabError `BAD_OPTION`
 */
export function checkVersion(version: string): string {
  if (versionShape.test(version)) return version;
  throw new LabError(
    "BAD_OPTION",
    `${JSON.stringify(version)} is not an exact ZooKeeper version: write all three numbers, for example 3.4.6 or 3.9.3`,
  );
}

/** True when `version` is at least `major.minor.patch`; a suffix such as `-beta` is not looked at. */
export function isAtLeast(version: string, major: number, minor: number, patch = 0): boolean {
  const match = versionShape.exec(version);
  if (!match) return false;
  const actual = [Number(match[1]), Number(match[2]), Number(match[3])] as const;
  const wanted = [major, minor, patch] as const;
  for (let index = 0; index < 3; index += 1) {
    const difference = actual[index]! - wanted[index]!;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/**
 * The name, without `.tar.gz`, of the binary tarball of a release.
 *
 * Up to 3.5.4 one tarball held sources and binaries; from 3.5.5 on binaries come in a tarball of their own.
 */
export function tarballName(version: string): string {
  return isAtLeast(version, 3, 5, 5) ? `apache-zookeeper-${version}-bin` : `zookeeper-${version}`;
}
