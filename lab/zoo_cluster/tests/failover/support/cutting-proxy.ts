/**
 * A TCP proxy on loopback in front of every server, which reads along and cuts connections at a chosen byte.
 *
 * It forwards frame by frame. Before each frame it asks its plan how much of it to let through; less than all, or
 * `thenCut`, ends both halves of the connection there.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { FrameSplitter, JuteReader, OpCode } from "@zk/protocol";

/** One frame about to be forwarded. */
export interface ProxiedFrame {
  readonly direction: "request" | "reply";
  /** The first frame of each direction of a connection, which has no header. */
  readonly isHandshake: boolean;
  /** Of the request; for a reply of the request that it answers. Undefined for handshakes and for events. */
  readonly opCode: number | undefined;
  /** Length on the wire, the four bytes of the length included. */
  readonly bytes: number;
  /** Bytes of both directions that passed on this connection before. */
  readonly passedBytes: number;
  /** Counts the connections of this proxy, from 0. */
  readonly connection: number;
}

/** What to do with a frame. */
export interface Cut {
  /** Bytes of it to let through before the connection is cut. */
  readonly afterBytes: number;
}

/** Decides about each frame; undefined lets it pass. */
export type CutPlan = (frame: ProxiedFrame) => Cut | undefined;

/** See the head of this file. */
export class CuttingProxy {
  /** May be changed at any time. */
  plan: CutPlan = () => undefined;
  /** Op codes of the requests of each connection, in order; the handshake is not among them. */
  readonly requests: number[][] = [];
  readonly #doors: Server[] = [];
  readonly #sockets = new Set<Socket>();

  /** One door for each server, in the same order. */
  static async start(
    servers: readonly { readonly host: string; readonly clientPort: number }[],
  ): Promise<CuttingProxy> {
    const proxy = new CuttingProxy();
    await Promise.all(
      servers.map(({ host, clientPort }) => {
        const door = createServer((client) =>
          proxy.#join(client, connect({ host, port: clientPort, noDelay: true })),
        );
        proxy.#doors.push(door);
        door.listen(0, "127.0.0.1");
        return once(door, "listening");
      }),
    );
    return proxy;
  }

  /** The doors, as a client is told them. */
  get connectionString(): string {
    return this.#doors.map((door) => `127.0.0.1:${(door.address() as AddressInfo).port}`).join(",");
  }

  async stop(): Promise<void> {
    const ends = this.#doors.map((door) => once(door, "close"));
    for (const door of this.#doors) door.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(ends);
  }

  #join(client: Socket, server: Socket): void {
    const connection = this.requests.length;
    const requests: number[] = [];
    this.requests.push(requests);
    client.setNoDelay(true);
    const opCodes = new Map<number, number>();
    let passedBytes = 0;
    const cut = (): void => {
      for (const socket of [client, server]) {
        this.#sockets.delete(socket);
        socket.destroy();
      }
    };
    const forward = (direction: ProxiedFrame["direction"], from: Socket, to: Socket): void => {
      const splitter = new FrameSplitter();
      let isHandshake = true;
      from.on("data", (chunk: Buffer) => {
        splitter.push(chunk);
        for (let frame = splitter.next(); frame !== null && !to.destroyed; frame = splitter.next()) {
          const opCode = isHandshake ? undefined : opCodeOf(direction, frame, opCodes);
          if (direction === "request" && opCode !== undefined) requests.push(opCode);
          const bytes = frame.length + 4;
          const decision = this.plan({ direction, isHandshake, opCode, bytes, passedBytes, connection });
          isHandshake = false;
          const wire = Buffer.alloc(bytes);
          wire.writeInt32BE(frame.length);
          wire.set(frame, 4);
          if (decision !== undefined) {
            // Cut only once the bytes are with the system: what comes to the other side is exactly what was decided.
            to.write(wire.subarray(0, decision.afterBytes), cut);
            from.pause();
            return;
          }
          to.write(wire);
          passedBytes += bytes;
        }
      });
      this.#sockets.add(from);
      from.on("error", cut);
      from.on("close", cut);
    };
    forward("request", client, server);
    forward("reply", server, client);
  }
}

/** A request names its operation; a reply names its request. Events, pings and the like have xids of their own. */
function opCodeOf(
  direction: ProxiedFrame["direction"],
  frame: Uint8Array,
  opCodes: Map<number, number>,
): number | undefined {
  const reader = new JuteReader(frame);
  const xid = reader.int();
  if (direction === "reply") return opCodes.get(xid);
  const opCode = reader.int();
  if (opCode !== OpCode.PING) opCodes.set(xid, opCode);
  return opCode;
}
