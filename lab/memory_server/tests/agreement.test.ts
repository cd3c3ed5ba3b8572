import { CreateRequest, OPEN_ACL_UNSAFE, OpCode } from "@zk/protocol";
import { describe, expect, it } from "vitest";
import type { EnsembleModel } from "../src/index.js";
import { type ModelClient, ModelWorld } from "./support/model-world.js";

const acl = [...OPEN_ACL_UNSAFE];
const ROUNDS = 400;

/** Small and good enough, and nobody else's. */
function chanceOf(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return Math.floor((state / 0x8000_0000) * bound);
  };
}

/** Servers die, stand still and lose each other, two or more at a time, while clients of all servers create znodes. */
class Trouble {
  readonly world: ModelWorld;
  readonly acknowledged = new Set<string>();
  leaders = 0;
  readonly #below: (bound: number) => number;
  readonly #servers: readonly number[];
  readonly #down = new Set<number>();
  readonly #paused = new Set<number>();
  readonly #sent = new Map<string, { readonly client: ModelClient; readonly xid: number }>();
  #clients: ModelClient[] = [];
  #epoch = 0n;

  constructor(seed: number, servers: number) {
    this.#below = chanceOf(seed);
    this.#servers = Array.from({ length: servers }, (_, index) => index + 1);
    const slow = { linkMs: [0.1, 12], diskMs: [0, 5], electionMs: [5, 60] } as const;
    this.world = new ModelWorld({ servers, seed, tickTimeMs: 80, recordHistory: true, ...slow });
  }

  run(): void {
    for (let round = 0; round < ROUNDS; round += 1) {
      this.#doSomething(round);
      // Often within the time that an election takes, so that what comes next meets it half done.
      const steps = this.#below(4) === 0 ? 12 : 2;
      for (let step = 0; step < steps; step += 1) {
        this.world.advance(1 + this.#below(25));
        this.#look();
        this.#meddle();
      }
    }
    this.world.step({ kind: "partition", groups: [] });
    // All begin again: one that had accepted an epoch that came to nothing is let in by nobody before the next.
    for (const server of this.#servers) this.world.step({ kind: "kill", server });
    for (const server of this.#servers) this.world.step({ kind: "start", server });
    this.world.advance(5000);
    this.#look();
  }

  #doSomething(round: number): void {
    const server = 1 + this.#below(this.#servers.length);
    switch (this.#below(10)) {
      case 0:
        this.#down.add(server);
        return this.world.step({ kind: "kill", server });
      case 1:
        this.#paused.add(server);
        return this.world.step({ kind: "pause", server });
      case 2:
        return this.world.step({ kind: "partition", groups: [[server]] });
      case 3:
        return this.world.step({ kind: "partition", groups: [] });
      case 4:
      case 5:
        for (const each of this.#paused) this.world.step({ kind: "resume", server: each });
        return this.#paused.clear();
      case 6:
      case 7:
        for (const each of this.#down) this.world.step({ kind: "start", server: each });
        return this.#down.clear();
      default:
        return this.#create(server, `/n${round}`);
    }
  }

  /** Somebody has just been elected and does not lead yet: the moment at which most can go wrong. */
  #meddle(): void {
    const elected = this.#servers.find((id) => {
      const { role, isServing, isPaused } = this.world.model.server(id);
      return role === "leading" && !isServing && !isPaused;
    });
    if (elected === undefined || this.#below(3) > 0) return;
    this.#paused.add(elected);
    this.world.step({ kind: "pause", server: elected });
    for (const server of this.#servers) {
      if (server === elected || this.#down.has(server) || this.#below(2) === 0) continue;
      this.world.step({ kind: "kill", server });
      this.world.step({ kind: "start", server });
    }
  }

  #create(server: number, path: string): void {
    const client = this.world.connect(server);
    this.world.advance(20);
    if (client.granted === undefined) return;
    this.#clients = [...this.#clients.slice(-20), client];
    for (const [place, each] of this.#clients.entries()) {
      const name = `${path}-${place}`;
      const xid = each.request(OPCODE, CreateRequest, { path: name, data: null, acl, flags: 0 });
      this.#sent.set(name, { client: each, xid });
    }
  }

  #look(): void {
    const { model } = this.world;
    for (const [path, { client, xid }] of this.#sent) {
      const reply = client.replyTo(xid);
      if (reply?.header.err === 0) this.acknowledged.add(path);
      if (reply !== undefined) this.#sent.delete(path);
    }
    const { leaderId } = model;
    if (leaderId === undefined) return;
    // Not one that has just woken up and does not know yet that others went on without it.
    const epoch = model.server(leaderId).lastZxid >> 32n;
    if (epoch <= this.#epoch) return;
    this.#epoch = epoch;
    this.leaders += 1;
    expect(missingFrom(model, leaderId, this.acknowledged)).toEqual([]);
  }
}

const OPCODE = OpCode.CREATE;

function missingFrom(model: EnsembleModel, server: number, paths: Iterable<string>): string[] {
  const { tree } = model.server(server);
  return [...paths].filter((path) => tree.stat(path) === undefined);
}

describe("servers that die, stand still and lose each other", () => {
  it.each([3, 5])("never forget what %i of them have acknowledged, and agree in the end", (servers) => {
    let leaders = 0;
    let acknowledged = 0;
    for (let seed = 1; seed <= 40; seed += 1) {
      const trouble = new Trouble(seed, servers);
      trouble.run();
      const { model } = trouble.world;
      for (const server of Array.from({ length: servers }, (_, index) => index + 1)) {
        expect(model.server(server).isServing).toBe(true);
        expect(missingFrom(model, server, trouble.acknowledged)).toEqual([]);
        expect(model.server(server).tree.size).toBe(model.server(1).tree.size);
      }
      const zxids = model.committed.map(({ header }) => header.zxid);
      expect(zxids.every((zxid, place) => place === 0 || zxid > (zxids[place - 1] as bigint))).toBe(true);
      leaders += trouble.leaders;
      acknowledged += trouble.acknowledged.size;
    }
    expect(leaders).toBeGreaterThan(100);
    expect(acknowledged).toBeGreaterThan(300);
  });
});
