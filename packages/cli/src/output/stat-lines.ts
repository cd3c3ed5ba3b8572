/** A stat for people. */

import type { Stat } from "@zk/client";
import { isEphemeral } from "../session/node-kind.js";
import { hex, humanSize, isoTime } from "./figures.js";
import { nextSequence } from "./json.js";
import type { Screen } from "./screen.js";

/** The fields of a stat in the order in which ZooKeeper's shell prints them, and what can be told from them. */
export function printStat(screen: Screen, stat: Stat): void {
  const rows: [string, string][] = [
    ["czxid", hex(stat.czxid)],
    ["ctime", isoTime(stat.ctime)],
    ["mzxid", hex(stat.mzxid)],
    ["mtime", isoTime(stat.mtime)],
    ["pzxid", hex(stat.pzxid)],
    ["version", String(stat.version)],
    ["cversion", String(stat.cversion)],
    ["aversion", String(stat.aversion)],
    ["ephemeralOwner", isEphemeral(stat) ? hex(stat.ephemeralOwner) : "none"],
    [
      "dataLength",
      stat.dataLength < 1024 ? String(stat.dataLength) : `${stat.dataLength} (${humanSize(stat.dataLength)})`,
    ],
    ["numChildren", String(stat.numChildren)],
    ["nextSequence", String(nextSequence(stat))],
  ];
  for (const [name, value] of rows) screen.line(`${screen.paint("dim", name.padEnd(14))}  ${value}`);
}
