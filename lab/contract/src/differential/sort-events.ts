/** Where notifications come in no particular order. */
import type { TraceEntry } from "./trace.js";

/** Whether a frame is a notification. */
export function isEvent(frame: Uint8Array): boolean {
  return frame.length >= 16 && frame.subarray(0, 12).every((byte) => byte === 0xff);
}

/** Sorts each connection's notifications among the entries from `mark` on, where nothing stands between them. */
export function sortEvents(entries: TraceEntry[], mark: number): void {
  const byLane = new Map<string, TraceEntry[]>();
  for (const entry of entries.splice(mark)) {
    byLane.set(entry.lane, [...(byLane.get(entry.lane) ?? []), entry]);
  }
  for (const lane of byLane.values()) {
    const key = ({ fields }: TraceEntry): string => fields.map(([, value]) => value).join(" ");
    let run: TraceEntry[] = [];
    const flush = (): void => {
      entries.push(...run.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0)));
      run = [];
    };
    for (const entry of lane) {
      if (entry.what === "event") run.push(entry);
      else {
        flush();
        entries.push(entry);
      }
    }
    flush();
  }
}
