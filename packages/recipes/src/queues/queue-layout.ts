/** What a layout of a queue is; `layout.ts` says which ones there are. */

/** Whose layout a queue has, and so with whom it is shared. */
export type QueueDialect = "curator" | "kazoo" | "kazoo-locking" | "simple";

/** What decides who is next: only the order in which items were put, or before it a priority, or a time. */
export type QueueOrder = "fifo" | "priority" | "due";

/** What a producer may say of an item. Which of these a queue has depends on its layout. */
export interface Placement {
  /** A name for the item that need not be unique, to find it again by. */
  readonly id?: string | undefined;
  /** Smaller numbers are first. */
  readonly priority?: number | undefined;
  /** When it becomes due, in milliseconds since 1970 by the servers' clock. */
  readonly dueMs?: number | undefined;
}

/** What the name of an item says. */
export interface QueueEntry extends Placement {
  /** The name of the znode, without its directory. */
  readonly name: string;
  /** The number that the server appended. */
  readonly serial: number;
}

/** Names, places and bytes of one kind of queue. */
export interface QueueLayout {
  /** The directory of the items of a queue. */
  entriesOf(queue: string): string;
  /** The directory of claims, where the layout has one of its own. */
  claimsOf?(queue: string): string;
  /**
   * What stands before the number in the name of an item.
   * @throws TypeError what is wrong with the placement
   */
  prefixOf(placement: Placement): string;
  /** What a name says; undefined for one that is no item's. */
  parse(name: string): QueueEntry | undefined;
  /**
   * The bytes of a znode with these values.
   * @throws TypeError why it cannot hold them
   */
  encode(values: readonly Uint8Array[]): Uint8Array;
  /** The values in the bytes of a znode. @throws Error when the bytes are not of the layout */
  decode(data: Uint8Array): readonly Uint8Array[];
}
