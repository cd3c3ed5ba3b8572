/** A plain TCP proxy in front of one server, that reads along and can make trouble. No rights are needed. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { CliError } from "../program/errors.js";
import type { Injection } from "./injection.js";
import { WireReader, type WireRecord } from "./wire-reader.js";

/** What a proxy is told. */
export interface ProxyOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly to: { readonly host: string; readonly port: number };
  readonly injections: readonly Injection[];
  readonly onRecord: (record: WireRecord) => void;
  readonly onTrouble: (line: string) => void;
}

export class WireProxy {
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #count = 0;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** @throws CliError LISTEN_FAILED */
  static async start(options: ProxyOptions): Promise<WireProxy> {
    const proxy = new WireProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", (error) =>
        reject(
          new CliError(
            "LISTEN_FAILED",
            6,
            `nobody can listen on ${options.listen.host}:${options.listen.port}: ${error.message}`,
          ),
        ),
      );
      proxy.#server.listen(options.listen.port, options.listen.host, resolve);
    });
    return proxy;
  }

  /** `host:port` that clients connect to. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(client: Socket): void {
    const number = ++this.#count;
    const { to, onRecord, onTrouble } = this.#options;
    const server = connect({ host: to.host, port: to.port, noDelay: true });
    client.setNoDelay(true);
    const reader = new WireReader(number);
    let isReadable = true;
    let isWord = false;
    // Frames leave in the order in which they came, whatever waits.
    let sending: Promise<void> = Promise.resolve();
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", (error) => {
        if (socket === server && !server.connecting && number === this.#count)
          onTrouble(`${to.host}:${to.port}: ${error.message}`);
        end();
      });
      socket.on("close", () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    client.on("close", () => {
      for (const record of reader.unanswered()) onRecord(record);
    });
    client.on("data", (chunk: Buffer) => {
      // Four letters are no frame, and their answer is none either.
      if (!isWord && /^[a-z]{4}$/.test(chunk.toString("latin1", 0, 4)) && chunk.length === 4) isWord = true;
      if (!isReadable || isWord) {
        sending = sending.then(() => write(server, chunk));
        return;
      }
      try {
        for (const { payload, request } of reader.requests(chunk)) {
          const taken =
            request === undefined ? undefined : this.#options.injections.find((each) => each.takes(request));
          if (taken?.fault.kind === "reset") return end();
          if (taken?.fault.kind === "drop") continue;
          const delayMs = taken?.fault.kind === "delay" ? taken.fault.ms : 0;
          sending = sending.then(async () => {
            if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
            await write(server, framed(payload));
          });
        }
      } catch (error) {
        isReadable = false;
        onTrouble(`connection ${number} is passed on unread: ${(error as Error).message}`);
        sending = sending.then(() => write(server, chunk));
      }
    });
    server.on("data", (chunk: Buffer) => {
      // Bytes go on as they came; reading is beside the way.
      client.write(chunk);
      if (!isReadable || isWord) return;
      try {
        for (const { record } of reader.answers(chunk)) onRecord(record);
      } catch (error) {
        isReadable = false;
        onTrouble(`connection ${number} is passed on unread: ${(error as Error).message}`);
      }
    });
    client.on("end", () => server.end());
    server.on("end", () => client.end());
  }
}

function framed(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(4 + payload.length);
  frame.writeInt32BE(payload.length, 0);
  frame.set(payload, 4);
  return frame;
}

/** Waits until there is room; a socket that is gone takes everything. */
function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed || socket.write(bytes)) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once("drain", resolve);
    socket.once("close", () => resolve());
  });
}
