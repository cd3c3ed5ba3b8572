import { setTimeout as wait } from "node:timers/promises";

/** Cuts bytes into pieces and gives them one by one with a pause between: a peer that is slow, not dead. */
export async function* withPauses(
  bytes: Uint8Array,
  pieceBytes: number,
  pauseMs: number,
): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < bytes.length; sent += pieceBytes) {
    await wait(pauseMs);
    yield bytes.subarray(sent, sent + pieceBytes);
  }
}
