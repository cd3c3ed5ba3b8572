/** Our groups, leases and kept znodes in the words of the interface. */
import {
  ClockLease,
  Group,
  type GroupLayout,
  type GroupOptions,
  type Membership,
  Patience,
  PersistentNode,
} from "@zk/recipes";
import type * as words from "../recipes.js";
import { closing, Waits } from "./held.js";
import type { OurSession } from "./locks.js";

const nothing = new Uint8Array();

export async function openGroupMember(
  { client }: OurSession,
  path: string,
  { identity, payload }: words.OptionsOf<"groupMember">,
): Promise<words.GroupMember> {
  const group = new Group(client, path);
  const membership = await group.join(identity, payload === undefined ? {} : { payload });
  return {
    members: async () => {
      const members = await group.members();
      return Object.fromEntries(members.map(({ id, payload: said }) => [id, said ?? nothing]));
    },
    setPayload: (to) => membership.setPayload(to.payload),
    ...closing(async () => void (await membership.leave())),
  };
}

/** kazoo's, and its shallow one. */
export function partyOf(layout: Exclude<GroupLayout, "curator">) {
  return ({ client }: OurSession, path: string, { identity = "" }: words.Identity): words.Party => {
    const options: GroupOptions = { layout };
    const group = new Group(client, path, options);
    let membership: Membership | undefined;
    const leave = async (): Promise<void> => {
      await membership?.leave();
      membership = undefined;
    };
    return {
      join: async () => {
        membership ??= await group.join(identity);
      },
      leave,
      isMember: async () => membership?.state === "established",
      members: async () => (await group.members()).map(({ id }) => id),
      ...closing(leave),
    };
  };
}

/** As kazoo's it is not given back when it is closed. */
export function openLease(
  { client }: OurSession,
  path: string,
  { identity = "", durationMs, count }: words.OptionsOf<"lease">,
): words.ClockLease {
  const slots = count === undefined ? {} : { slots: count };
  const lease = new ClockLease(client, path, { holder: identity, durationMs, ...slots });
  return { obtain: async () => (await lease.tryObtain()) !== null, ...closing(async () => {}) };
}

export function openPersistentNode(
  { client }: OurSession,
  path: string,
  { data, naming = "plain" }: words.OptionsOf<"persistentNode">,
): words.PersistentNode {
  const [node, waits] = [new PersistentNode(client, path, { data, naming }), new Waits()];
  const started = node.start();
  // Whoever waits for it hears of a failure.
  started.catch(() => {});
  return {
    awaitCreated: async (limit = {}) => {
      const made = await waits.within(limit, async (wait) => {
        using patience = new Patience(client, { recipe: "PersistentNode", path }, wait);
        return await patience.race(started);
      });
      return made !== undefined;
    },
    node: async () => node.actualPath ?? null,
    setData: (to) => node.setData(to.data),
    ...closing(async () => {
      await waits.end();
      await node.close();
    }),
  };
}
