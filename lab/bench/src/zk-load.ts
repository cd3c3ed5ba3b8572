/** Our client as its users have it: as many loops as the window is wide, each awaiting one call after another. */
import { type Client, createClient } from "@zk/client";
import { type Load, VALUE_BYTES, type Work } from "./types.js";

/** Where the client works and on what. */
export interface ZkOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly work: Work;
  readonly window: number;
}

/** Connects. @throws ZkError */
export async function openZkLoad(options: ZkOptions): Promise<ZkLoad> {
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  const client = createClient(`${host}:${options.port}`, { sessionTimeoutMs: 30_000 });
  await client.connect();
  return new ZkLoad(client, options);
}

/** See the head of this file. */
export class ZkLoad implements Load {
  completed = 0;

  readonly #client: Client;
  readonly #options: ZkOptions;
  readonly #value = Buffer.alloc(VALUE_BYTES, "x");
  #window: number;
  #stopping = false;

  constructor(client: Client, options: ZkOptions) {
    this.#client = client;
    this.#options = options;
    this.#window = options.window;
  }

  async run(): Promise<void> {
    const { work, window } = this.#options;
    const loops = Array.from({ length: window }, (_, place) =>
      work === "get" ? this.#gets(place) : this.#sets(place),
    );
    try {
      await Promise.all(loops);
    } finally {
      await this.#client.close();
    }
  }

  narrow(window: number): void {
    this.#window = Math.min(window, this.#window);
  }

  stop(): void {
    this.#stopping = true;
  }

  async #gets(place: number): Promise<void> {
    const client = this.#client;
    const { path } = this.#options;
    while (place < this.#window && !this.#stopping) {
      await client.getData(path);
      this.completed += 1;
    }
  }

  async #sets(place: number): Promise<void> {
    const client = this.#client;
    const { path } = this.#options;
    const value = this.#value;
    while (place < this.#window && !this.#stopping) {
      await client.setData(path, value);
      this.completed += 1;
    }
  }
}
