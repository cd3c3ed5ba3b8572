/** One server process: its disk, its clients' connections, and its duty. */
import type { DataTree } from "../tree/data-tree.js";
import type { TxnOutcome } from "../tree/txn.js";
import { WatchTables } from "../tree/watch-tables.js";
import { ClientConnection, type ConnectionHost } from "./client-connection.js";
import { Disk } from "./disk.js";
import type { Duty } from "./duty.js";
import { Following } from "./following.js";
import type { Host } from "./host.js";
import { Leading } from "./leading.js";
import { Looking } from "./looking.js";
import type { Message } from "./messages.js";
import type { Entry } from "./request.js";
import { answerWord } from "./server-facts.js";
import type { Service } from "./service.js";
import { Standalone } from "./standalone.js";
import { ServerStatistics } from "./statistics.js";
import type { ServerRole } from "./types.js";
import type { Peer, World } from "./world.js";

/** See the head of this file. */
export class Server implements ConnectionHost, Host, Peer {
  readonly id: number;
  readonly world: World;
  readonly statistics: ServerStatistics = new ServerStatistics();
  disk: Disk;
  watches: WatchTables = new WatchTables();
  isRunning = false;
  isPaused = false;
  /** Counts the lives of the process. */
  incarnation = 0;
  readonly connections: Map<number, ClientConnection> = new Map();
  readonly #perAddress = new Map<string, number>();
  #duty: Duty | undefined;
  /** What came while the process stood still. */
  #backlog: (() => void)[] = [];
  #nextSessionId = 0n;
  #isDirty = false;

  constructor(world: World, id: number, disk: Disk) {
    this.world = world;
    this.id = id;
    this.disk = disk;
  }

  get tree(): DataTree {
    return this.disk.tree;
  }

  get role(): ServerRole {
    return this.#duty?.role ?? "down";
  }

  get reign(): number {
    return this.#duty?.reign ?? 0;
  }

  get duty(): Duty | undefined {
    return this.#duty;
  }

  get service(): Service | undefined {
    return this.#duty?.service;
  }

  get isServing(): boolean {
    return this.service !== undefined;
  }

  get nowMs(): number {
    return this.world.nowMs;
  }

  get frameBytesMax(): number {
    return this.world.settings.frameBytesMax;
  }

  get superDigest(): string | undefined {
    return this.world.settings.superDigest;
  }

  // ── the process ──────────────────────────────────────────────────────────────────────────────────────────────────

  start(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.incarnation += 1;
    this.statistics.reset();
    this.disk.reload();
    this.world.outputs.push({ kind: "listening", server: this.id, isListening: true });
    this.world.log(this.id, `Reading snapshot: last logged zxid 0x${this.tree.lastZxid.toString(16)}`);
    if (this.world.settings.servers === 1) {
      this.become(new Standalone(this));
      return;
    }
    this.become(new Looking(this));
    this.#armTick();
  }

  kill(isWiped: boolean): void {
    if (this.isRunning) {
      const { world, id } = this;
      this.#duty?.end();
      this.#duty = undefined;
      this.isRunning = false;
      this.isPaused = false;
      this.#backlog = [];
      world.outputs.push({ kind: "listening", server: id, isListening: false });
      this.endConnections("reset");
      world.electionIsDue = true;
    }
    if (isWiped) this.disk = new Disk();
    else this.disk.reload();
    this.dirty();
  }

  pause(): void {
    if (!this.isRunning || this.isPaused) return;
    this.isPaused = true;
    this.world.electionIsDue = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.world.electionIsDue = true;
    while (this.#backlog.length > 0 && !this.isPaused && this.isRunning) this.#backlog.shift()?.();
  }

  /** Runs a task of this life of the process: now, or when it moves again. */
  whenAwake(task: () => void): void {
    if (!this.isRunning) return;
    if (this.isPaused || this.#backlog.length > 0) this.#backlog.push(task);
    else task();
  }

  later(delayMs: number, task: () => void): void {
    const { incarnation } = this;
    this.world.schedule.add(this.world.nowMs + Math.max(0, delayMs), () => {
      if (this.incarnation === incarnation) this.whenAwake(task);
    });
  }

  does(duty: object): boolean {
    return this.#duty === duty;
  }

  become(duty: Duty): void {
    this.#duty = duty;
    this.world.electionIsDue = true;
  }

  /** Gives its duty up and looks for a leader. Clients lose their connections. */
  look(why: string): void {
    this.world.log(this.id, `LOOKING: ${why}`);
    this.#duty?.end();
    this.endConnections("fin");
    this.disk.reload();
    this.become(new Looking(this));
  }

  lead(): void {
    this.#duty?.end();
    this.endConnections("fin");
    this.become(new Leading(this));
  }

  follow(leader: number): void {
    this.#duty?.end();
    this.endConnections("fin");
    this.become(new Following(this, leader));
  }

  hear(from: number, message: Message): void {
    this.whenAwake(() => {
      const duty = this.#duty;
      // Whoever takes us for a leader that we are not finds nobody at home.
      if (message.kind === "hello" && (duty?.role !== "leading" || duty.reign !== message.reign))
        return this.world.send(this.id, from, { kind: "goodbye", relation: message.relation });
      duty?.hear(from, message);
    });
  }

  // ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @param isFinal false while it is only caught up with, under a leader that has no quorum yet */
  apply(entry: Entry, isFinal = true): TxnOutcome {
    const outcome = this.tree.apply(entry.header, entry.txn);
    this.disk.applied(entry);
    if (isFinal && this.role !== "readonly") this.world.becameFinal(entry);
    this.dirty();
    return outcome;
  }

  dirty(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.world.outputs.push({ kind: "dirty", server: this.id });
  }

  /** The outputs were taken: the next change is news again. */
  drained(): void {
    this.#isDirty = false;
  }

  /** Session ids begin here, unless some behind it were given out already. */
  reserveSessionIds(first: bigint): void {
    if (this.#nextSessionId === 0n || first > this.#nextSessionId) this.#nextSessionId = first;
  }

  nextSessionId(): bigint {
    const id = this.#nextSessionId;
    this.#nextSessionId = BigInt.asIntN(64, id + 1n);
    return id;
  }

  // ── clients ──────────────────────────────────────────────────────────────────────────────────────────────────────

  connection(number: number): ClientConnection | undefined {
    return this.connections.get(number);
  }

  connectionOf(sessionId: bigint): ClientConnection | undefined {
    for (const connection of this.connections.values()) {
      if (connection.sessionId === sessionId) return connection;
    }
    return undefined;
  }

  accept(about: { number: number; address: string; port: number }): void {
    const { maxClientCnxns } = this.world.settings;
    const count = this.#perAddress.get(about.address) ?? 0;
    if (maxClientCnxns > 0 && count >= maxClientCnxns) {
      this.world.log(this.id, `Too many connections from /${about.address} - max is ${maxClientCnxns}`);
      this.world.outputs.push({ kind: "end", connection: about.number, how: "fin" });
      return;
    }
    this.#perAddress.set(about.address, count + 1);
    this.connections.set(about.number, new ClientConnection(this, about));
  }

  received(number: number, bytes: Uint8Array): void {
    this.connections.get(number)?.received(bytes);
  }

  /** The client is gone. Its session lives on. */
  closed(number: number): void {
    const connection = this.connections.get(number);
    if (connection !== undefined) this.#forget(connection);
  }

  endConnections(how: "fin" | "reset"): void {
    for (const connection of [...this.connections.values()]) this.end(connection, how);
    this.watches = new WatchTables();
  }

  send(connection: ClientConnection, bytes: Uint8Array): void {
    this.statistics.packetsSent += 1;
    this.world.outputs.push({ kind: "send", connection: connection.number, bytes });
  }

  end(connection: ClientConnection, how: "fin" | "reset"): void {
    if (connection.isOver) return;
    this.#forget(connection);
    this.world.outputs.push({ kind: "end", connection: connection.number, how });
  }

  setReading(connection: ClientConnection, isReading: boolean): void {
    this.world.outputs.push({ kind: "reading", connection: connection.number, isReading });
  }

  answerWord(connection: ClientConnection, word: string): string | undefined {
    return answerWord(this, connection, word);
  }

  connectRequest(...[connection, request]: Parameters<ConnectionHost["connectRequest"]>): void {
    this.statistics.packetsReceived += 1;
    this.service?.connectRequest(connection, request);
  }

  request(...[connection, xid, opCode, body]: Parameters<ConnectionHost["request"]>): void {
    this.statistics.packetsReceived += 1;
    this.service?.request(connection, xid, opCode, body);
  }

  #forget(connection: ClientConnection): void {
    connection.isOver = true;
    this.connections.delete(connection.number);
    this.watches.remove(connection.number);
    const count = (this.#perAddress.get(connection.address) ?? 1) - 1;
    if (count > 0) this.#perAddress.set(connection.address, count);
    else this.#perAddress.delete(connection.address);
  }

  #armTick(): void {
    this.later(this.world.settings.tickTimeMs / 2, () => {
      this.#duty?.tick();
      this.#armTick();
    });
  }
}
