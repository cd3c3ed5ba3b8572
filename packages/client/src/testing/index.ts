// For tests of programs that use the client: a world in memory, and a server that says what it is told to.

export { type LoopbackListener, listenOnLoopback } from "./loopback.js";
// For tests of the session machine itself.
export {
  type HarnessCallOptions,
  type HarnessOptions,
  MachineHarness,
  type Outcome,
  type TimelessInput,
} from "./machine-harness.js";
export { ManualClock, settle } from "./manual-clock.js";
export { ManualResolver } from "./manual-resolver.js";
export { MemoryConnection, MemoryNetwork, type Reception } from "./memory-network.js";
export { MemoryPipe, type PipeEnd } from "./memory-pipe.js";
export { type MemoryPorts, memoryPorts } from "./memory-ports.js";
export { ScriptedConnection } from "./scripted-connection.js";
export { ScriptedServer, type ScriptedServerOptions } from "./scripted-server.js";
export { SeededRandomness } from "./seeded-randomness.js";
export type { Acceptor, ServerSocket, ServerSocketEvents } from "./server-socket.js";
export type {
  Grant,
  ReplyBody,
  RequestBody,
  SeenRequest,
  SentEvent,
} from "./server-wire.js";
