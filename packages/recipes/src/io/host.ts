/** Where this machine is reached, for what is said of it to others. */
import { networkInterfaces } from "node:os";

/** Its first address that others can reach, IPv4 before IPv6; null for a machine that has none. */
export function hostAddress(): string | null {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const reachable = all.filter(({ internal, address }) => !internal && !address.startsWith("fe80:"));
  return (reachable.find(({ family }) => family === "IPv4") ?? reachable[0])?.address ?? null;
}
