/** Asks a server on the side whether it is part of a quorum: the four-letter word `isro`. */
import type { Ports } from "./ports.js";

const PROBE_TIMEOUT_MS = 1000;
const ANSWER_BYTES_MAX = 64;

/** True only when the server says `rw`. Anything else, silence and refusal included, is a no. Never rejects. */
export async function probeReadWrite(ports: Ports, host: string, port: number): Promise<boolean> {
  let address: string | undefined;
  try {
    [address] = await ports.resolver.resolve(host);
  } catch {
    // A name that cannot be resolved now is no read-write server now.
  }
  if (address === undefined) return false;
  const target = { address, port };
  return new Promise((resolve) => {
    let answer = "";
    let over = false;
    const finish = (): void => {
      if (over) return;
      over = true;
      cancel();
      connection.close();
      resolve(answer.startsWith("rw"));
    };
    const cancel = ports.clock.setTimer(PROBE_TIMEOUT_MS, finish);
    const connection = ports.transport.open(target, {
      opened: () => void connection.write(new Uint8Array([0x69, 0x73, 0x72, 0x6f])),
      received: (bytes) => {
        answer += String.fromCharCode(...bytes.subarray(0, ANSWER_BYTES_MAX));
        if (answer.length >= 2) finish();
      },
      drained: () => {},
      closed: finish,
    });
  });
}
