/**
 * What a session machine is made of: everything it knows, in one place. Open to the modules that are its rules
 * (wishes, timing, connecting, adopting, sending, receiving, losing, ending), closed to everybody else.
 */
import { JuteReader, JuteWriter, XID_FIRST } from "@zk/protocol";
import type { Call } from "./call.js";
import { CallBook } from "./call-book.js";
import { Capabilities } from "./capabilities.js";
import { Deadlines } from "./deadlines.js";
import type { Ticket } from "./inputs.js";
import type { Link } from "./link.js";
import { type LivenessTimes, livenessTimes, Trust } from "./liveness.js";
import type { Credential, MachineOptions, SessionTicket } from "./options.js";
import type { Output } from "./outputs.js";
import { PendingWatches } from "./pending-watches.js";
import { PersistentWatches } from "./persistent-watches.js";
import { Prng } from "./prng.js";
import { formatServer, ServerRing } from "./server-ring.js";
import type { SessionState } from "./session-state.js";
import { type AuthTicket, refusedCredential, ticketError } from "./tickets.js";
import { WatchTable } from "./watch-table.js";

/** See the head of this file. */
export class Machinery {
  readonly options: MachineOptions;
  readonly ring: ServerRing;
  readonly book: CallBook;
  readonly watches: WatchTable = new WatchTable();
  readonly persistentWatches: PersistentWatches = new PersistentWatches();
  readonly pendingWatches: PendingWatches = new PendingWatches();
  readonly capabilities: Capabilities = new Capabilities();
  readonly deadlines: Deadlines = new Deadlines();
  readonly trust: Trust = new Trust();
  readonly reader: JuteReader = new JuteReader(new Uint8Array(0));
  readonly outbox: JuteWriter = new JuteWriter();
  readonly credentials: Credential[];
  outputs: Output[] = [];
  diagnosing = false;

  state: SessionState = "idle";
  link: Link = { phase: "down" };
  /** Counts connections and the questions to the resolver before them, so that late news is known as such. */
  epoch = 0;
  xid: number;
  lastZxid = 0n;
  session: SessionTicket | undefined;
  /** Until a read-write server took us in, the session is known to nobody else and is not asked for again. */
  sessionIsGlobal: boolean;
  times: LivenessTimes;

  /** The time of the input under way. */
  nowMs: number = Number.NEGATIVE_INFINITY;
  /** How long before that the last input came. */
  stepGapMs = 0;
  lastHeardMs: number = Number.NEGATIVE_INFINITY;
  probeIntervalMs = 0;
  /** A probe was sent out and is not answered. */
  isProbing = false;

  connects: Ticket[] = [];
  closes: Ticket[] = [];
  closeConfirmed = false;
  authTickets: AuthTicket[] = [];
  authTicketsSeen = 0;
  /** Whether there was room for more calls after the last step. */
  hadRoom = true;
  /** Taken out of the book and not settled yet: if we fail now, nobody else would settle it. */
  inHand: Call | undefined = undefined;
  operationsSeen = 0;
  readonly operationIds: WeakMap<Call, number> = new WeakMap();

  /** @throws ZkError INVALID_ARGUMENT, REQUEST_TOO_LARGE for options that can never work */
  constructor(options: MachineOptions) {
    const { limits } = options;
    if (options.servers.length === 0)
      throw ticketError("INVALID_ARGUMENT", "there is no server to connect to");
    if (options.credentials.length > limits.credentialsMax) {
      const message = `${options.credentials.length} credentials are more than credentialsMax`;
      throw ticketError("INVALID_ARGUMENT", message);
    }
    for (const credential of options.credentials) {
      const refusal = refusedCredential(credential, limits);
      if (refusal !== undefined) throw refusal;
    }
    this.options = options;
    this.xid = options.firstXid ?? XID_FIRST;
    this.ring = new ServerRing(options.servers, new Prng(options.seed), options.reconnect);
    this.book = new CallBook(limits);
    this.credentials = [...options.credentials];
    this.times = livenessTimes(options.sessionTimeoutMs);
    this.session = options.session;
    this.sessionIsGlobal = options.session !== undefined;
  }

  /** `host:port` of the server that serves the session now. */
  get server(): string | undefined {
    return this.link.phase === "up" ? formatServer(this.link.server) : undefined;
  }

  /** How long nobody has answered; infinity while nobody ever did. */
  get silentMs(): number {
    return this.nowMs - this.lastHeardMs;
  }

  /** Whether close() was called and is not settled yet. */
  get isClosing(): boolean {
    return this.closes.length > 0;
  }
}
