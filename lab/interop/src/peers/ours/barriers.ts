/** Our barriers in the words of the interface. */
import { Barrier, DoubleBarrier, type DoubleBarrierMember } from "@zk/recipes";
import { PeerError } from "../errors.js";
import type * as words from "../recipes.js";
import { closing, Waits } from "./held.js";
import type { OurSession } from "./locks.js";

export function openBarrier({ client }: OurSession, path: string): words.Barrier {
  const [barrier, waits] = [new Barrier(client, path), new Waits()];
  return {
    set: () => barrier.close(),
    remove: () => barrier.open(),
    wait: async (limit = {}) => (await waits.within(limit, (wait) => barrier.wait(wait))) !== undefined,
    ...closing(() => waits.end()),
  };
}

export function openDoubleBarrier(
  { client }: OurSession,
  path: string,
  { members, identity = "" }: words.OptionsOf<"doubleBarrier">,
): words.DoubleBarrier {
  const [barrier, waits] = [new DoubleBarrier(client, path, { members, identity }), new Waits()];
  let member: DoubleBarrierMember | undefined;
  return {
    enter: async (limit = {}) => {
      member = await waits.within(limit, (wait) => barrier.enter(wait));
      return member !== undefined;
    },
    leave: async (limit = {}) => {
      const leaving = member;
      if (leaving === undefined) throw new PeerError("FAILED", "it has not entered");
      const left = async (wait: words.Limit): Promise<true> => leaving.leave(wait).then(() => true as const);
      return (await waits.within(limit, left)) ?? false;
    },
    ...closing(async () => {
      await waits.end();
      await member?.release();
    }),
  };
}
