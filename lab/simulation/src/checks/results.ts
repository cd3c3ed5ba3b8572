/** Whether what a client was answered is what was there at that moment. */
import type { Operation } from "../actors/operation.js";
import { deedsOf, describe } from "./fates.js";
import type { Findings } from "./findings.js";
import type { Ledger, NodeVersion } from "./ledger.js";

interface StatLike {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  readonly version: number;
  readonly ephemeralOwner: bigint;
  readonly numChildren: number;
}

/** Looks at the value of an operation that succeeded, as of the transaction in the header of its reply. */
export function checkResult(operation: Operation, value: unknown, ledger: Ledger, findings: Findings): void {
  const at = operation.replyZxid;
  if (at === undefined) return;
  const wrong = (what: string): void =>
    findings.report("reads", `${describe(operation)} as of ${at.toString(16)}: ${what}`);
  const state = ledger.at(operation.serverPath, at);
  switch (operation.name) {
    case "getData": {
      const { data, stat } = value as { readonly data: Uint8Array | null; readonly stat: StatLike };
      if (state === null) return wrong("it was not there");
      if (!isSame(data, state.data)) return wrong("it had other data");
      return checkStat(stat, state, wrong);
    }
    case "exists":
      if (value === null) return state === null ? undefined : wrong("it was there");
      return state === null ? wrong("it was not there") : checkStat(value as StatLike, state, wrong);
    case "getChildren": {
      const names = Array.isArray(value) ? (value as string[]) : (value as { children: string[] }).children;
      if (state === null) return wrong("it was not there");
      if ([...names].sort().join() === [...state.children].sort().join()) return;
      return wrong(`its children were ${state.children.join()}, not ${names.join()}`);
    }
    case "setData":
      return state === null ? undefined : checkStat(value as StatLike, state, wrong);
    case "create": {
      const { path, zxid } = value as { readonly path: string; readonly zxid: bigint };
      // The same root stands before both names.
      const root = operation.serverPath.slice(0, operation.serverPath.length - operation.path.length);
      const made = ledger.at(root + path, zxid);
      if (made === null || made.czxid !== zxid)
        return wrong(`${path} was not created by ${zxid.toString(16)}`);
      return;
    }
    case "transaction": {
      const zxid = (value as readonly { readonly zxid: bigint }[])[0]?.zxid;
      if (zxid === undefined || deedsOf(operation, ledger).some(({ header }) => header.zxid === zxid)) return;
      return wrong(`it was not transaction ${zxid.toString(16)}`);
    }
    default:
      return;
  }
}

/** Looks at a refusal that says something of the znode. */
export function checkRefusal(operation: Operation, ledger: Ledger, findings: Findings): void {
  const at = operation.replyZxid;
  if (at === undefined || operation.isWrite || operation.code !== "NO_NODE") return;
  if (ledger.at(operation.serverPath, at) === null) return;
  findings.report("reads", `${describe(operation)} as of ${at.toString(16)}: it was there`);
}

function checkStat(stat: StatLike, state: NodeVersion, wrong: (what: string) => void): void {
  if (stat.czxid !== state.czxid) return wrong("czxid is another");
  if (stat.mzxid !== state.mzxid) return wrong("mzxid is another");
  if (stat.pzxid !== state.pzxid) return wrong("pzxid is another");
  if (stat.version !== state.version) return wrong(`version was ${state.version}, not ${stat.version}`);
  if (stat.ephemeralOwner !== state.owner) return wrong("it belongs to another");
  if (stat.numChildren !== state.children.length) return wrong("it has another number of children");
}

function isSame(one: Uint8Array | null, other: Uint8Array | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
