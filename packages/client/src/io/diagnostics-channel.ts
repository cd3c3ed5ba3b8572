/** Diagnostics on Node's `diagnostics_channel`, for those who observe a process without its code's help. */
import { channel } from "node:diagnostics_channel";
import type { Diagnostic } from "../core/index.js";

/** The channel's name. Messages are `{ client, event }`. */
export const DIAGNOSTICS_CHANNEL = "zk:client";

/** One client's way to the channel. */
export class DiagnosticsChannel {
  readonly #channel = channel(DIAGNOSTICS_CHANNEL);
  readonly #client: object;

  constructor(client: object) {
    this.#client = client;
  }

  get hasSubscribers(): boolean {
    return this.#channel.hasSubscribers;
  }

  publish(event: Diagnostic): void {
    if (this.#channel.hasSubscribers) this.#channel.publish({ client: this.#client, event });
  }
}
