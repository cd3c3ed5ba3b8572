import { describe, expect, it } from "vitest";
import { settle } from "./manual-clock.js";
import { MemoryNetwork } from "./memory-network.js";
import type { ServerSocket } from "./server-socket.js";

const bytes = (...values: number[]) => new Uint8Array(values);

/** A client and a server that write down everything they hear. */
async function pair(network = new MemoryNetwork()) {
  const client: string[] = [];
  const server: string[] = [];
  let socket: ServerSocket | undefined;
  network.listen("10.0.0.1:1", {
    accept(accepted) {
      socket = accepted;
      accepted.listen({
        received: (received) => server.push([...received].join(" ")),
        closed: (reason) => server.push(`closed: ${reason}`),
      });
    },
  });
  const connection = network.open(
    { address: "10.0.0.1", port: 1 },
    {
      opened: () => client.push("opened"),
      received: (received) => client.push([...received].join(" ")),
      drained: () => client.push("drained"),
      closed: (reason) => client.push(`closed: ${reason}`),
    },
  );
  expect(client).toEqual([]);
  await settle();
  return { network, client, server, connection, socket: socket as ServerSocket, wire: network.last };
}

describe("MemoryNetwork", () => {
  it("carries bytes both ways, in order", async () => {
    const { client, server, connection, socket } = await pair();
    connection.write(bytes(1, 2));
    connection.write(bytes(3));
    socket.write(bytes(9));
    await settle();
    expect(client).toEqual(["opened", "9"]);
    expect(server).toEqual(["1 2", "3"]);
  });

  it("refuses where nobody listens or where told to, hangs where told to, and writes attempts down", async () => {
    const network = new MemoryNetwork();
    const heard: string[] = [];
    const open = (address: string, name: string) =>
      network.open(
        { address, port: 1 },
        {
          opened: () => heard.push(`${name} opened`),
          received: () => {},
          drained: () => {},
          closed: (reason) => heard.push(`${name} ${reason}`),
        },
      );
    network.listen("10.0.0.2:1", { accept: () => heard.push("accepted") }).receive("10.0.0.2:1", "refuse");
    network.receive("10.0.0.3:1", "hang");
    open("10.0.0.1", "nobody");
    open("10.0.0.2", "refusing");
    open("10.0.0.3", "hanging").close();
    open("::1", "v6");
    await settle();
    expect(heard).toEqual(["nobody ECONNREFUSED", "refusing ECONNREFUSED", "v6 ECONNREFUSED"]);
    expect(network.attempts).toEqual(["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "[::1]:1"]);
    expect(() => network.last).toThrow(/nobody has connected/);
  });

  it("says nothing to a client that closed before it was open", async () => {
    const network = new MemoryNetwork();
    const heard: string[] = [];
    network.listen("10.0.0.1:1", { accept: () => heard.push("accepted") });
    const connection = network.open(
      { address: "10.0.0.1", port: 1 },
      {
        opened: () => heard.push("opened"),
        received: () => {},
        drained: () => {},
        closed: () => heard.push("closed"),
      },
    );
    connection.close();
    await settle();
    expect(heard).toEqual([]);
  });

  it("ends after what was written, whoever ends it, and then says no more", async () => {
    const one = await pair();
    one.connection.write(bytes(1));
    one.connection.close();
    one.socket.write(bytes(2));
    await settle();
    expect(one.server).toEqual(["1", "closed: the client closed the connection"]);
    expect(one.client).toEqual(["opened"]);
    expect(one.wire.isOpen).toBe(false);

    const other = await pair();
    other.socket.write(bytes(1));
    other.socket.close();
    other.connection.write(bytes(2));
    await settle();
    expect(other.client).toEqual(["opened", "1", "closed: the server closed the connection"]);
    expect(other.server).toEqual([]);
    expect(other.network.openConnections).toEqual([]);
  });

  it("cuts both sides, losing what was on its way", async () => {
    const { client, server, connection, socket, wire } = await pair();
    connection.write(bytes(1));
    socket.write(bytes(2));
    wire.cut();
    wire.cut();
    await settle();
    expect(client).toEqual(["opened", "closed: ECONNRESET"]);
    expect(server).toEqual(["closed: ECONNRESET"]);
  });

  it("cuts after any byte", async () => {
    for (const after of [0, 1, 3]) {
      const { client, socket, wire } = await pair();
      wire.toClient.cutAfter(after);
      await settle();
      expect(client).toEqual(["opened"]);
      socket.write(bytes(1, 2, 3, 4));
      await settle();
      const arrived = [1, 2, 3].slice(0, after);
      expect(client).toEqual(["opened", ...(after > 0 ? [arrived.join(" ")] : []), "closed: ECONNRESET"]);
    }
  });

  it("holds, and lets through bit by bit", async () => {
    const { server, connection, wire } = await pair();
    wire.toServer.hold();
    connection.write(bytes(1, 2, 3));
    connection.write(bytes(4));
    await settle();
    expect([server, wire.toServer.waitingBytes]).toEqual([[], 4]);
    wire.toServer.release(2);
    await settle();
    expect([server, wire.toServer.deliveredBytes]).toEqual([["1 2"], 2]);
    wire.toServer.release();
    await settle();
    connection.write(bytes(5));
    await settle();
    expect(server).toEqual(["1 2", "3", "4", "5"]);
  });

  it("slices", async () => {
    const { server, connection, wire } = await pair();
    wire.toServer.chunkBytesMax = 1;
    connection.write(bytes(1, 2, 3));
    await settle();
    expect(server).toEqual(["1", "2", "3"]);
  });

  it("swallows: neither bytes nor ends arrive", async () => {
    const { client, server, connection, socket, wire } = await pair();
    wire.swallow();
    expect(connection.write(bytes(1))).toBe(true);
    socket.write(bytes(2));
    socket.close();
    await settle();
    connection.close();
    await settle();
    expect([client, server]).toEqual([["opened"], []]);
  });

  it("asks the writer to wait when it is full, and says when there is room again", async () => {
    const { client, connection, wire } = await pair();
    wire.toServer.roomBytes = 3;
    wire.toServer.hold();
    expect(connection.write(bytes(1, 2, 3))).toBe(true);
    expect(connection.write(bytes(4))).toBe(false);
    await settle();
    expect(client).toEqual(["opened"]);
    wire.toServer.release();
    await settle();
    expect(client).toEqual(["opened", "drained"]);
  });

  it("gives a server that listens late what came before", async () => {
    const network = new MemoryNetwork();
    let socket: ServerSocket | undefined;
    network.listen("10.0.0.1:1", {
      accept: (accepted) => {
        socket = accepted;
      },
    });
    const connection = network.open(
      { address: "10.0.0.1", port: 1 },
      { opened: () => {}, received: () => {}, drained: () => {}, closed: () => {} },
    );
    await settle();
    connection.write(bytes(1));
    connection.close();
    await settle();
    const heard: string[] = [];
    socket?.listen({
      received: (piece) => heard.push(String(piece)),
      closed: (reason) => heard.push(reason),
    });
    expect(heard).toEqual(["1", "the client closed the connection"]);
  });
});
