/** `startMemoryEnsemble`: from nothing to servers that are ready. */
import { join } from "node:path";
import { EnsembleModel } from "../model/ensemble-model.js";
import { realClock } from "./clock.js";
import { ModelDriver } from "./driver.js";
import type { MemoryEnsemble, MemoryServer } from "./ensemble-types.js";
import { MemoryServerError } from "./errors.js";
import { LogBook } from "./log-book.js";
import { ModelEnsemble } from "./memory-ensemble.js";
import { memoryTransport } from "./memory-transport.js";
import {
  type MemoryEnsembleOptions,
  type MemoryEnsembleSettings,
  resolveOptions,
  serverFolder,
} from "./options.js";
import { DiskFolder } from "./persistence.js";
import { bindFronts, type TcpFront } from "./tcp.js";
import { realLimit, type SetLimit } from "./wait.js";

const loopback = "127.0.0.1";
/** Client ports of servers that nobody can reach by TCP: the ones that people expect. */
const firstPort = 2181;

/**
 * Starts an ensemble of the model of ZooKeeper 3.4.6 inside this process: no Java, no other process, ready within
 * milliseconds. Any client can use it over TCP; `@zk/client` also without sockets, in real or in virtual time.
 *
 * @throws MemoryServerError `BAD_OPTION`, `PORT_TAKEN`, `WRONG_STATE` (the folder is in use), `STATE_UNREADABLE`, `NOT_READY`.
 * The signal's reason when that ends the start.
 *
 * @example
 * await using ensemble = await startMemoryEnsemble();
 * const client = createClient(ensemble.connectionString);
 * await ensemble.killLeader();
 */
export async function startMemoryEnsemble(options: MemoryEnsembleOptions = {}): Promise<MemoryEnsemble> {
  const settings = resolveOptions(options);
  settings.signal?.throwIfAborted();
  const folders = ids(settings).map((id) => serverFolder(settings, id));
  const disks = settings.dir === null ? null : DiskFolder.open(settings.dir, folders);
  let fronts: readonly TcpFront[] = [];
  try {
    if (settings.isListening) fronts = await bindFronts(settings);
    const ensemble = assemble(settings, folders, disks, fronts);
    try {
      if (settings.isWaiting) {
        await ensemble.serving({ timeoutMs: settings.readyTimeoutMs, signal: settings.signal });
      }
      return ensemble;
    } catch (error) {
      await ensemble.stop();
      throw error;
    }
  } catch (error) {
    await Promise.all(fronts.map((front) => front.close()));
    disks?.release();
    throw error;
  }
}

function assemble(
  settings: MemoryEnsembleSettings,
  folders: readonly string[],
  disks: DiskFolder | null,
  fronts: readonly TcpFront[],
): ModelEnsemble {
  const { name, clock, keepAlive } = settings;
  const servers = planServers(settings, folders, fronts);
  const wallOffsetMs = wallOffsetOf(settings);
  const model = createModel(settings, servers, disks, wallOffsetMs);
  const driver = new ModelDriver(model, clock ?? realClock({ keepAlive }));
  const logPaths = new Map(disks === null ? [] : servers.map(({ id, dir }) => [id, join(dir, "server.log")]));
  const wallMs = (): number => driver.nowMs + (wallOffsetMs ?? 0);
  const logBook = new LogBook(logPaths, wallMs);
  driver.listen({
    log: (server, line) => {
      logBook.add(server, line);
      settings.onLog?.(server, line);
    },
  });
  for (const front of fronts) front.attach(driver);
  disks?.follow(model, driver);
  const transport = memoryTransport(driver, {
    find: ({ address, port }) =>
      servers.find(({ host, clientPort }) => host === address && clientPort === port)?.id,
  });
  const flushNow = (): void => disks?.flushNow();
  if (disks !== null) process.once("exit", flushNow);
  const end = async (): Promise<void> => {
    process.off("exit", flushNow);
    await disks?.close();
  };
  const setLimit: SetLimit =
    clock === null ? realLimit : (delayMs, callback) => clock.setTimer(delayMs, callback);
  const dir = settings.dir ?? `memory:${name}`;
  const parts = { name, dir, model, driver, servers, fronts, transport, logBook, logPaths, setLimit, end };
  const ensemble = new ModelEnsemble(parts);
  driver.begin();
  return ensemble;
}

function createModel(
  settings: MemoryEnsembleSettings,
  servers: readonly MemoryServer[],
  disks: DiskFolder | null,
  wallOffsetMs: number | undefined,
): EnsembleModel {
  const saved = disks?.read();
  try {
    return new EnsembleModel({
      ...settings.model,
      ...(wallOffsetMs === undefined ? {} : { wallOffsetMs }),
      ...(saved === undefined ? {} : { disks: saved }),
      shown: {
        clientPorts: servers.map(({ clientPort }) => clientPort),
        quorumPorts: servers.map(({ quorumPort }) => quorumPort),
        electionPorts: servers.map(({ electionPort }) => electionPort),
        dataDirs: servers.map(({ dir }) => dir),
      },
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof RangeError && saved?.every((disk) => disk === undefined) !== false) {
      throw new MemoryServerError("BAD_OPTION", `These options make no ensemble: ${message}.`, {
        cause: error,
      });
    }
    throw new MemoryServerError(
      "STATE_UNREADABLE",
      `What the servers in ${settings.dir} remember cannot be used: ${message}. Remove the folder, or choose another one.`,
      { cause: error, details: { dir: settings.dir } },
    );
  }
}

/** Stats show the time of day, unless the servers live in a time of their own. */
function wallOffsetOf({ clock, model }: MemoryEnsembleSettings): number | undefined {
  if (model.wallOffsetMs !== undefined || clock !== null) return model.wallOffsetMs;
  return Date.now();
}

function planServers(
  settings: MemoryEnsembleSettings,
  folders: readonly string[],
  fronts: readonly TcpFront[],
): MemoryServer[] {
  return ids(settings).map((id) => ({
    id,
    host: loopback,
    clientPort: fronts[id - 1]?.port ?? settings.ports?.[id - 1] ?? firstPort + id - 1,
    // What 3.4.6 shows of a model that has one process for all.
    quorumPort: 2888,
    electionPort: 3888,
    dir: folders[id - 1] ?? "",
  }));
}

function ids({ servers }: MemoryEnsembleSettings): number[] {
  return Array.from({ length: servers }, (_, index) => index + 1);
}
