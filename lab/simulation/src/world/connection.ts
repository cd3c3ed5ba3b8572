/** One connection between a client and a server, seen from the wire. */
import type { Connection, ConnectionEvents } from "@zk/client";
import type { Chance } from "./chance.js";
import { Direction, type Weather } from "./direction.js";
import type { Program } from "./program.js";
import type { Timeline } from "./timeline.js";

/** What the server's end does with what comes. */
export interface ServerEnd {
  received(connection: number, bytes: Uint8Array): void;
  closed(connection: number): void;
}

/** Sees what a client sends and gets, byte by byte, before the client does. */
export interface Tap {
  opened(connection: SimConnection): void;
  sent(connection: SimConnection, bytes: Uint8Array): void;
  received(connection: SimConnection, bytes: Uint8Array): void;
  /** The client knows that it is over, or ended it. */
  over(connection: SimConnection, reason: string): void;
}

/** How the client's system takes bytes: how many before it asks to wait, and whether it keeps what it was given. */
export interface Buffering {
  readonly roomBytes: number;
  readonly copies: boolean;
}

/** See the head of this file. */
export class SimConnection implements Connection {
  readonly number: number;
  readonly server: number;
  readonly program: Program;
  /** From the client to the server. */
  readonly up: Direction;
  /** From the server to the client. */
  readonly down: Direction;
  /** Whether the client was told that it stands. */
  isOpen = false;
  readonly #events: ConnectionEvents;
  readonly #serverEnd: ServerEnd;
  readonly #tap: Tap;
  readonly #copies: boolean;
  readonly #timeline: Timeline;
  #clientIsOver = false;
  #serverIsOver = true;
  #isSwallowed = false;

  constructor(about: {
    readonly number: number;
    readonly server: number;
    readonly program: Program;
    readonly events: ConnectionEvents;
    readonly serverEnd: ServerEnd;
    readonly tap: Tap;
    readonly timeline: Timeline;
    readonly chance: Chance;
    readonly weather: Weather;
    readonly buffering: Buffering;
  }) {
    const { timeline, chance, weather, program, buffering } = about;
    this.number = about.number;
    this.server = about.server;
    this.program = program;
    this.#events = about.events;
    this.#serverEnd = about.serverEnd;
    this.#tap = about.tap;
    this.#copies = buffering.copies;
    this.#timeline = timeline;
    const cut = (): void => this.cut("ECONNRESET");
    this.up = new Direction(timeline, chance, weather, {
      received: (bytes) => {
        if (!this.#serverIsOver) this.#serverEnd.received(this.number, bytes);
      },
      ended: () => this.#serverHearsEnd(),
      drained: () => this.#tell(() => this.#events.drained()),
      cut,
    });
    this.up.roomBytes = buffering.roomBytes;
    this.down = new Direction(timeline, chance, weather, {
      received: (bytes) =>
        this.#tell(() => {
          this.#tap.received(this, bytes);
          this.#events.received(bytes);
        }),
      ended: () => this.clientHearsEnd("the server closed the connection"),
      drained: () => {},
      cut,
    });
  }

  /** Whether the client still believes in it. */
  get clientIsOver(): boolean {
    return this.#clientIsOver;
  }

  /** Whether the server still believes in it. */
  get serverIsOver(): boolean {
    return this.#serverIsOver;
  }

  get isSwallowed(): boolean {
    return this.#isSwallowed;
  }

  /** The server took it in. */
  accepted(): void {
    this.#serverIsOver = false;
  }

  /** The client hears that it stands. */
  open(): void {
    this.#tell(() => {
      this.isOpen = true;
      this.#tap.opened(this);
      this.#events.opened();
    });
  }

  write(bytes: Uint8Array): boolean {
    if (this.#clientIsOver) return true;
    this.#tap.sent(this, bytes);
    return this.up.write(this.#copies ? bytes.slice() : bytes);
  }

  /** A system that copies says 0, and the client may use the memory again; one that does not keeps it until it is sent. */
  unsentBytes(): number {
    return this.#copies ? 0 : this.up.waitingBytes;
  }

  close(): void {
    if (this.#clientIsOver) return;
    this.#clientIsOver = true;
    this.#tap.over(this, "closed by the client");
    this.down.stop();
    this.up.end();
  }

  /** Breaks it: both sides hear of it, what was on its way is lost. */
  cut(reason: string): void {
    this.up.stop();
    this.down.stop();
    if (this.#isSwallowed) return;
    this.#serverHearsEnd();
    this.clientHearsEnd(reason);
  }

  /** From now on nothing arrives in these directions, and nobody is told. */
  swallow(which: "up" | "down" | "both"): void {
    this.#isSwallowed = true;
    if (which !== "down") this.up.swallow();
    if (which !== "up") this.down.swallow();
  }

  /** The cable is in again: a half-open connection turns out to be dead, one that was to be cut is not. */
  mend(): void {
    this.up.spare();
    this.down.spare();
    if (!this.#isSwallowed) return;
    this.#isSwallowed = false;
    this.cut("ECONNRESET");
  }

  /** The server ends it. */
  endedByServer(how: "fin" | "reset"): void {
    this.#serverIsOver = true;
    this.up.stop();
    if (how === "fin") return this.down.end();
    this.#timeline.after(this.down.weather.delayMs, () => {
      if (this.#isSwallowed) return;
      this.down.stop();
      this.clientHearsEnd("ECONNRESET");
    });
  }

  /** The client's side is told that it is over, or never came to be. */
  clientHearsEnd(reason: string): void {
    this.#tell(() => {
      this.#clientIsOver = true;
      this.up.stop();
      this.#tap.over(this, reason);
      this.#events.closed(reason);
    });
  }

  /** Runs in a turn of the client, unless it has let go meanwhile. */
  #tell(news: () => void): void {
    if (this.#clientIsOver) return;
    this.program.post("io", () => {
      if (!this.#clientIsOver) news();
    });
  }

  #serverHearsEnd(): void {
    if (this.#serverIsOver) return;
    this.#serverIsOver = true;
    this.#serverEnd.closed(this.number);
  }
}
