/** The only server of its kind: what it logs is final. Source: ZooKeeper 3.4.6, ZooKeeperServerMain.java and SyncRequestProcessor.java */
import { Authority } from "./authority.js";
import type { Duty } from "./duty.js";
import type { Host } from "./host.js";
import type { Entry, Request } from "./request.js";

/** See the head of this file. */
export class Standalone implements Duty {
  readonly role = "standalone";
  readonly reign = 0;
  readonly service: Authority;
  readonly #server: Host;
  #lastDiskMs = 0;

  constructor(server: Host) {
    this.#server = server;
    this.service = new Authority(server, (entry, request) => this.#propose(entry, request));
  }

  hear(): void {}

  tick(): void {}

  end(): void {
    this.service.end();
  }

  #propose(entry: Entry, request: Request): void {
    const { world } = this.#server;
    const atMs = Math.max(world.nowMs + world.draw(world.settings.diskMs), this.#lastDiskMs);
    this.#lastDiskMs = atMs;
    const commit = (): void => {
      if (!this.#server.does(this)) return;
      this.#server.disk.append(entry);
      this.#server.dirty();
      this.service.commit(entry, request);
    };
    if (atMs <= world.nowMs) commit();
    else this.#server.later(atMs - world.nowMs, commit);
  }
}
