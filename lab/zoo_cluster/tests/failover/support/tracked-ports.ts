/** The client's doors to the world, with a count of what is behind them and a hand on the latch. */
import { type Connection, type Ports, systemPorts } from "@zk/client";

/** Counts a client's open connections and running timers, and decides which servers it may reach. */
export class TrackedPorts {
  readonly ports: Ports;
  /** Port that connections may be made to; undefined for any. */
  onlyPort: number | undefined;
  #isHeld = false;
  #connections = 0;
  #timers = 0;

  constructor() {
    const { transport, clock } = systemPorts;
    this.ports = {
      ...systemPorts,
      transport: {
        open: (target, events) => {
          if (this.#isHeld || (this.onlyPort !== undefined && target.port !== this.onlyPort)) {
            queueMicrotask(() => events.closed("kept away by the test"));
            return nowhere;
          }
          this.#connections += 1;
          let isOpen = true;
          const gone = (): void => {
            if (isOpen) this.#connections -= 1;
            isOpen = false;
          };
          const connection = transport.open(target, {
            ...events,
            closed: (reason) => {
              gone();
              events.closed(reason);
            },
          });
          return {
            write: (bytes) => connection.write(bytes),
            close: () => {
              gone();
              connection.close();
            },
          };
        },
      },
      clock: {
        ...clock,
        setTimer: (delayMs, callback) => {
          this.#timers += 1;
          let isSet = true;
          const gone = (): void => {
            if (isSet) this.#timers -= 1;
            isSet = false;
          };
          const cancel = clock.setTimer(delayMs, () => {
            gone();
            callback();
          });
          return () => {
            gone();
            cancel();
          };
        },
      },
    };
  }

  /** Connections that are open or being made. */
  get connections(): number {
    return this.#connections;
  }

  /** Timers that have neither fired nor been cancelled. */
  get timers(): number {
    return this.#timers;
  }

  /** From now on every attempt to connect fails at once; standing connections stay. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
  }
}

const nowhere: Connection = { write: () => true, close: () => {} };
