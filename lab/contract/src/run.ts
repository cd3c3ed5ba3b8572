/** Runs behaviours one after another on one ensemble. Knows nothing of test runners. */
import type { Ensemble, EnsembleServer } from "@zk/lab";
import type { Behaviour, Given, Place } from "./behaviour.js";
import { Session } from "./wire/session.js";
import { askWord, Wire } from "./wire/wire.js";

/** An ensemble with behaviours being run on it. */
export class Stage {
  readonly ensemble: Ensemble;
  #leader = 0;
  #count = 0;
  /** The session that makes each behaviour's node. */
  #maker: Session | undefined;

  readonly #isHealed: boolean;

  private constructor(ensemble: Ensemble, isHealed: boolean) {
    this.ensemble = ensemble;
    this.#isHealed = isHealed;
  }

  /** @param isHealed whether every server is made to run again behind each behaviour */
  static async on(ensemble: Ensemble, isHealed = false): Promise<Stage> {
    const stage = new Stage(ensemble, isHealed);
    await stage.look();
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
      if (this.#isHealed) await this.#heal();
      for (const wire of wires) wire.destroy();
      await Promise.all(sessions.map((session) => session.leave()));
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
