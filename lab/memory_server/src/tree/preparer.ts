/**
 * Makes transactions of requests, as the first processor of a leader or of a standalone server does: every check is made
 * here, against the tree and the changes that are on their way, and what passes is applied later without being asked.
 *
 * Source: ZooKeeper 3.4.6, PrepRequestProcessor.java, pRequest and pRequest2Txn
 */
import { type Id, isEphemeralMode, isSequentialMode, OpCode, Permission } from "@zk/protocol";
import { fixAcl, isPermitted } from "./auth.js";
import { duplicate, OutstandingChanges } from "./change-records.js";
import { emptyStat } from "./data-node.js";
import type { DataTree } from "./data-tree.js";
import { isCreatablePath } from "./path-rules.js";
import {
  type Decoded,
  decodeCreate,
  decodeMulti,
  decodeSetAcl,
  decodeSetData,
  decodeTimeout,
  decodeVersioned,
  type LaxCreate,
  type LaxOperation,
  type LaxSetAcl,
  type LaxSetData,
  type LaxVersioned,
} from "./request-bodies.js";
import type { Txn } from "./txn.js";

/** A request of a session. */
export interface ClientRequest {
  readonly sessionId: bigint;
  readonly xid: number;
  readonly opCode: number;
  /** What stands behind the request header. */
  readonly body: Uint8Array;
  /** Identities of the connection it came in by, in the order in which they were added. */
  readonly auth: readonly Id[];
}

/** The place of a request in the history. */
export interface RequestPlace {
  readonly zxid: bigint;
  readonly timeMs: number;
  /** Asked wherever the server looks whether the session may do it: 0, -112 (expired) or -118 (moved). */
  readonly checkSession?: () => number;
}

/** The checks of one leader. A new one begins with each term, as nothing is on its way then. */
export class Preparer {
  /**
   * Whether the last request got no transaction at all, not even an error: a multi with a null path or a string of
   * negative length. A standalone server exits over it; in an ensemble the leader, and the server that has the client,
   * wait for a commit that never comes and answer nobody from there on. `no` for all others; `with-zxid` when a zxid was
   * used up.
   */
  lastLacksTxn: "no" | "with-zxid" | "without-zxid" = "no";
  private readonly changes: OutstandingChanges;
  private readonly skipAcl: boolean;

  /** @param tree the server's own, to which everything that is prepared here is applied later, in the same order */
  constructor(tree: DataTree, options: { readonly skipAcl: boolean }) {
    this.changes = new OutstandingChanges(tree);
    this.skipAcl = options.skipAcl;
  }

  /** The transaction a request becomes; `error` for a refusal, with -5 for a body that cannot be read. Never throws. */
  prepare(request: ClientRequest, place: RequestPlace): Txn {
    this.lastLacksTxn = "no";
    switch (request.opCode) {
      case OpCode.CREATE:
        return this.checked(place, decodeCreate, request, this.create);
      case OpCode.DELETE:
        return this.checked(place, decodeVersioned, request, this.delete);
      case OpCode.SET_DATA:
        return this.checked(place, decodeSetData, request, this.setData);
      case OpCode.SET_ACL:
        return this.checked(place, decodeSetAcl, request, this.setAcl);
      case OpCode.CHECK:
        return this.checked(place, decodeVersioned, request, this.check);
      case OpCode.MULTI:
        return this.multi(request, place);
      case OpCode.CREATE_SESSION: {
        const decoded = decodeTimeout(request.body);
        return "value" in decoded ? { type: "createSession", timeoutMs: decoded.value } : MARSHALLING_ERROR;
      }
      case OpCode.CLOSE_SESSION:
        return this.closeSession(request, place);
      default:
        return refuse(-6);
    }
  }

  /** Forgets the changes of transactions up to `zxid`: the tree has them. To be called just before they are applied. */
  applied(zxid: bigint): void {
    this.changes.applied(zxid);
  }

  /** The session first, then the body, then the rest. */
  private checked<T>(
    place: RequestPlace,
    decode: (body: Uint8Array) => Decoded<T>,
    request: ClientRequest,
    then: (value: T, request: ClientRequest, zxid: bigint) => Txn,
  ): Txn {
    const sessionErr = place.checkSession?.() ?? 0;
    if (sessionErr !== 0) return refuse(sessionErr);
    const decoded = decode(request.body);
    return "value" in decoded ? then.call(this, decoded.value, request, place.zxid) : MARSHALLING_ERROR;
  }

  private create(asked: LaxCreate, request: ClientRequest, zxid: bigint): Txn {
    if (asked.path === null) return MARSHALLING_ERROR;
    const slash = asked.path.lastIndexOf("/");
    if (slash < 0 || asked.path.includes("\0")) return BAD_ARGUMENTS;
    const fixed = fixAcl(asked.acl, { ids: request.auth, skipAcl: this.skipAcl });
    if ("err" in fixed) return refuse(fixed.err);
    const parent = this.changes.recordFor(asked.path.slice(0, slash));
    if (parent === undefined) return NO_NODE;
    if (!this.may(Permission.CREATE, parent.acl, request)) return NO_AUTH;
    if (asked.flags < 0 || asked.flags > 3) return BAD_ARGUMENTS;
    const path = isSequentialMode(asked.flags)
      ? asked.path + sequenceSuffix(parent.stat.cversion)
      : asked.path;
    if (!isCreatablePath(path)) return BAD_ARGUMENTS;
    if (this.changes.recordFor(path) !== undefined) return refuse(-110);
    if (parent.stat.ephemeralOwner !== 0n) return refuse(-108);

    const ephemeral = isEphemeralMode(asked.flags);
    const parentCVersion = (parent.stat.cversion + 1) | 0;
    const stat = emptyStat();
    if (ephemeral) stat.ephemeralOwner = request.sessionId;
    const changed = duplicate(parent, zxid);
    changed.childCount++;
    changed.stat.cversion = parentCVersion;
    this.changes.add(changed);
    this.changes.add({ zxid, path, stat, childCount: 0, acl: fixed.acl });
    return { type: "create", path, data: asked.data, acl: fixed.acl, ephemeral, parentCVersion };
  }

  private delete(asked: LaxVersioned, request: ClientRequest, zxid: bigint): Txn {
    const { path } = asked;
    if (path === null) return MARSHALLING_ERROR;
    const slash = path.lastIndexOf("/");
    if (slash < 0 || path.includes("\0") || SPECIAL_PATHS.has(path)) return BAD_ARGUMENTS;
    const parent = this.changes.recordFor(path.slice(0, slash));
    const record = this.changes.recordFor(path);
    if (parent === undefined || record === undefined) return NO_NODE;
    if (!this.may(Permission.DELETE, parent.acl, request)) return NO_AUTH;
    if (asked.version !== -1 && asked.version !== record.stat.version) return BAD_VERSION;
    if (record.childCount > 0) return refuse(-111);

    const changed = duplicate(parent, zxid);
    changed.childCount--;
    this.changes.add(changed);
    this.changes.add({ zxid, path, stat: null, childCount: -1, acl: [] });
    return { type: "delete", path };
  }

  private setData(asked: LaxSetData, request: ClientRequest, zxid: bigint): Txn {
    const { path, data } = asked;
    if (path === null) return MARSHALLING_ERROR;
    const record = this.changes.recordFor(path);
    if (record === undefined) return NO_NODE;
    if (!this.may(Permission.WRITE, record.acl, request)) return NO_AUTH;
    if (asked.version !== -1 && asked.version !== record.stat.version) return BAD_VERSION;

    const version = (record.stat.version + 1) | 0;
    const changed = duplicate(record, zxid);
    changed.stat.version = version;
    this.changes.add(changed);
    return { type: "setData", path, data, version };
  }

  private setAcl(asked: LaxSetAcl, request: ClientRequest, zxid: bigint): Txn {
    const { path } = asked;
    const fixed = fixAcl(asked.acl, { ids: request.auth, skipAcl: this.skipAcl });
    if ("err" in fixed) return refuse(fixed.err);
    if (path === null) return MARSHALLING_ERROR;
    const record = this.changes.recordFor(path);
    if (record === undefined) return NO_NODE;
    if (!this.may(Permission.ADMIN, record.acl, request)) return NO_AUTH;
    if (asked.version !== -1 && asked.version !== record.stat.aversion) return BAD_VERSION;

    const version = (record.stat.aversion + 1) | 0;
    // The record keeps the old list: until the change is applied, requests are still judged by that one.
    const changed = duplicate(record, zxid);
    changed.stat.aversion = version;
    this.changes.add(changed);
    return { type: "setACL", path, acl: fixed.acl, version };
  }

  private check(asked: LaxVersioned, request: ClientRequest): Txn {
    const { path } = asked;
    if (path === null) return MARSHALLING_ERROR;
    const record = this.changes.recordFor(path);
    if (record === undefined) return NO_NODE;
    if (!this.may(Permission.READ, record.acl, request)) return NO_AUTH;
    if (asked.version !== -1 && asked.version !== record.stat.version) return BAD_VERSION;
    return { type: "check", path, version: (record.stat.version + 1) | 0 };
  }

  private multi(request: ClientRequest, place: RequestPlace): Txn {
    const decoded = decodeMulti(request.body);
    if ("trouble" in decoded) {
      if (decoded.trouble === "unexpected") this.lastLacksTxn = "without-zxid";
      return MARSHALLING_ERROR;
    }
    const paths: string[] = [];
    for (const { request: part } of decoded.value) {
      if (part.path !== null) {
        paths.push(part.path);
        continue;
      }
      this.lastLacksTxn = "with-zxid";
      return MARSHALLING_ERROR;
    }
    const before = this.changes.capture(paths);
    const parts: Txn[] = [];
    let isFailed = false;
    for (const operation of decoded.value) {
      const part = isFailed ? RUNTIME_INCONSISTENCY : this.part(operation, request, place);
      // A null in the middle of an operation ends the whole, and what its parts were going to change is not taken back.
      if (part.type === "error" && part.err === -5) return part;
      if (part.type === "error" && !isFailed) {
        isFailed = true;
        this.changes.rollBack(place.zxid, before);
      }
      parts.push(part);
    }
    return { type: "multi", parts };
  }

  private part(operation: LaxOperation, request: ClientRequest, place: RequestPlace): Txn {
    const sessionErr = place.checkSession?.() ?? 0;
    if (sessionErr !== 0) return refuse(sessionErr);
    switch (operation.type) {
      case OpCode.CREATE:
        return this.create(operation.request, request, place.zxid);
      case OpCode.DELETE:
        return this.delete(operation.request, request, place.zxid);
      case OpCode.SET_DATA:
        return this.setData(operation.request, request, place.zxid);
      case OpCode.CHECK:
        return this.check(operation.request, request);
    }
  }

  /** Takes the session's znodes with it, but leaves the records of their parents as they are: so does the server. */
  private closeSession(request: ClientRequest, place: RequestPlace): Txn {
    for (const path of this.changes.ephemeralsOf(request.sessionId)) {
      this.changes.add({ zxid: place.zxid, path, stat: null, childCount: 0, acl: [] });
    }
    return { type: "closeSession" };
  }

  private may(perm: number, acl: Parameters<typeof isPermitted>[0], request: ClientRequest): boolean {
    return this.skipAcl || isPermitted(acl, perm, request.auth);
  }
}

/** Ten digits, or a minus and nine or ten digits once the counter has run over. */
function sequenceSuffix(count: number): string {
  return count < 0 ? `-${String(-count).padStart(9, "0")}` : String(count).padStart(10, "0");
}

function refuse(err: number): Txn {
  return { type: "error", err };
}

const SPECIAL_PATHS: ReadonlySet<string> = new Set(["/", "/zookeeper", "/zookeeper/quota"]);
const RUNTIME_INCONSISTENCY: Txn = refuse(-2);
const MARSHALLING_ERROR: Txn = refuse(-5);
const BAD_ARGUMENTS: Txn = refuse(-8);
const NO_NODE: Txn = refuse(-101);
const NO_AUTH: Txn = refuse(-102);
const BAD_VERSION: Txn = refuse(-103);
