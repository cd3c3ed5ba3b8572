/**
 * The number of each operation, as in `RequestHeader.type`.
 *
 * Source: ZooKeeper 3.4.6 and 3.9.3, ZooDefs.java, OpCode
 */
export const OpCode = {
  NOTIFICATION: 0,
  CREATE: 1,
  DELETE: 2,
  EXISTS: 3,
  GET_DATA: 4,
  SET_DATA: 5,
  GET_ACL: 6,
  SET_ACL: 7,
  GET_CHILDREN: 8,
  SYNC: 9,
  PING: 11,
  GET_CHILDREN2: 12,
  CHECK: 13,
  MULTI: 14,
  CREATE2: 15,
  RECONFIG: 16,
  CHECK_WATCHES: 17,
  REMOVE_WATCHES: 18,
  CREATE_CONTAINER: 19,
  DELETE_CONTAINER: 20,
  CREATE_TTL: 21,
  MULTI_READ: 22,
  AUTH: 100,
  SET_WATCHES: 101,
  SASL: 102,
  GET_EPHEMERALS: 103,
  GET_ALL_CHILDREN_NUMBER: 104,
  SET_WATCHES2: 105,
  ADD_WATCH: 106,
  WHO_AM_I: 107,
  CREATE_SESSION: -10,
  CLOSE_SESSION: -11,
  ERROR: -1,
} as const;

/** One of the numbers of the table {@link OpCode}. */
export type OpCode = (typeof OpCode)[keyof typeof OpCode];

/**
 * Request numbers with a meaning of their own. Ordinary requests use 1 and up; 0 is never used (see {@link XID_FIRST}).
 *
 * Source: ZooKeeper 3.4.6, ClientCnxn.java, SendThread.readResponse
 */
export const Xid = { NOTIFICATION: -1, PING: -2, AUTH: -4, SET_WATCHES: -8 } as const;

/**
 * The first xid of a client. Not 0: servers up to 3.5 count a request with xid 0 as outstanding but never take it off
 * the count again, and in the end stop reading from that connection.
 *
 * Source: ZooKeeper 3.4.6, NIOServerCnxn.java, incrOutstandingRequests and sendResponse
 */
export const XID_FIRST = 1;

const XID_LAST = 2_147_483_647;

/** The xid after `xid`: one more, and 1 again after 2147483647, never zero or a reserved negative number. */
export function nextXid(xid: number): number {
  return xid >= XID_LAST || xid < XID_FIRST ? XID_FIRST : xid + 1;
}

/** The port servers listen on for clients unless told otherwise. */
export const DEFAULT_PORT = 2181;

/**
 * The largest frame a server takes with its default settings, in bytes without the length. A larger one makes it close
 * the connection without a word. Source: ZooKeeper 3.4.6, BinaryInputArchive.java, maxBuffer
 */
export const SERVER_FRAME_BYTES_MAX = 1_048_575;
