/**
 * What a queue tells of itself, without anything being taken: how long it is, what there is, and who works on it. It was so at a
 * moment of the call, as far as the session that asked went on.
 */
import type { Queue, QueueItem } from "@zk/recipes";
import type { Player } from "../actors/player.js";
import type { Stage } from "./scenario.js";

interface Where {
  readonly entries: string;
  readonly claims: string;
}

interface Wait {
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
}

/** Asks, and compares with the servers' history. */
export async function checkViews(
  { ledger }: Stage,
  player: Player,
  jobs: Queue<number>,
  { entries, claims }: Where,
  wait: Wait,
): Promise<void> {
  const { lastZxid, sessionId } = player.client;
  /** Every moment that could have been seen, as long as no session came that may have begun with a server that is behind. */
  const moments = (path: string): readonly bigint[] =>
    player.client.sessionId === sessionId
      ? [lastZxid, ...ledger.changesAfter(path, lastZxid).map(({ zxid }) => zxid)]
      : ledger.changesAfter(path, 0n).map(({ zxid }) => zxid);
  const childrenAt = (zxid: bigint): readonly string[] => ledger.at(entries, zxid)?.children ?? [];

  const size = await jobs.size(wait);
  player.demand(
    size === 0 || moments(entries).some((zxid) => childrenAt(zxid).length === size),
    () => `the queue is said to have ${size} items, and never had`,
  );
  const listing = await jobs.inspect(wait);
  const names = listing.map(({ name }) => name).toSorted();
  player.demand(
    names.length === 0 ||
      moments(entries).some((zxid) => childrenAt(zxid).toSorted().join() === names.join()),
    () => `the queue is said to have ${names.join(", ")}, and never had`,
  );
  for (const { name, claim } of listing) {
    const path = `${claims}/${name}`;
    if (claim !== undefined) {
      const was = ledger.at(path, claim.token);
      player.demand(
        claim.path === path &&
          was?.czxid === claim.token &&
          was.owner === claim.sessionId &&
          was.mtimeMs === claim.sinceMs,
        () => `${name} is said to be claimed by ${claim.sessionId} with ${claim.token}: ${was?.owner} did`,
      );
      continue;
    }
    const [before, now] = [ledger.at(path, lastZxid), ledger.now(path)];
    const isClaimed = before !== null && before.czxid === now?.czxid;
    player.demand(
      !isClaimed || player.client.sessionId !== sessionId,
      () => `${name} is said to be free, and is claimed by ${now?.owner}`,
    );
  }
}

/** Of so many items in its own queue it has claimed the first; nobody has the others. */
export async function checkClaimed(
  player: Player,
  own: Queue<number>,
  { name, token }: QueueItem<number>,
  count: number,
): Promise<void> {
  const [first, ...others] = await own.inspect();
  const size = await own.size();
  player.demand(
    size === count &&
      others.length + 1 === size &&
      first?.name === name &&
      first.claim?.token === token &&
      first.claim.sessionId === player.client.sessionId &&
      others.every(({ claim }) => claim === undefined),
    () => `it has ${name} of ${count}, and is told that it is ${first?.name} of ${size}`,
  );
}
