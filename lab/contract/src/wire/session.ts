/** A session with a word for each operation, for behaviours to be read in one line. */
import {
  type Acl,
  CreateMode,
  errorCode,
  type MultiOperation,
  OPEN_ACL_UNSAFE,
  type ServerErrorName,
  type Stat,
} from "@zk/protocol";
import { type Address, eventually, Wire } from "./wire.js";
import { type Handshake, handshakeFrame, type Reply, type ResponseOf, WireSession } from "./wire-session.js";

/** What a node is made of; the defaults are a persistent one without data, open to all. */
export interface NodeOptions {
  readonly data?: Uint8Array | string | null;
  readonly acl?: readonly Acl[];
  readonly flags?: number;
}

/** See the head of this file. */
export class Session extends WireSession {
  /** A connection with the handshake done, whatever the server answered. @throws Error when it ended the connection */
  static async open(address: Address, handshake: Handshake = {}): Promise<Session> {
    const wire = await Wire.connect(address);
    try {
      wire.write(handshakeFrame(handshake));
      return new Session(wire, address, await wire.frame());
    } catch (error) {
      wire.destroy();
      throw error;
    }
  }

  create(path: string, options: NodeOptions = {}): Promise<Reply<ResponseOf<"create">>> {
    return this.call("create", createRequest(path, options));
  }

  /** Makes a node that must be makeable, and gives its path. */
  async made(path: string, options: NodeOptions = {}): Promise<string> {
    return must(`create ${path}`, await this.create(path, options)).path;
  }

  /** Makes a node for the session's time. */
  ephemeral(path: string, data: NodeOptions["data"] = null): Promise<string> {
    return this.made(path, { data, flags: CreateMode.EPHEMERAL });
  }

  remove(path: string, version = -1): Promise<Reply<null>> {
    return this.call("delete", { path, version });
  }

  exists(path: string, watch = false): Promise<Reply<ResponseOf<"exists">>> {
    return this.call("exists", { path, watch });
  }

  getData(path: string, watch = false): Promise<Reply<ResponseOf<"getData">>> {
    return this.call("getData", { path, watch });
  }

  setData(
    path: string,
    data: Uint8Array | string | null,
    version = -1,
  ): Promise<Reply<ResponseOf<"setData">>> {
    return this.call("setData", { path, data: bytesOf(data), version });
  }

  getChildren(path: string, watch = false): Promise<Reply<ResponseOf<"getChildren">>> {
    return this.call("getChildren", { path, watch });
  }

  getChildren2(path: string, watch = false): Promise<Reply<ResponseOf<"getChildren2">>> {
    return this.call("getChildren2", { path, watch });
  }

  getACL(path: string): Promise<Reply<ResponseOf<"getACL">>> {
    return this.call("getACL", { path });
  }

  setACL(path: string, acl: readonly Acl[], version = -1): Promise<Reply<ResponseOf<"setACL">>> {
    return this.call("setACL", { path, acl, version });
  }

  sync(path: string): Promise<Reply<ResponseOf<"sync">>> {
    return this.call("sync", { path });
  }

  multi(operations: readonly MultiOperation[]): Promise<Reply<ResponseOf<"multi">>> {
    return this.call("multi", operations);
  }

  /** The stat of a node that must be there. */
  async stat(path: string): Promise<Stat> {
    return must(`exists ${path}`, await this.exists(path)).stat;
  }

  /** The names of a node's children, sorted. */
  async names(path: string): Promise<string[]> {
    return [...must(`getChildren ${path}`, await this.getChildren(path)).children].sort();
  }

  /** The data of a node as text; null when it has none. */
  async text(path: string): Promise<string | null> {
    const { data } = must(`getData ${path}`, await this.getData(path));
    return data === null ? null : new TextDecoder().decode(data);
  }

  /** Waits until this session's server has applied everything up to a zxid. */
  reach(zxid: bigint): Promise<bigint> {
    return eventually(`zxid 0x${zxid.toString(16)} at ${this.address.clientPort}`, async () => {
      const { zxid: seen } = await this.ping();
      return seen >= zxid ? seen : undefined;
    });
  }
}

/** The body of a reply that must be a success with a body. @throws Error with the code otherwise */
export function must<T>(what: string, reply: Reply<T>): T {
  if (reply.err !== 0 || reply.body === null)
    throw new Error(`${what} was answered with error ${reply.err}.`);
  return reply.body;
}

/** The number of an error. */
export function codeOf(name: ServerErrorName): number {
  const code = errorCode(name);
  if (code === undefined) throw new Error(`There is no error ${name}.`);
  return code;
}

/** What a create request says. */
export function createRequest(
  path: string,
  options: NodeOptions = {},
): { path: string; data: Uint8Array | null; acl: readonly Acl[]; flags: number } {
  return {
    path,
    data: bytesOf(options.data ?? null),
    acl: options.acl ?? OPEN_ACL_UNSAFE,
    flags: options.flags ?? CreateMode.PERSISTENT,
  };
}

/** Parts of a multi. */
export const part = {
  create: (path: string, options: NodeOptions = {}): MultiOperation => ({
    type: 1,
    request: createRequest(path, options),
  }),
  remove: (path: string, version = -1): MultiOperation => ({ type: 2, request: { path, version } }),
  setData: (path: string, data: string | null, version = -1): MultiOperation => ({
    type: 5,
    request: { path, data: bytesOf(data), version },
  }),
  check: (path: string, version: number): MultiOperation => ({ type: 13, request: { path, version } }),
};

/** Text as UTF-8; bytes and null as they are. */
export function bytesOf(data: Uint8Array | string | null): Uint8Array | null {
  return typeof data === "string" ? new TextEncoder().encode(data) : data;
}
