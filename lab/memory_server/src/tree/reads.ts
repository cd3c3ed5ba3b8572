/**
 * Answers to requests that change nothing.
 *
 * Source: ZooKeeper 3.4.6, FinalRequestProcessor.java, processRequest; DataTree.java, getData, statNode and getChildren
 */
import {
  ExistsResponse,
  encode,
  GetChildren2Response,
  GetChildrenResponse,
  GetDataResponse,
  OpCode,
  Permission,
} from "@zk/protocol";
import { isPermitted } from "./auth.js";
import type { DataNode } from "./data-node.js";
import type { DataTree } from "./data-tree.js";
import { ServerGetACLResponse } from "./java-text.js";
import type { ClientRequest } from "./preparer.js";
import { decodeRead, type LaxRead } from "./request-bodies.js";

/** What a read gives. */
export interface ReadAnswer {
  readonly err: number;
  /** Empty on error. */
  readonly body: Uint8Array;
  /** A watch that is to be left, when the request asked for one and the server takes it. */
  readonly watch?: { readonly kind: "data" | "child"; readonly path: string };
}

/**
 * Answers exists, getData, getACL, getChildren and getChildren2. Never throws; a body that cannot be read, or has no
 * path, gives -5.
 */
export function answerRead(
  tree: DataTree,
  request: ClientRequest,
  options: { readonly skipAcl: boolean },
): ReadAnswer {
  const { opCode } = request;
  const decoded = decodeRead(request.body, opCode !== OpCode.GET_ACL);
  if ("trouble" in decoded || decoded.value.path === null) return refuse(-5);
  const asked: LaxRead & { path: string } = { ...decoded.value, path: decoded.value.path };
  const { path, watch } = asked;
  const node = tree.node(path);
  if (opCode === OpCode.EXISTS) return exists(node, asked);
  if (node === undefined) return refuse(-101);
  // Anyone may read an access control list, and learn that a znode exists.
  if (opCode === OpCode.GET_ACL) {
    return { err: 0, body: encode(ServerGetACLResponse, { acl: node.acl, stat: node.copyStat() }) };
  }
  if (!options.skipAcl && !isPermitted(node.acl, Permission.READ, request.auth)) return refuse(-102);
  const body = contentOf(node, opCode);
  if (body === undefined) return refuse(-6);
  if (!watch) return { err: 0, body };
  return { err: 0, body, watch: { kind: opCode === OpCode.GET_DATA ? "data" : "child", path } };
}

/** The watch is left before the server looks whether there is a znode, so it waits for one too. */
function exists(node: DataNode | undefined, asked: LaxRead & { path: string }): ReadAnswer {
  const { path } = asked;
  if (path.includes("\0")) return refuse(-8);
  const answer =
    node === undefined ? refuse(-101) : { err: 0, body: encode(ExistsResponse, { stat: node.copyStat() }) };
  return asked.watch ? { ...answer, watch: { kind: "data", path } } : answer;
}

function contentOf(node: DataNode, opCode: number): Uint8Array | undefined {
  switch (opCode) {
    case OpCode.GET_DATA:
      return encode(GetDataResponse, { data: node.data, stat: node.copyStat() });
    case OpCode.GET_CHILDREN:
      return encode(GetChildrenResponse, { children: node.children?.toArray() ?? [] });
    case OpCode.GET_CHILDREN2:
      return encode(GetChildren2Response, {
        children: node.children?.toArray() ?? [],
        stat: node.copyStat(),
      });
    default:
      return undefined;
  }
}

function refuse(err: number): ReadAnswer {
  return { err, body: EMPTY };
}

const EMPTY = new Uint8Array(0);
