/** Ports for tests, from the lab's own leases: other runs of tests and other labs on this machine keep off them. */
import { afterAll } from "vitest";
import { leasePorts, type PortLease } from "../../../src/ports/port-lease.js";

const leases: Promise<PortLease>[] = [];
const ports: number[] = [];

afterAll(async () => {
  for (const lease of leases) await (await lease).release();
});

/** A port that is free and stays ours until the end of the test file. No two calls give the same one. */
export async function freePort(): Promise<number> {
  let port = ports.pop();
  while (port === undefined) {
    const lease = leasePorts(1);
    leases.push(lease);
    ports.push(...(await lease).ports);
    port = ports.pop();
  }
  return port;
}
