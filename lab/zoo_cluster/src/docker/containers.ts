/** All containers of one ensemble, and what they share: the network, the image, the labels. */
import type { ContainersSpec, EnsembleSpec } from "../ensemble/layout.js";
import type { ImageOptions } from "./base-image.js";
import { type ContainerControl, createContainerControls } from "./container-control.js";
import { ensureNetwork } from "./container-network.js";
import { connectEngine, type Engine } from "./engine.js";
import { hostKey, keyOf, labels, networkName } from "./names.js";
import { ownedByLab, ownedByThisProcess } from "./owner.js";
import { ensureServerImage } from "./server-image.js";
import { removeNetwork } from "./sweep.js";

/** See the head of this file. */
export interface Containers {
  readonly engine: Engine;
  readonly controls: readonly ContainerControl[];
  /** Takes containers and network away; what the servers have stored goes too, or stays. */
  remove(options: { readonly withData: boolean }): Promise<void>;
}

/** What {@link openContainers} may be given beside the spec. */
export interface ContainersOptions extends ImageOptions {
  /** Default: connected now. */
  readonly engine?: Engine | undefined;
  /** The image of new containers; found or built when it is needed unless told. */
  readonly image?: string | undefined;
  /** More labels for everything that is made. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** The containers of an ensemble, whether they are there or not; nothing is made. @throws LabError as `connectEngine` */
export async function openContainers(spec: EnsembleSpec, options: ContainersOptions): Promise<Containers> {
  const engine = options.engine ?? (await connectEngine());
  const { key, owner } = containersSpecOf(spec);
  const own = {
    [labels.key]: key,
    [labels.name]: spec.name,
    [labels.version]: spec.version,
    [labels.host]: hostKey(),
    [labels.owner]: owner,
    ...options.labels,
  };
  const controls = createContainerControls({
    engine,
    spec,
    labels: own,
    image: once(async () => options.image ?? (await ensureServerImage(engine, spec.version, options))),
    network: once(() => ensureNetwork(engine, key, spec.servers.length, own)),
  });
  return {
    engine,
    controls,
    remove: async ({ withData }) => {
      await Promise.all(controls.map((control) => control.remove({ withData })));
      await removeNetwork(engine, networkName(key));
    },
  };
}

/** For an ensemble that ends with this process. @param keeps folder whose data stays, or null */
export function containersOfProcess(name: string, dir: string, keeps: boolean): ContainersSpec {
  return {
    key: keyOf(name, dir),
    owner: ownedByThisProcess(),
    keeper: keeps ? dir : null,
    // Nobody but the tests shall write.
    isHealthChecked: false,
  };
}

/** For a lab that outlives its command. */
export function containersOfLab(name: string, dir: string, stateFile: string): ContainersSpec {
  return { key: keyOf(name, stateFile), owner: ownedByLab(stateFile), keeper: dir, isHealthChecked: true };
}

/** The label by which everything of an ensemble is found. */
export function labelOf(spec: EnsembleSpec): string {
  return `${labels.key}=${containersSpecOf(spec).key}`;
}

function containersSpecOf({ docker, name }: EnsembleSpec): ContainersSpec {
  if (docker === undefined) throw new Error(`The ensemble ${name} is not one of containers.`);
  return docker;
}

/** The same answer for all; asked again after a failure. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | null = null;
  return () => {
    asked ??= work().catch((error: unknown) => {
      asked = null;
      throw error;
    });
    return asked;
  };
}
