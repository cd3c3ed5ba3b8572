/** Reads from a command line which server of which lab a process is. */
import { basename, dirname } from "node:path";
import type { ProcessSnapshot } from "./process-table.js";

/** What a server's command line tells. */
export interface LabMarker {
  readonly name: string;
  readonly id: number;
  /** Folder that holds its `zookeeperN`. */
  readonly dir: string;
}

/** Null for a process that is no server of a lab. */
export function readLabMarker({ args }: ProcessSnapshot): LabMarker | null {
  const text = args.join(" ");
  const marker = /(?:^| )-Dzk\.lab=([A-Za-z0-9_-]+)\/(\d+)(?: |$)/.exec(text);
  // Where only one joined line is known the configuration is what stands at its end.
  const config =
    args.length > 1
      ? args.find((word) => basename(word) === "zoo.cfg")
      : / (\/\S.*\/zoo\.cfg)$/.exec(text)?.[1];
  if (marker?.[1] === undefined || config === undefined) return null;
  // DIR/zookeeperN/zookeeper-VERSION/conf/zoo.cfg
  return { name: marker[1], id: Number(marker[2]), dir: dirname(dirname(dirname(dirname(config)))) };
}
