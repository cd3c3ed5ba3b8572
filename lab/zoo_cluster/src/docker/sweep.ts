/**
 * Removes what ensembles have left behind whose process was killed together with everything that would have cleaned up
 * after it, and labs whose folder is gone. Done at each start; what belongs to a live owner is never touched.
 */
import { existsSync } from "node:fs";
import { asking, askingToRemove, type Engine } from "./engine.js";
import { hostKey, labels } from "./names.js";
import { isOwnerAlive } from "./owner.js";

/** What there was to remove. */
export interface Swept {
  readonly containers: number;
  readonly networks: number;
  readonly volumes: number;
}

type Labels = Readonly<Record<string, string>> | null | undefined;

/**
 * Two sweeps at once are as good as one. What cannot be removed is told and left to the next: nobody's start fails for it.
 *
 * @returns what was found
 * @throws LabError `ENGINE_FAILED` and its like when the engine does not say what there is
 */
export async function sweep({ docker }: Engine, onProgress: (line: string) => void): Promise<Swept> {
  const filters = { label: [`${labels.host}=${hostKey()}`] };
  const containers = (
    await asking("a list of containers", () => docker.listContainers({ all: true, filters }))
  ).filter(({ Labels }) => isAbandoned(Labels));
  const networks = (await asking("a list of networks", () => docker.listNetworks({ filters }))).filter(
    ({ Labels }) => isAbandoned(Labels),
  );
  const found = await asking("a list of volumes", () => docker.listVolumes({ filters }));
  const volumes = (found.Volumes ?? []).filter(({ Labels }) => isAbandoned(Labels) && !isKept(Labels));
  if (containers.length + networks.length + volumes.length > 0) {
    onProgress(
      `removing what an earlier run has left: ${containers.length} containers, ${networks.length} networks, ${volumes.length} volumes`,
    );
  }
  const all = async (removals: readonly Promise<void>[]): Promise<void> => {
    for (const removal of await Promise.allSettled(removals)) {
      if (removal.status === "rejected") onProgress(`left for the next start: ${removal.reason.message}`);
    }
  };
  await all(containers.map(({ Id }) => removeContainer({ docker }, Id)));
  await all(networks.map(({ Id }) => removeNetwork({ docker }, Id)));
  await all(volumes.map(({ Name }) => removeVolume({ docker }, Name)));
  return { containers: containers.length, networks: networks.length, volumes: volumes.length };
}

/** Removes the volumes that belong to a folder; gives their names. */
export async function removeKeptVolumes({ docker }: Engine, folder: string): Promise<string[]> {
  const filters = { label: [`${labels.host}=${hostKey()}`, `${labels.keeper}=${folder}`] };
  const found = await asking("a list of volumes", () => docker.listVolumes({ filters }));
  const names = (found.Volumes ?? []).map(({ Name }) => Name).sort();
  await Promise.all(names.map((name) => removeVolume({ docker }, name)));
  return names;
}

/** With its anonymous volumes, whatever state it is in. @throws LabError `ENGINE_FAILED` */
export function removeContainer({ docker }: Pick<Engine, "docker">, id: string): Promise<void> {
  return askingToRemove(`the removal of container ${id}`, () =>
    docker.getContainer(id).remove({ force: true, v: true }),
  );
}

export function removeNetwork({ docker }: Pick<Engine, "docker">, id: string): Promise<void> {
  return askingToRemove(`the removal of network ${id}`, () => docker.getNetwork(id).remove());
}

export function removeVolume({ docker }: Pick<Engine, "docker">, name: string): Promise<void> {
  return askingToRemove(`the removal of volume ${name}`, () =>
    docker.getVolume(name).remove({ force: true }),
  );
}

function isAbandoned(found: Labels): boolean {
  const owner = found?.[labels.owner];
  return owner !== undefined && !isOwnerAlive(owner);
}

function isKept(found: Labels): boolean {
  const keeper = found?.[labels.keeper];
  return keeper !== undefined && existsSync(keeper);
}
