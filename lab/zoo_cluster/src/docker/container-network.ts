/**
 * The network of one ensemble, on which every server has an address that stays.
 *
 * It must: ZooKeeper 3.4.6 looks up the name of a peer once, when it reads its configuration, and the engine answers for
 * containers that run and for no others. Fixed addresses are given out only by a network whose range was chosen for it.
 * So the engine is first asked for a network of its own choice, which tells a range that is free on this machine, and
 * then for one with that range.
 */
import { LabError } from "../errors.js";
import { asking, askingFor, type Engine, statusOf } from "./engine.js";
import { networkName } from "./names.js";
import { removeNetwork } from "./sweep.js";

/** How often a range may be taken between the two questions. */
export const networkAttemptsMax = 5;
/** The last part of the first server's address; those before are the engine's own. */
const firstAddress = 11;

/** A network that is there. */
export interface ContainerNetwork {
  readonly id: string;
  readonly name: string;
  /** One for each server, in their order. */
  readonly addresses: readonly string[];
}

/** Finds or makes the network of an ensemble. @throws LabError `ENGINE_FAILED` and its like */
export async function ensureNetwork(
  engine: Pick<Engine, "docker">,
  key: string,
  servers: number,
  networkLabels: Readonly<Record<string, string>>,
): Promise<ContainerNetwork> {
  const { docker } = engine;
  const name = networkName(key);
  const found = await askingFor("a look at the network", () => docker.getNetwork(name).inspect());
  const present = found === null ? null : subnetOf(found);
  if (found !== null && present !== null)
    return { id: found.Id, name, addresses: addressesIn(present, servers) };
  for (let attempt = 1; ; attempt++) {
    const trial = await asking("a network", () =>
      docker.createNetwork({ Name: `${name}-range`, CheckDuplicate: true, Labels: { ...networkLabels } }),
    );
    const subnet = subnetOf(
      await asking("a look at the network", () => docker.getNetwork(trial.id).inspect()),
    );
    await removeNetwork(engine, trial.id);
    if (subnet === null)
      throw new LabError("ENGINE_FAILED", "The container engine made a network without an IPv4 range.");
    try {
      const made = await docker.createNetwork({
        Name: name,
        CheckDuplicate: true,
        IPAM: { Driver: "default", Config: [{ Subnet: subnet }] },
        Labels: { ...networkLabels },
      });
      return { id: made.id, name, addresses: addressesIn(subnet, servers) };
    } catch (error) {
      const isTaken = statusOf(error) === 403 || /overlaps/i.test(String(error));
      if (!isTaken || attempt >= networkAttemptsMax)
        return await asking("a network", () => Promise.reject(error));
    }
  }
}

/** Addresses of the servers in an IPv4 range. @throws LabError `ENGINE_FAILED` for one that is too small */
export function addressesIn(subnet: string, servers: number): string[] {
  const [base = "", bits = "32"] = subnet.split("/");
  if (2 ** (32 - Number(bits)) < firstAddress + servers + 1) {
    throw new LabError(
      "ENGINE_FAILED",
      `The container engine gives networks of ${subnet}, too small for ${servers} servers. Set default-address-pools in its daemon.json to /24 or larger.`,
    );
  }
  const start = base.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return Array.from({ length: servers }, (_, index) => dotted(start + firstAddress + index));
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

type Inspected = Awaited<ReturnType<ReturnType<Engine["docker"]["getNetwork"]>["inspect"]>>;

function subnetOf({ IPAM }: Inspected): string | null {
  const subnets = IPAM?.Config?.flatMap(({ Subnet }) => Subnet ?? []) ?? [];
  return subnets.find((subnet) => /^\d+\.\d+\.\d+\.\d+\/\d+$/.test(subnet)) ?? null;
}
