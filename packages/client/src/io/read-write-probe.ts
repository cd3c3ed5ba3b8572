/** Asks a server on the side whether it is part of a quorum: the four-letter word `isro`. */
import type { Connection, Ports } from "./ports.js";

const PROBE_TIMEOUT_MS = 1000;
const ANSWER_BYTES_MAX = 64;
const QUESTION = new Uint8Array([0x69, 0x73, 0x72, 0x6f]);

/** True only when the server says `rw`. Anything else, silence and refusal included, is a no. Never rejects. */
export function probeReadWrite(ports: Ports, host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = "";
    let isOver = false;
    let connection: Connection | undefined;
    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      connection?.close();
      resolve(answer.startsWith("rw"));
    };
    // One limit for the name and the server together.
    const cancel = ports.clock.setTimer(PROBE_TIMEOUT_MS, finish);
    const ask = async (): Promise<void> => {
      const [address] = await ports.resolver.resolve(host);
      if (isOver || address === undefined) return finish();
      connection = ports.transport.open(
        { address, port },
        {
          opened: () => void connection?.write(QUESTION),
          received: (bytes) => {
            answer += String.fromCharCode(...bytes.subarray(0, ANSWER_BYTES_MAX));
            if (answer.length >= 2) finish();
          },
          drained: () => {},
          closed: finish,
        },
      );
    };
    // A name that cannot be resolved now is no read-write server now.
    ask().catch(finish);
  });
}
