/** A client in a world in memory, with scripted servers to talk to. */
import { type Client, type ClientOptions, createClient } from "../src/index.js";
import { type MemoryPorts, memoryPorts, ScriptedServer } from "../src/testing/index.js";

export interface Scene {
  readonly ports: MemoryPorts;
  readonly servers: readonly ScriptedServer[];
  readonly client: Client;
  /** The states that the client told, oldest first. */
  readonly states: string[];
}

/** A client and so many servers at 10.0.0.1:2181, 10.0.0.2:2181 and so on; nothing is connected yet. */
export function scene(
  options: ClientOptions & { readonly servers?: number; readonly chroot?: string } = {},
): Scene {
  const { servers: count = 1, chroot = "", ...clientOptions } = options;
  const ports = memoryPorts();
  const servers = Array.from({ length: count }, () => new ScriptedServer());
  const addresses = servers.map((server, index) => {
    const address = `10.0.0.${index + 1}:2181`;
    ports.transport.listen(address, server);
    return address;
  });
  const client = createClient(addresses.join(",") + chroot, {
    sessionTimeoutMs: 9000,
    ports,
    ...clientOptions,
  });
  const states: string[] = [];
  client.on("state", (state) => states.push(state));
  return { ports, servers, client, states };
}

/** The only server of a scene that has one. */
export function only(of: Scene): ScriptedServer {
  const [server] = of.servers;
  if (server === undefined || of.servers.length !== 1) throw new Error("the scene has not one server");
  return server;
}

/** Connects the client of a scene with one server. */
export async function connected(of: Scene) {
  const connecting = of.client.connect();
  const connection = await only(of).connection();
  await connection.handshake();
  await connecting;
  return connection;
}

/** A stat with everything at zero. */
export const stat = {
  czxid: 1n,
  mzxid: 1n,
  ctime: 0n,
  mtime: 0n,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1n,
};
