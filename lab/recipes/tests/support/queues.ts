// What the tests of queues share.
import { type Client, isZkError } from "@zk/client";
import { type Queue, recipeMetrics } from "@zk/recipes";

/** The names of the children, sorted; none if there is no such znode. */
export async function children(client: Client, path: string): Promise<readonly string[]> {
  try {
    return (await client.getChildren(path)).toSorted();
  } catch (error) {
    if (isZkError(error, "NO_NODE")) return [];
    throw error;
  }
}

/** Whether a wait of the client is under way, and its watches stand. */
export function waits(client: Client): boolean {
  const { watches, inFlight, queued } = client.load;
  return recipeMetrics(client).waiting === 1 && watches > 0 && inFlight + queued === 0;
}

/** Takes and acknowledges so many items, and gives their values. */
export async function drain<T>(queue: Queue<T>, count: number): Promise<T[]> {
  const values: T[] = [];
  while (values.length < count) {
    const item = await queue.take({ timeoutMs: 5000 });
    values.push(item.value);
    await item.ack();
  }
  return values;
}
