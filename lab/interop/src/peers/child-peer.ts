import type { Child } from "./child.js";
import { PeerError } from "./errors.js";
import { hammerTimeoutMs } from "./hammer.js";
import type { OptionsArgument, PeerKind, ProcessPeer } from "./peer.js";
import { type HandleOf, methodsOf, type RecipeName } from "./recipes.js";

/** How a peer is started. */
export interface PeerOptions {
  /** Session timeout that the library asks for, in milliseconds (10 000). */
  readonly sessionTimeoutMs?: number;
  /** Limit for an answer, on top of the limit that a call itself has, in milliseconds (30 000). */
  readonly callTimeoutMs?: number;
}

/** Limit for an answer unless told. */
export const defaultCallTimeoutMs = 30_000;

/** A session of a library that runs in a child process. */
export class ChildPeer implements ProcessPeer {
  readonly kind: PeerKind;
  readonly recipes: ReadonlySet<RecipeName>;
  readonly states: string[] = [];
  readonly #child: Child;
  readonly #session: number;
  readonly #place: Place;
  readonly #isOwner: boolean;

  private constructor(kind: PeerKind, child: Child, session: number, place: Place, isOwner: boolean) {
    this.kind = kind;
    this.recipes = new Set(child.hello["recipes"] as RecipeName[]);
    this.#child = child;
    this.#session = session;
    this.#place = place;
    this.#isOwner = isOwner;
  }

  /** Opens a session in a process. With `isOwner` the process ends with it. */
  static async connect(kind: PeerKind, child: Child, place: Place, isOwner: boolean): Promise<ChildPeer> {
    // The session's number is known only with the answer; states may come before.
    const early: { readonly session: unknown; readonly state: string }[] = [];
    let peer: ChildPeer | undefined;
    child.onEvent(({ event, session, state }) => {
      if (event !== "state") return;
      if (peer === undefined) early.push({ session, state: String(state) });
      else if (session === peer.#session) peer.states.push(String(state));
    });
    const { connectionString, options } = place;
    const session = await child.ask(
      "connect",
      { connectionString, sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000 },
      { what: `connect to ${connectionString}`, timeoutMs: connectTimeoutMs },
    );
    peer = new ChildPeer(kind, child, session as number, place, isOwner);
    for (const each of early) if (each.session === session) peer.states.push(each.state);
    return peer;
  }

  get title(): string {
    return this.#child.title;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get address(): string | null {
    const { address } = this.#child.hello;
    return typeof address === "string" ? address : null;
  }

  async open<Name extends RecipeName>(
    recipe: Name,
    path: string,
    ...[options = {}]: OptionsArgument<Name>
  ): Promise<HandleOf<Name>> {
    const what = `${recipe} at ${path}`;
    if (!this.recipes.has(recipe)) throw new PeerError("UNSUPPORTED", `${this.title} has no ${recipe}`);
    const handle = await this.#ask("open", { session: this.#session, recipe, path, options }, what);
    const close = async (): Promise<void> => void (await this.#ask("release", { handle }, `${what}, close`));
    const call =
      (method: string) =>
      async (given: { readonly timeoutMs?: number } = {}): Promise<unknown> => {
        const limitMs = given.timeoutMs ?? (method === "hammer" ? hammerTimeoutMs : 0);
        const fields = { handle, method, arguments: given };
        return await this.#ask("call", fields, `${what}, ${method}`, limitMs);
      };
    // The table of methods is checked against the types; what the program answers is taken at its word.
    const methods: readonly string[] = methodsOf[recipe];
    const made = Object.fromEntries(methods.map((method) => [method, call(method)]));
    return { ...made, close, [Symbol.asyncDispose]: close } as unknown as HandleOf<Name>;
  }

  async session(): Promise<{ readonly sessionId: bigint; readonly sessionPassword: Uint8Array }> {
    const said = await this.#ask("session", { session: this.#session }, "its session");
    return said as { readonly sessionId: bigint; readonly sessionPassword: Uint8Array };
  }

  async newSession(connectionString: string = this.#place.connectionString): Promise<ChildPeer> {
    return await ChildPeer.connect(this.kind, this.#child, { ...this.#place, connectionString }, false);
  }

  async close(): Promise<void> {
    if (this.#isOwner) await this.#child.stop();
    else await this.#ask("disconnect", { session: this.#session }, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async kill(): Promise<void> {
    await this.#child.kill();
  }

  pause(): void {
    this.#child.signal("SIGSTOP");
  }

  resume(): void {
    this.#child.signal("SIGCONT");
  }

  async #ask(op: string, fields: object, what: string, timeoutMs = 0): Promise<unknown> {
    const limitMs = this.#place.options.callTimeoutMs ?? defaultCallTimeoutMs;
    return await this.#child.ask(op, fields, { what, timeoutMs: timeoutMs + limitMs });
  }
}

/** Where sessions go to. */
export interface Place {
  readonly connectionString: string;
  readonly options: PeerOptions;
}

/** The programs themselves give up after half a minute. */
const connectTimeoutMs = 45_000;
