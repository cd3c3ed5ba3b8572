/** Looks at the engine itself, beside what the lab says of it. */
import { connectEngine, type Engine } from "../../src/docker/engine.js";

/** Names of everything on the engine that bears a label, containers, networks and volumes alike. */
export async function remains(label: string, engine?: Engine): Promise<string[]> {
  const { docker } = engine ?? (await connectEngine());
  const filters = { label: [label] };
  const [containers, networks, volumes] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
  ]);
  return [
    ...containers.flatMap(({ Names }) => Names),
    ...networks.map(({ Name }) => Name),
    ...(volumes.Volumes ?? []).map(({ Name }) => Name),
  ].sort();
}

/** Everything of the ensemble of that name. */
export function ofName(name: string): string {
  return `zk.lab.name=${name}`;
}
