/** Environment variables as a program receives them; the lab reads no others than those it is given. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The steps of the release chain, in the order in which they are tried. */
export const releaseSteps = ["home", "cache", "archive", "maven", "asf-archive"] as const;

/**
 * - `home` an unpacked release (`ZK_LAB_HOME`) or a list of jars (`ZK_LAB_CLASSPATH`) given by the user
 * - `cache` the lab's cache directory
 * - `archive` a `.tar.gz` given by the user (`ZK_LAB_ARCHIVE`)
 * - `maven` assembled from Maven coordinates through the user's own `mvn` client
 * - `asf-archive` the tarball from `ZK_LAB_MIRROR` or the archive of the Apache Software Foundation
 */
export type ReleaseStep = (typeof releaseSteps)[number];

/** A complete ZooKeeper release on disk, ready to be installed for a server. */
export interface Release {
  /** Version as the server jar's manifest says it, for example `3.4.6`. */
  readonly version: string;
  /** The step that found it. */
  readonly source: ReleaseStep;
  /** The step that first made it; differs from `source` only when it comes from the cache. */
  readonly origin: ReleaseStep;
  /** Holds `bin/` (when `ownScripts`), `conf/`, `lib/` and the server jar, at the top or in `lib/`. Treat as read-only. */
  readonly dir: string;
  /** True when the release brings its own `bin/zkServer.sh`; otherwise the lab's scripts are put in at installation. */
  readonly ownScripts: boolean;
}

/** One step of the release chain and how it ended or would end. */
export interface ReleaseAttempt {
  readonly step: ReleaseStep;
  /**
   * - `available` complete now: this one would be used
   * - `possible` would be tried; only work or the network can tell
   * - `miss` not usable, for the reason given
   * - `not-reached` an earlier step is complete
   */
  readonly outcome: "available" | "possible" | "miss" | "not-reached";
  /** A sentence for people. */
  readonly reason: string;
}

/** What {@link provisionRelease} needs. */
export interface ProvisionOptions {
  /** Exact version, `3.4.6` unless told. */
  readonly version?: string;
  /** Variables to read instead of the process's own. */
  readonly env?: Environment;
  /** Receives one line at a time, without line end, for people. */
  readonly onProgress?: (line: string) => void;
  /** Ends the work; the promise rejects with the signal's reason and leaves nothing half made in use. */
  readonly signal?: AbortSignal;
}

/** A Java launcher that answered `-version`. */
export interface Java {
  /** Absolute path of the launcher. */
  readonly path: string;
  /** The directory fit for `JAVA_HOME`, or null when the launcher lies outside such a layout. */
  readonly home: string | null;
  /** As printed, for example `17.0.15` or `1.8.0_402`. */
  readonly version: string;
  /** Feature release: 8 for `1.8.0_402`, 17 for `17.0.15`. */
  readonly major: number;
}
