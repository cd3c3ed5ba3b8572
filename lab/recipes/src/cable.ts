/**
 * The wire between one client and its servers, in the hands of a test: it can be cut and mended, and the request or the
 * reply of one chosen operation can be lost together with its connection.
 *
 * While it is cut nothing gets through, in either direction, and nobody is told. What was sent meanwhile arrives when it is
 * mended, as TCP would have it; a connection that one side has given up by then is ended for the other.
 */
import { type Connection, type ConnectionEvents, systemPorts, type Transport } from "@zk/client";
import { FrameSplitter, OpCode } from "@zk/protocol";

/** Operations whose messages can be lost. `multi` is any transaction; `event` is a watch event, which has a reply only. */
export type Losable =
  | "create"
  | "remove"
  | "setData"
  | "multi"
  | "exists"
  | "getData"
  | "getChildren"
  | "sync"
  | "event";

const CODES: Readonly<Record<Losable, number>> = {
  create: OpCode.CREATE,
  remove: OpCode.DELETE,
  setData: OpCode.SET_DATA,
  multi: OpCode.MULTI,
  exists: OpCode.EXISTS,
  getData: OpCode.GET_DATA,
  getChildren: OpCode.GET_CHILDREN2,
  sync: OpCode.SYNC,
  event: OpCode.NOTIFICATION,
};

interface Loss {
  readonly opCode: number;
  readonly part: "request" | "reply";
  /** How many of them get through before. */
  skip: number;
  readonly done: () => void;
}

/** See the head of this file. */
export class Cable {
  /** Give it to the client: `ports: { transport: cable.transport }`. */
  readonly transport: Transport;
  #losses: Loss[] = [];
  #heldBack: (() => void)[] | undefined;
  readonly #strands = new Set<Strand>();

  /** @param inner what carries the bytes; default TCP */
  constructor(inner: Transport = systemPorts.transport) {
    this.transport = {
      open: (target, events) => {
        const strand = new Strand(this, events);
        this.#strands.add(strand);
        this.through(() => {
          if (!strand.isOver) strand.connect(inner.open(target, strand));
        });
        return strand;
      },
    };
  }

  get isCut(): boolean {
    return this.#heldBack !== undefined;
  }

  cut(): void {
    this.#heldBack ??= [];
  }

  mend(): void {
    const heldBack = this.#heldBack ?? [];
    this.#heldBack = undefined;
    for (const pass of heldBack) this.through(pass);
  }

  /** Ends every connection, as a server or a router may do at any time. */
  reset(): void {
    for (const strand of [...this.#strands]) strand.snap("the test ended the connection");
  }

  /**
   * The next message of that kind is lost, and its connection with it.
   *
   * @param part `request`: no server hears of it. `reply`: the server has done it.
   * @param skip how many of them get through before
   * @returns resolves when it was lost
   */
  lose(part: "request" | "reply", operation: Losable, skip = 0): Promise<void> {
    return new Promise((done) => this.#losses.push({ opCode: CODES[operation], part, skip, done }));
  }

  /** Nothing is to be lost any more. */
  spare(): void {
    this.#losses = [];
  }

  /** For strands: now, or when the cable is mended. */
  through(pass: () => void): void {
    if (this.#heldBack === undefined) pass();
    else this.#heldBack.push(pass);
  }

  /** For strands: whether this very message is lost. */
  takes(part: "request" | "reply", opCode: number): boolean {
    const loss = this.#losses.find((each) => each.part === part && each.opCode === opCode);
    if (loss === undefined) return false;
    loss.skip -= 1;
    if (loss.skip >= 0) return false;
    this.#losses = this.#losses.filter((each) => each !== loss);
    loss.done();
    return true;
  }

  ended(strand: Strand): void {
    this.#strands.delete(strand);
  }
}

/** One connection: the client's view of it, and the server's. */
class Strand implements Connection, ConnectionEvents {
  readonly #cable: Cable;
  readonly #client: ConnectionEvents;
  #server: Connection | undefined;
  readonly #up = new FrameSplitter();
  readonly #down = new FrameSplitter({ frameBytesMax: 2 ** 30 });
  #isUpGreeted = false;
  #isDownGreeted = false;
  /** Operations by their request numbers, as long as their replies are out. */
  readonly #asked = new Map<number, number>();
  isOver = false;

  constructor(cable: Cable, client: ConnectionEvents) {
    this.#cable = cable;
    this.#client = client;
  }

  connect(server: Connection): void {
    this.#server = server;
  }

  /** Ends it for both sides. */
  snap(reason: string): void {
    if (this.isOver) return;
    this.close();
    // Never from within a call of the client.
    queueMicrotask(() => this.#client.closed(reason));
  }

  write(bytes: Uint8Array): boolean {
    this.#up.push(bytes);
    for (let frame = this.#up.next(); frame !== null && !this.isOver; frame = this.#up.next()) {
      const passing = frame;
      if (this.#isUpGreeted && this.#isRequestLost(view(passing))) break;
      this.#isUpGreeted = true;
      this.#cable.through(() => void this.#server?.write(framed(passing)));
    }
    return true;
  }

  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#cable.ended(this);
    this.#cable.through(() => this.#server?.close());
  }

  opened(): void {
    this.#pass(() => this.#client.opened());
  }

  received(bytes: Uint8Array): void {
    this.#down.push(bytes);
    for (let frame = this.#down.next(); frame !== null; frame = this.#down.next()) {
      const passing = frame;
      this.#pass(() => {
        if (this.#isDownGreeted && this.#isReplyLost(view(passing))) return;
        this.#isDownGreeted = true;
        this.#client.received(framed(passing));
      });
    }
  }

  drained(): void {
    this.#pass(() => this.#client.drained());
  }

  closed(reason: string): void {
    this.#pass(() => {
      this.isOver = true;
      this.#cable.ended(this);
      this.#client.closed(reason);
    });
  }

  /** To the client, unless it has given the connection up meanwhile. */
  #pass(tell: () => void): void {
    this.#cable.through(() => {
      if (!this.isOver) tell();
    });
  }

  #isRequestLost(frame: DataView): boolean {
    const opCode = frame.getInt32(4);
    this.#asked.set(frame.getInt32(0), opCode);
    if (!this.#cable.takes("request", opCode)) return false;
    this.snap("the test lost a request");
    return true;
  }

  #isReplyLost(frame: DataView): boolean {
    const xid = frame.getInt32(0);
    const opCode = xid === -1 ? OpCode.NOTIFICATION : this.#asked.get(xid);
    this.#asked.delete(xid);
    if (opCode === undefined || !this.#cable.takes("reply", opCode)) return false;
    this.snap("the test lost a reply");
    return true;
  }
}

function view(frame: Uint8Array): DataView {
  return new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
}

/** The frame with its length before it, in memory of its own. */
function framed(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(frame.length + 4);
  view(bytes).setInt32(0, frame.length);
  bytes.set(frame, 4);
  return bytes;
}
