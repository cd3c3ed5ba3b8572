/** Where the examples find their ensemble: `ZK_SERVERS`, or the lab's default ports. */
export const SERVERS: string = process.env["ZK_SERVERS"] ?? "127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183";

/** A signal that aborts on Ctrl-C and SIGTERM, so that an example leaves no session behind. */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => controller.abort());
  return controller.signal;
}
