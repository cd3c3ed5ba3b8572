/** Runs behaviours one after another on one ensemble. Knows nothing of test runners. */
import type { Ensemble, EnsembleServer } from "@zk/lab";
import type { Backend } from "./backends.js";
import type { Behaviour, Given, Ground, Place } from "./behaviour.js";
import { Session } from "./wire/session.js";
import { askWord, eventually, Wire } from "./wire/wire.js";

const keptPath = "/kept";
/** Every server in a container listens on the same port, at an address of its own. */
const containerClientPort = 2181;

/** An ensemble with behaviours being run on it. */
export class Stage {
  readonly ensemble: Ensemble;
  #leader = 0;
  #count = 0;
  /** The session that makes each behaviour's node. */
  #maker: Session | undefined;

  readonly #ground: Ground;
  readonly #isInContainers: boolean;
  #address = "127.0.0.1";

  private constructor(ensemble: Ensemble, ground: Ground, backend: Backend) {
    this.ensemble = ensemble;
    this.#ground = ground;
    this.#isInContainers = backend === "docker";
  }

  /** Makes a started ensemble what the ground says. */
  static async on(ensemble: Ensemble, ground: Ground, backend: Backend): Promise<Stage> {
    const stage = new Stage(ensemble, ground, backend);
    await stage.look();
    if (stage.#isInContainers) stage.#address = await stage.#askAddress();
    if (ground === "read-only") await stage.#cutOff();
    return stage;
  }

  /** Runs one behaviour and takes back what it left. @throws what it throws */
  async run(behaviour: Behaviour): Promise<void> {
    const sessions: Session[] = [];
    const wires: Wire[] = [];
    const stage = this;
    const given: Given = {
      ensemble: this.ensemble,
      path: await this.#makePath(),
      get leader() {
        return stage.#leader;
      },
      look: () => this.look(),
      server: (on) => this.#server(on),
      address: this.#address,
      ownPort: ({ clientPort }) => (this.#isInContainers ? containerClientPort : clientPort),
      ask: (word, on) => askWord(this.#server(on), word),
      async connect(on) {
        const wire = await Wire.connect(stage.#server(on));
        wires.push(wire);
        return wire;
      },
      async open(options = {}) {
        const { on, ...handshake } = options;
        const session = await Session.open(stage.#server(on), handshake);
        sessions.push(session);
        return session;
      },
    };
    try {
      await behaviour.run(given);
    } finally {
      if (this.#ground === "failover") await this.#heal();
      for (const wire of wires) wire.destroy();
      await this.#closeAll(sessions);
    }
  }

  /** Looks which server leads. */
  async look(): Promise<void> {
    this.#leader = await this.ensemble.leader();
  }

  async end(): Promise<void> {
    await this.#maker?.leave();
    await this.ensemble.stop();
  }

  /** Also those that have no connection any more: their end would come in the middle of another behaviour. */
  async #closeAll(sessions: readonly Session[]): Promise<void> {
    const left = await Promise.all(sessions.map((session) => session.leave()));
    const closed = new Set(sessions.filter((_, index) => left[index]).map(({ id }) => id));
    const alive = new Map(
      sessions.filter(({ id }) => !closed.has(id)).map((session) => [session.id, session]),
    );
    for (const { id: sessionId, credentials } of alive.values()) {
      const { password } = credentials;
      const again = await Session.open(this.#server(), { sessionId, password }).catch(() => undefined);
      await again?.leave();
    }
  }

  /** What a server says of a session of ours. It sees everybody come from the engine's side of its network. */
  async #askAddress(): Promise<string> {
    const server = this.#server();
    const session = await Session.open(server);
    const sid = BigInt.asUintN(64, session.id).toString(16);
    const line = new RegExp(`^ /([0-9.]+):\\d+\\[\\d+\\]\\(.*sid=0x${sid},`, "m");
    const found = await eventually(
      "the session's line",
      async () => line.exec(await askWord(server, "cons"))?.[1],
    );
    await session.leave();
    return found;
  }

  async #cutOff(): Promise<void> {
    const maker = await Session.open(this.#server(1));
    await maker.made(keptPath, { data: "kept" });
    await maker.leave();
    this.#leader = 0;
    await Promise.all([this.ensemble.kill(2), this.ensemble.kill(3)]);
    await eventually(
      "the server that is left to be read-only",
      async () => ((await askWord(this.#server(1), "isro").catch(() => "")) === "ro" ? true : undefined),
      60_000,
    );
  }

  async #heal(): Promise<void> {
    const { ensemble } = this;
    await Promise.all(ensemble.servers.map(({ id }) => ensemble.start(id)));
    await ensemble.ready();
    await this.look();
  }

  #server(on: Place = "follower"): EnsembleServer {
    const { servers } = this.ensemble;
    const others = servers.filter(({ id }) => id !== this.#leader);
    const server =
      typeof on === "number"
        ? servers.find(({ id }) => id === on)
        : on === "leader"
          ? servers.find(({ id }) => id === this.#leader)
          : (others[on === "follower" ? 0 : 1] ?? servers[0]);
    if (server === undefined) throw new Error(`There is no server ${on} among ${servers.length}.`);
    return server;
  }

  async #makePath(): Promise<string> {
    if (this.#ground === "read-only") return keptPath;
    this.#count += 1;
    const path = `/behaviour-${this.#count}`;
    // A maker whose server died or that was idle for too long is replaced.
    const answered = await this.#maker?.create(path).catch(() => undefined);
    if (answered?.err === 0) return path;
    this.#maker?.drop();
    this.#maker = await Session.open(this.#server());
    await this.#maker.made(path);
    return path;
  }
}
