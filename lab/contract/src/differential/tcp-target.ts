/** Servers somewhere on TCP. */
import { connect, type Socket } from "node:net";
import { FrameSplitter } from "@zk/protocol";
import type { Target, Wire } from "./wire.js";

/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * @param about `name` for people, `addresses` of the servers, `stop` what is to be done at the end
 */
export function tcpTarget(about: {
  readonly name: string;
  readonly addresses: readonly Address[];
  readonly stop?: () => Promise<void>;
}): Target {
  const { name, addresses } = about;
  return {
    name,
    servers: addresses.length,
    open: async (server) => new TcpWire(addresses[server % addresses.length] as Address),
    [Symbol.asyncDispose]: async () => about.stop?.(),
  };
}

/** `127.0.0.1:2181,127.0.0.1:2182` as addresses; undefined when it is none. */
export function parseAddresses(text: string): readonly Address[] | undefined {
  const found = text.split(",").map((part) => /^([^\s:/]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(part.trim()));
  const addresses: Address[] = [];
  for (const match of found) {
    const port = Number(match?.[2]);
    if (match?.[1] === undefined || port < 1 || port > 65_535) return undefined;
    addresses.push({ host: match[1].replace(/^\[|\]$/g, ""), port });
  }
  return addresses;
}

class TcpWire implements Wire {
  readonly frames: Uint8Array[] = [];
  isEnded = false;
  readonly #socket: Socket;
  readonly #splitter = new FrameSplitter();
  #condition: (() => boolean) | undefined;
  #settle: ((isMet: boolean) => void) | undefined;

  constructor({ host, port }: Address) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on("data", (chunk) => this.#take(chunk));
    // An error is followed by `close`; which of them ended the connection is no part of what is compared.
    this.#socket.on("error", () => {});
    this.#socket.on("end", () => this.#ended());
    this.#socket.on("close", () => this.#ended());
  }

  send(bytes: Uint8Array): void {
    if (!this.isEnded) this.#socket.write(bytes);
  }

  until(condition: () => boolean, limitMs: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const limit = setTimeout(() => this.#settle?.(false), limitMs);
      this.#condition = condition;
      this.#settle = (isMet) => {
        clearTimeout(limit);
        this.#condition = undefined;
        this.#settle = undefined;
        resolve(isMet);
      };
    });
  }

  end(how: "fin" | "reset"): void {
    this.isEnded = true;
    if (how === "reset") this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  #take(chunk: Uint8Array): void {
    try {
      this.#splitter.push(chunk);
      for (let frame = this.#splitter.next(); frame !== null; frame = this.#splitter.next()) {
        this.frames.push(frame);
      }
    } catch {
      // What is no frame shows as an end: nothing that comes behind it could be understood.
      this.#ended();
      this.#socket.destroy();
    }
    this.#look();
  }

  #ended(): void {
    this.isEnded = true;
    this.#look();
  }

  #look(): void {
    if (this.#condition?.()) this.#settle?.(true);
  }
}
