/**
 * Znodes that outlive their sessions, as servers without times to live have them: kept by several clients, each at a place of its own,
 * where the next takes over from one that died, or all at one place. Others write to them, remove, replace and occupy them. What must hold:
 * - While its keeper is served the znode is there, and is touched before its time to live is over, by the servers' clock.
 * - A touch changes nothing; other writes are of what the keeper was told to say, in that order.
 * - Who is told that data was set has set it. What was wanted last comes to be there, also in one that is made again.
 * - What is told of it is true.
 * - A keeper that closes or gives up removes what it made or kept, and nothing else; one that is to leave it removes nothing.
 * - When nothing is wrong any more, each comes back by itself; and when all have closed, nothing is left.
 */
import { CreateMode } from "@zk/client";
import type { PersistentTtlNode, PersistentTtlNodeEvent, WaitOptions } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import {
  checkNothingUnderWay,
  impatienceOf,
  makeNode,
  orGiveUp,
  TURN_MS_MAX,
  textOf,
  timeoutOf,
} from "./manners.js";
import type { Play, Scenario, Stage } from "./scenario.js";
import { type Keeper, MARK, TtlChanges } from "./ttl-changes.js";

const ROOT = "/ttl";
/** Within it everybody has its znode again, whatever pauses it made: virtual milliseconds. */
const BACK_MS_MAX = 30_000;
/** The longest pause of whoever's znode is removed again and again, and a little more: virtual milliseconds. */
const PAUSE_MS_MAX = 11_000;
const LOOK_MS = 50;
/** An answer that takes longer may be one of a connection that is as good as none: virtual milliseconds. */
const PROMPT_MS = 100;
/** What has happened by now on a prompt connection: virtual milliseconds. */
const SLACK_MS = 300;

/** See the head of this file. */
export const ttlNode: Scenario = {
  name: "ttl-node",
  clients: [2, 4],
  deaths: true,
  options: (chance) => ({ afterExpiry: chance.pick(["renew", "renew", "stay"]) }),
  play: (stage) => new Keeping(stage),
};

class Keeping implements Play {
  readonly #stage: Stage;
  readonly #isShared: boolean;
  readonly #ttlMs: number;
  readonly #changes: TtlChanges;
  readonly #kept = new Map<Player, Keeper>();
  #count = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#changes = new TtlChanges(stage.ledger);
    this.#isShared = stage.chance.is(0.4);
    this.#ttlMs = stage.chance.pick([400, 400, 1000, 2000]);
  }

  async prepare(player: Player): Promise<void> {
    await makeNode(player, MARK);
  }

  async perform(player: Player): Promise<void> {
    const { chance } = player;
    player.demand(!player.isListening, () => "an earlier wait still listens to its signal");
    this.#attend(player);
    if (chance.is(0.15)) return await this.#interfere(player);
    const keeper = this.#kept.get(player);
    if (keeper === undefined || keeper.node.state === "failed") {
      this.#kept.delete(player);
      return await this.#start(player);
    }
    if (chance.is(0.2)) return await this.#close(player, keeper);
    if (chance.is(0.5)) return await this.#say(player, keeper);
    await this.#linger(player, keeper);
  }

  died(player: Player): void {
    this.#kept.delete(player);
  }

  async inspect(player: Player): Promise<void> {
    this.#attend(player);
    await this.#makeWay(player);
    const keeper = await this.#lastKeeper(player);
    const { node } = keeper;
    for (let waitedMs = 0; node.state !== "established" && waitedMs < BACK_MS_MAX; waitedMs += LOOK_MS)
      await player.sleep(LOOK_MS);
    player.demand(node.state === "established", () => `nothing is wrong, and yet it is ${node.state}`);
    // Everybody has come back, and nobody leaves it to others any more.
    await player.sleep(PAUSE_MS_MAX);
    this.#checkSaid(player, keeper);
    for (let waitedMs = 0; waitedMs < 3 * this.#ttlMs; waitedMs += LOOK_MS) {
      this.#checkTouched(player, node);
      await player.sleep(LOOK_MS);
    }
    if (this.#isShared) await player.sleep(PAUSE_MS_MAX);
    else await this.#checkMadeAgain(player, keeper);
    keeper.mayRemove = true;
    const { confirmed } = await node.close({ timeoutMs: TURN_MS_MAX });
    player.demand(confirmed, () => "nothing is wrong, and yet its end was not confirmed");
    this.#check(player);
    checkNothingUnderWay(this.#stage, player);
  }

  finish(): void {
    const { ledger, report } = this.#stage;
    for (const path of this.#changes.paths) if (ledger.now(path) !== null) report(`${path} is left`);
  }

  #attend(player: Player): void {
    this.#changes.paths.add(this.#pathOf(player));
    player.afterTurn = () => {
      this.#changes.bookOf(player).sessions.add(player.client.sessionId);
      this.#check(player);
      const node = this.#kept.get(player)?.node;
      player.demand(
        node?.state !== "established" || player.client.state === "connected",
        () => `is called established while the client is ${player.client.state}`,
      );
    };
  }

  #pathOf({ name }: Player): string {
    return this.#isShared ? `${ROOT}/all` : `${ROOT}/${name.split(".")[0]}`;
  }

  /** Something new to say. @returns its place in the book */
  #next(player: Player): number {
    this.#count += 1;
    return this.#changes.bookOf(player).said.push(`w${this.#count}`) - 1;
  }

  #make(player: Player, { leaves, data }: { readonly leaves: boolean; readonly data: boolean }): Keeper {
    const { chance, client } = player;
    const waits = chance.is(0.7);
    const touchEveryMs = Math.floor(this.#ttlMs / chance.pick([2, 2, 4]));
    const book = this.#changes.bookOf(player);
    const last = data ? this.#next(player) : -1;
    const node = new this.#stage.recipes.PersistentTtlNode(client, this.#pathOf(player), {
      ttlMs: this.#ttlMs,
      touchEveryMs,
      onTaken: waits ? "wait" : "fail",
      onClose: leaves ? "leave" : "remove",
      ...(data ? { data: book.said[last] as string } : {}),
    });
    const keeper: Keeper = { node, leaves, waits, tokens: new Set(), mayRemove: true, last };
    book.sessions.add(client.sessionId);
    book.keepers.push(keeper);
    if (!data) book.mayEcho = true;
    node.onEvent((event) => this.#checkEvent(player, keeper, event));
    return keeper;
  }

  async #start(player: Player): Promise<void> {
    const { chance, client } = player;
    const { ledger, recipes } = this.#stage;
    const keeper = this.#make(player, { leaves: chance.is(0.2), data: chance.is(0.8) });
    const { sessionId } = client;
    const isServed = client.state === "connected";
    const { lastZxid } = ledger;
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    const started = await orGiveUp(this.#stage, player, () => keeper.node.start(wait), ENDS);
    if (started !== null) {
      keeper.mayRemove = false;
      this.#kept.set(player, keeper);
      return;
    }
    const isSettled = recipes.recipeMetrics(client).janitorPending === 0 && client.state === "connected";
    if (keeper.leaves || !isServed || !isSettled || client.sessionId !== sessionId) return;
    const left = ledger.now(this.#pathOf(player));
    // What others have written to since is kept by them, as far as anybody can tell.
    const isLeft = left !== null && left.version === 0 && left.czxid > lastZxid;
    const isOwn = isLeft && left.owner === 0n && ledger.sessionOf(left.czxid) === sessionId;
    player.demand(!isOwn, () => `gave up, and left ${left?.czxid}`);
  }

  async #close(player: Player, keeper: Keeper): Promise<void> {
    this.#kept.delete(player);
    const { node } = keeper;
    const { token, path } = node;
    keeper.mayRemove = true;
    const { confirmed } = await node.close();
    const is = this.#stage.ledger.now(path);
    player.demand(
      !confirmed || token === undefined || is?.czxid !== token,
      () => `${path} of ${token} is there behind its end`,
    );
    player.demand(!confirmed || !keeper.leaves, () => `${path} was to be left, and is called gone`);
  }

  async #say(player: Player, keeper: Keeper): Promise<void> {
    using impatience = impatienceOf(player);
    const wait = { signal: impatience.signal, timeoutMs: timeoutOf(player) };
    await orGiveUp(this.#stage, player, () => this.#tell(player, keeper, wait), ENDS);
  }

  /** Tells it to say something new, and looks whether it has. */
  async #tell(player: Player, keeper: Keeper, wait: WaitOptions): Promise<void> {
    const place = this.#next(player);
    const { said } = this.#changes.bookOf(player);
    keeper.last = place;
    await keeper.node.setData(said[place] as string, wait);
    this.#check(player);
    const { written } = this.#changes.bookOf(player);
    player.demand(written >= place, () => `was told that ${said[place]} is set, and no server has had it`);
  }

  /** Whoever is answered at once all the time has a connection, and no reason not to touch its znode. */
  async #linger(player: Player, { node }: Keeper): Promise<void> {
    const { client, actor, resting } = player;
    let sinceMs = client.clock.nowMs();
    const untilMs = sinceMs + 3 * this.#ttlMs;
    while (client.clock.nowMs() < untilMs && !resting.aborted) {
      const askedMs = client.clock.nowMs();
      const { sessionId } = client;
      const isPrompt = await client.setData(MARK, null).then(
        () => client.clock.nowMs() - askedMs <= PROMPT_MS,
        () => false,
      );
      const isEven = actor.program.disturbedAtMs < sinceMs && client.sessionId === sessionId;
      if (!isPrompt || !isEven || node.state !== "established") sinceMs = client.clock.nowMs();
      else if (client.clock.nowMs() - sinceMs > this.#ttlMs + SLACK_MS) this.#checkTouched(player, node);
      await player.sleep(LOOK_MS);
    }
  }

  /** It is there, and its time to live is not over; or it went just now. */
  #checkTouched(player: Player, node: PersistentTtlNode): void {
    const { ledger, serverMs } = this.#stage;
    const { path } = node;
    const last = ledger.changesAfter(path, 0n).findLast(({ kind }) => kind !== "children");
    const sinceMs = serverMs - (last?.timeMs ?? 0);
    const isThere = last !== undefined && last.kind !== "deleted";
    const isAwaited = node.state !== "established" && !isThere;
    player.demand(
      isAwaited || sinceMs <= (isThere ? this.#ttlMs : SLACK_MS),
      () => `${path} is ${isThere ? "untouched" : "gone"} for ${sinceMs} ms, and its keeper ${node.state}`,
    );
  }

  /** Somebody who knows nothing of keepers. */
  async #interfere(player: Player): Promise<void> {
    const { client, chance } = player;
    const path = chance.pick([...this.#changes.paths]);
    this.#count += 1;
    const data = `x${this.#count}`;
    const deed = client.transaction().setData(MARK, null);
    switch (chance.pick(["remove", "remove", "write", "write", "replace", "occupy"])) {
      case "remove":
        return void (await deed.remove(path).commit());
      case "write":
        return void (await deed.setData(path, data).commit());
      case "replace":
        return void (await deed.remove(path).create(path, data).commit());
      default:
        if (this.#stage.ledger.now(ROOT) === null) return;
        await deed.remove(path).create(path, data, { mode: CreateMode.EPHEMERAL }).commit();
        await player.sleep(chance.wait(500), player.resting).catch(() => {});
        await this.#makeWay(player);
    }
  }

  /** Takes an ephemeral znode of its own away. */
  async #makeWay({ client }: Player): Promise<void> {
    const { ledger } = this.#stage;
    for (const path of this.#changes.paths) {
      if (ledger.now(path)?.owner !== client.sessionId) continue;
      await client.transaction().setData(MARK, null).remove(path).commit();
    }
  }

  /** The one that takes what is left with it in the end. */
  async #lastKeeper(player: Player): Promise<Keeper> {
    const keeper = this.#kept.get(player);
    if (keeper !== undefined && !keeper.leaves && keeper.node.state !== "failed") return keeper;
    await keeper?.node.close();
    const last = this.#make(player, { leaves: false, data: true });
    this.#kept.set(player, last);
    await last.node.start({ timeoutMs: BACK_MS_MAX });
    last.mayRemove = false;
    return last;
  }

  #checkSaid(player: Player, { node, last }: Keeper): void {
    this.#check(player);
    const { said, written } = this.#changes.bookOf(player);
    player.demand(written >= last, () => `${node.path} was never told to say ${said[last]}`);
    const says = textOf(this.#stage.ledger.now(node.path)?.data);
    const isOfOthers = this.#isShared || last < 0 || says.startsWith("x");
    player.demand(isOfOthers || says === said[last], () => `${node.path} says ${says}, not ${said[last]}`);
  }

  /** Nothing is wrong, and somebody removes it. */
  async #checkMadeAgain(player: Player, keeper: Keeper): Promise<void> {
    const { ledger } = this.#stage;
    const { node } = keeper;
    await this.#tell(player, keeper, { timeoutMs: TURN_MS_MAX });
    const said = this.#changes.bookOf(player).said[keeper.last];
    const { token } = node;
    await player.client.transaction().setData(MARK, null).remove(node.path).commit();
    await player.sleep(SLACK_MS);
    const is = ledger.now(node.path);
    player.demand(is !== null && is.czxid !== token, () => `${node.path} was removed, and not made again`);
    player.demand(textOf(is?.data) === said, () => `it was made again with ${textOf(is?.data)}, not ${said}`);
    player.demand(node.token === is?.czxid, () => `it is ${is?.czxid}, and is called ${node.token}`);
  }

  #checkEvent(player: Player, keeper: Keeper, event: PersistentTtlNodeEvent): void {
    const { ledger } = this.#stage;
    const { path } = keeper.node;
    player.note(`${path} ${event.type}`);
    switch (event.type) {
      case "established": {
        const { token, adopted, emulated } = event;
        const is = ledger.at(path, token);
        player.demand(is?.czxid === token && is.owner === 0n, () => `it never was of ${token}`);
        const isOwn = this.#changes.bookOf(player).sessions.has(ledger.sessionOf(token) ?? 0n);
        player.demand(adopted || isOwn || keeper.tokens.has(token), () => `${token} was made by another`);
        keeper.tokens.add(token);
        return player.demand(emulated, () => "these servers know of no times to live");
      }
      case "gone":
        return player.demand(
          ledger.now(path)?.czxid !== event.token,
          () => `is told that ${event.token} is gone, and it is there`,
        );
      case "taken": {
        const is = ledger.at(path, event.czxid);
        const isTaken = is !== null && is.owner !== 0n && is.owner === event.owner;
        return player.demand(isTaken, () => `it is not taken by ${event.owner}`);
      }
      case "changed": {
        this.#check(player);
        const text = textOf(event.data);
        return player.demand(this.#changes.seen.has(text), () => `is told of ${text}, which it never said`);
      }
      case "failed": {
        const isTaken = this.#stage.recipes.isRecipeError(event.error, "CONFLICT") && !keeper.waits;
        return player.demand(isTaken, () => `a keeper failed: ${String(event.error)}`);
      }
      default:
        return player.note(String(event.error));
    }
  }

  #check(player: Player): void {
    const wrong = this.#changes.look();
    player.demand(wrong === undefined, () => wrong ?? "");
  }
}

/** A place that another has, and a keeper that has failed meanwhile, are no faults. */
const ENDS = ["ABORTED", "WAIT_TIMEOUT", "SESSION_EXPIRED", "CONFLICT", "RELEASED"] as const;
