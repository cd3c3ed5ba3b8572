/** The only server of its kind: what it logs is final. Source: ZooKeeper 3.4.6, ZooKeeperServerMain.java and SyncRequestProcessor.java */
import { Authority } from "./authority.js";
import type { Duty } from "./duty.js";
import type { Host } from "./host.js";
import { LogWriter } from "./log-writer.js";
import type { Entry, Request } from "./request.js";

/** See the head of this file. */
export class Standalone implements Duty {
  readonly role = "standalone";
  readonly reign = 0;
  readonly service: Authority;
  readonly #server: Host;
  readonly #log: LogWriter;

  constructor(server: Host) {
    this.#server = server;
    this.#log = new LogWriter(server);
    this.service = new Authority(server, (entry, request) => this.#propose(entry, request));
  }

  hear(): void {}

  tick(): void {}

  end(): void {
    this.service.end();
  }

  #propose(entry: Entry, request: Request): void {
    this.#log.write(() => {
      if (!this.#server.does(this)) return;
      this.#server.disk.append(entry);
      this.#server.dirty();
      this.service.commit(entry, request);
    });
  }
}
