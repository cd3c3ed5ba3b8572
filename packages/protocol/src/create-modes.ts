/**
 * Kinds of nodes, as in `CreateRequest.flags`. 0 to 3 read as bits (1 ephemeral, 2 sequential), from 4 on it is an
 * enumeration: 4 belongs to createContainer (3.5.1), 5 and 6 to createTTL (3.5.3).
 *
 * Source: ZooKeeper 3.9.3, CreateMode.java
 */
export const CreateMode = {
  PERSISTENT: 0,
  EPHEMERAL: 1,
  PERSISTENT_SEQUENTIAL: 2,
  EPHEMERAL_SEQUENTIAL: 3,
  CONTAINER: 4,
  PERSISTENT_WITH_TTL: 5,
  PERSISTENT_SEQUENTIAL_WITH_TTL: 6,
} as const;

/** One of the numbers of the table {@link CreateMode}. */
export type CreateMode = (typeof CreateMode)[keyof typeof CreateMode];

/** The name of a create mode, such as `EPHEMERAL`; undefined for a number that is none. */
export function createModeName(flags: number): keyof typeof CreateMode | undefined {
  return NAMES.get(flags);
}

/** Whether a server appends a number to the name. */
export function isSequentialMode(flags: number): boolean {
  return flags === 2 || flags === 3 || flags === 6;
}

/** Whether the node goes away with its session. */
export function isEphemeralMode(flags: number): boolean {
  return flags === 1 || flags === 3;
}

const NAMES: ReadonlyMap<number, keyof typeof CreateMode> = new Map(
  Object.entries(CreateMode).map(([name, flags]) => [flags, name as keyof typeof CreateMode]),
);
