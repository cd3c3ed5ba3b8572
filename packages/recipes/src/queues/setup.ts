/** What all parts of one queue know: where its znodes are, what they look like, and on whose client. */
import type { Acl, Client } from "@zk/client";
import type { ServerClock } from "../core/server-clock.js";
import { RecipeError } from "../errors.js";
import type { Placement, QueueLayout, QueueOrder } from "./layout.js";

/** See the head of this file. */
export interface QueueSetup {
  readonly client: Client;
  readonly recipe: "Queue";
  /** The queue, as the caller named it. */
  readonly path: string;
  readonly layout: QueueLayout;
  readonly order: QueueOrder;
  readonly acl: readonly Acl[] | undefined;
  readonly onSuspended: "abort" | "wait";
  /** The directory of the items. */
  readonly entries: string;
  /** The directory of the claims. */
  readonly claims: string;
  /** The directory of the markers of writes that are to be applied once. */
  readonly markers: string;
  /** The directory of those who wait. */
  readonly waiting: string;
  /** The directory of the items that were given up. */
  readonly dead: string;
  readonly clock: ServerClock;
  /** Deliveries after which an item is given up; infinity for never. */
  readonly deliveriesMax: number;
  /** Items there may be; infinity for no limit. */
  readonly capacity: number;
}

/** The options of a create in the directories of the queue. */
export function aclOf(setup: { readonly acl: readonly Acl[] | undefined }): {
  readonly acl?: readonly Acl[];
} {
  return setup.acl === undefined ? {} : { acl: setup.acl };
}

/**
 * What stands before the number in the name of an item.
 * @throws RecipeError INVALID_ARGUMENT for a placement that the queue does not have
 */
export function prefixOf({ layout, recipe, path }: QueueSetup, placement: Placement): string {
  return refusing({ recipe, path }, () => layout.prefixOf(placement));
}

/** What the function gives. @throws RecipeError INVALID_ARGUMENT with what it throws */
export function refusing<R>(about: { readonly recipe: string; readonly path: string }, work: () => R): R {
  try {
    return work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new RecipeError({ code: "INVALID_ARGUMENT", message, cause: error, ...about });
  }
}
