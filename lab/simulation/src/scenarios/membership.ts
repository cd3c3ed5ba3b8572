/**
 * Clients that are there and say so: by an ephemeral znode that is kept, as members of a group, as instances of a service. They
 * come, say something else of themselves, go, and die. What must hold:
 * - Who takes the place of another does so once, and is not disturbed by what the other one had under way.
 * - Nobody is called there while the client says that it is not connected.
 * - What was told to be said is what the znode says; who has left is not there any more.
 * - Who asks for the members is told of all who are there throughout, of nobody who is not, and of the oldest first.
 * - When nothing is wrong any more those who are there, and nobody else, come to be there by themselves, each with what it said
 *   last; and everybody sees the same.
 */
import type { GroupLayout, Member } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import { checkEmpty, checkNothingUnderWay, impatienceOf, orGiveUp, textOf, timeoutOf } from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";

const DIRECTORY = "/members/all";
/** Within it everybody is there again once nothing is wrong: virtual milliseconds. */
const BACK_MS_MAX = 30_000;
const LOOK_MS = 200;
const IDS = ["m0", "m1", "m2"];

type Kind = "node" | "group" | "service";

/** What the three kinds have in common. */
interface Presence {
  readonly path: string;
  readonly isThere: boolean;
  /** Somebody else has taken the name meanwhile, and it waits for it. */
  readonly isTaken: boolean;
  /** It is given up for good: somebody else has the name. */
  readonly isOver: boolean;
  readonly token: bigint | undefined;
  /** It says its id, and has no place for anything else. */
  readonly isMute: boolean;
  say(what: string, wait: { readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<void>;
  leave(): Promise<{ readonly confirmed: boolean }>;
}

/** A presence, and what is known of it. */
interface Kept {
  readonly presence: Presence;
  /** What it says: the last is what was wanted last. */
  said: string;
}

/** See the head of this file. */
export const membership: Scenario = {
  name: "membership",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new BeingThere(stage),
};

class BeingThere implements Play {
  readonly #stage: Stage;
  readonly #kind: Kind;
  readonly #layout: GroupLayout;
  readonly #kept = new Map<Player, Kept>();
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#kind = stage.chance.pick(["node", "group", "service"]);
    this.#layout = stage.chance.pick(["curator", "shallowParty", "party"]);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    player.afterTurn = () => this.#checkBelief(player);
    const kept = this.#kept.get(player);
    if (kept === undefined || kept.presence.isOver) {
      this.#kept.delete(player);
      return this.#come(player);
    }
    if (chance.is(0.3)) return this.#go(player, kept);
    if (chance.is(0.2)) return this.#ask(player);
    if (!kept.presence.isMute && chance.is(0.6)) return this.#speak(player, kept);
    await player.sleep(chance.wait(300));
  }

  died(player: Player): void {
    this.#kept.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    const { recipes } = this.#stage;
    const kept = this.#kept.get(player);
    if (kept !== undefined && !kept.presence.isOver) await this.#comeBack(player, kept);
    const view = new recipes.Group(player.client, DIRECTORY).watch();
    try {
      await view.ready;
      // Everybody has come back, and this is told.
      await player.sleep(BACK_MS_MAX);
      this.#checkAll(player);
      const seen = view.members.map(({ token }) => token).toSorted(byAge);
      const there = this.#there().map((path) => this.#stage.ledger.now(path)?.czxid ?? -1n);
      player.demand(
        seen.join() === there.toSorted(byAge).join(),
        () => `sees the members ${seen.join()}, and there are ${there.join()}`,
      );
      const group = new recipes.Group(player.client, DIRECTORY);
      const told = (await group.members()).map(({ token }) => token);
      const oldest = (await group.oldest())?.token;
      player.demand(
        told.join() === seen.join() && oldest === seen[0],
        () => `is told of the members ${told.join()}, and of ${oldest}, and there are ${seen.join()}`,
      );
    } finally {
      view.close();
    }
    // Nobody goes before everybody has looked.
    await player.sleep(BACK_MS_MAX);
    if (kept !== undefined) {
      const { confirmed } = await kept.presence.leave();
      player.demand(confirmed, () => "nothing is wrong, and yet it could not leave");
    }
    await player.sleep(LOOK_MS);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    checkEmpty(this.#stage, [DIRECTORY]);
  }

  async #come(player: Player): Promise<void> {
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const said = this.#next();
    const presence = await orGiveUp(this.#stage, player, () => this.#start(player, said, wait), ENDS);
    if (presence === null) return;
    this.#kept.set(player, { presence, said });
    player.note(`is there as ${presence.path} and says ${said}`);
  }

  async #go(player: Player, kept: Kept): Promise<void> {
    this.#kept.delete(player);
    const { presence } = kept;
    const { token } = presence;
    const { confirmed } = await presence.leave();
    const there = this.#stage.ledger.now(presence.path);
    player.demand(
      !confirmed || token === undefined || there?.czxid !== token,
      () => `${presence.path} has left, and is there`,
    );
  }

  /** What is told was so at the moments of the call, or the member came or went meanwhile. */
  async #ask(player: Player): Promise<void> {
    const { recipes, ledger } = this.#stage;
    const { client, chance } = player;
    const { lastZxid, sessionId } = client;
    const group = new recipes.Group(client, DIRECTORY);
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const isForAll = chance.is(0.5);
    const ask = async (): Promise<readonly Member[]> => {
      if (isForAll) return await group.members(wait);
      const oldest = await group.oldest(wait);
      return oldest === undefined ? [] : [oldest];
    };
    const members = await orGiveUp(this.#stage, player, ask, ENDS);
    // A new session may begin with a server that is behind.
    if (members === null || client.sessionId !== sessionId) return;
    const tokens = members.map(({ token }) => token);
    const inOrder = tokens.every((token, place) => place === 0 || (tokens[place - 1] as bigint) < token);
    player.demand(inOrder, () => `is told of the members ${tokens.join()}, which are not in order`);
    for (const { path, token, sessionId: owner } of members) {
      const was = token > lastZxid ? ledger.at(path, token) : ledger.at(path, lastZxid);
      player.demand(
        was?.czxid === token && was.owner === owner,
        () => `is told of the member ${path} of ${token}, and there was ${was?.czxid}`,
      );
    }
    for (const name of ledger.at(DIRECTORY, lastZxid)?.children ?? []) {
      const path = `${DIRECTORY}/${name}`;
      const token = ledger.at(path, lastZxid)?.czxid ?? -1n;
      if (ledger.now(path)?.czxid !== token) continue;
      const isTold = isForAll ? tokens.includes(token) : tokens[0] !== undefined && tokens[0] <= token;
      player.demand(
        isTold,
        () => `is told of ${tokens.join()}, and ${path} of ${token} was there throughout`,
      );
    }
  }

  async #speak(player: Player, kept: Kept): Promise<void> {
    const said = this.#next();
    kept.said = said;
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const told = await orGiveUp(
      this.#stage,
      player,
      () => kept.presence.say(said, wait).then(() => said),
      ENDS,
    );
    if (told === null) return;
    const { path, token } = kept.presence;
    const is = this.#stage.ledger.now(path);
    player.demand(
      is === null || is.czxid !== token || textOf(is.data).includes(said),
      () => `${path} was told to say ${said}, and says ${textOf(is?.data)}`,
    );
  }

  /** It does so by itself. */
  async #comeBack(player: Player, { presence }: Kept): Promise<void> {
    const untilMs = this.#stage.nowMs + BACK_MS_MAX;
    while (!presence.isThere && !presence.isTaken && !presence.isOver) {
      if (this.#stage.nowMs > untilMs) return player.report(`${presence.path} is not there again`);
      await player.sleep(LOOK_MS);
    }
  }

  #checkAll(player: Player): void {
    const expected = [...this.#kept.values()].filter(({ presence }) => !presence.isTaken && !presence.isOver);
    const there = this.#there();
    const missing = expected.find(({ presence }) => !there.includes(presence.path));
    player.demand(missing === undefined, () => `${missing?.presence.path} is not there`);
    player.demand(
      there.length === expected.length,
      () => `${there.join(", ")} are there, and should be ${expected.length}`,
    );
    for (const { presence, said } of expected) {
      const says = textOf(this.#stage.ledger.now(presence.path)?.data);
      player.demand(
        presence.isMute ? IDS.includes(says) : says.includes(said),
        () => `${presence.path} says ${says}, not ${said}`,
      );
    }
  }

  #checkBelief(player: Player): void {
    const presence = this.#kept.get(player)?.presence;
    player.demand(
      presence?.isThere !== true || player.client.state === "connected",
      () => `is called there while the client is ${player.client.state}`,
    );
  }

  #there(): readonly string[] {
    const children = this.#stage.ledger.now(DIRECTORY)?.children ?? [];
    return children.map((name) => `${DIRECTORY}/${name}`);
  }

  #next(): string {
    this.#count += 1;
    return `w${this.#count}.`;
  }

  async #start(
    player: Player,
    said: string,
    wait: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<Presence> {
    const { recipes } = this.#stage;
    const { client, chance } = player;
    // Few names, so that they are in each other's way.
    const name = chance.pick(IDS);
    const onTaken = chance.pick(["wait", "fail"] as const);
    // Who takes over does so once: of two who do, the first one waits for what it had.
    const orTakeOver = chance.is(0.3) ? ("takeOver" as const) : onTaken;
    if (this.#kind === "node") {
      const naming = chance.pick(["plain", "protected", "sequential"] as const);
      const options = { data: said, onTaken: orTakeOver, naming };
      const node = await new recipes.PersistentNode(client, `${DIRECTORY}/${name}`, options).start(wait);
      let path = node.actualPath ?? node.path;
      return {
        get path() {
          path = node.actualPath ?? path;
          return path;
        },
        get isThere() {
          return node.state === "established";
        },
        get isTaken() {
          return node.state === "taken";
        },
        get isOver() {
          return node.state === "failed";
        },
        get token() {
          return node.token;
        },
        isMute: false,
        say: (what, options) => node.setData(what, options),
        leave: () => node.close(),
      };
    }
    if (this.#kind === "group") {
      const group = new recipes.Group(client, DIRECTORY, { layout: this.#layout, codec: recipes.textCodec });
      const isMute = this.#layout === "party";
      const member = await group.join(name, { ...(isMute ? {} : { payload: said }), onTaken, ...wait });
      return {
        path: member.path,
        get isThere() {
          return member.state === "established";
        },
        get isTaken() {
          return member.state === "taken";
        },
        get isOver() {
          return member.state === "failed";
        },
        get token() {
          return member.token;
        },
        isMute,
        say: (what, options) => member.setPayload(what, options),
        leave: () => member.leave(),
      };
    }
    const [, base = "", service = ""] = DIRECTORY.split("/");
    const discovery = new recipes.ServiceDiscovery<string>(client, `/${base}`);
    const instance = { name: service, id: name, address: "10.0.0.1", payload: said, registrationTimeUTC: 1 };
    const registration = await discovery.register(instance, { onTaken: orTakeOver, ...wait });
    let last = "established";
    registration.onEvent(({ type }) => {
      if (type === "established" || type === "taken" || type === "failed") last = type;
    });
    return {
      path: registration.path,
      get isThere() {
        return registration.isRegistered && client.state === "connected";
      },
      get isTaken() {
        return last === "taken";
      },
      get isOver() {
        return last === "failed";
      },
      token: undefined,
      isMute: false,
      say: (payload, options) => registration.update({ payload }, options),
      leave: () => registration.unregister(),
    };
  }
}

/** A name that another has, and a presence that has failed meanwhile, are no faults. */
const ENDS = ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED", "CONFLICT", "RELEASED"] as const;

function byAge(one: bigint, other: bigint): number {
  return one < other ? -1 : Number(one > other);
}
