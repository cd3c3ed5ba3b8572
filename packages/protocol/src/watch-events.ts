/**
 * What happened, as in `WatcherEvent.type`. Only 1 to 4 are ever on the wire; the others are made up by clients.
 *
 * Source: ZooKeeper 3.9.3, Watcher.java, EventType
 */
export const WatchEventType = {
  None: -1,
  NodeCreated: 1,
  NodeDeleted: 2,
  NodeDataChanged: 3,
  NodeChildrenChanged: 4,
  DataWatchRemoved: 5,
  ChildWatchRemoved: 6,
  PersistentWatchRemoved: 7,
} as const;

/** One of the numbers of the table {@link WatchEventType}. */
export type WatchEventType = (typeof WatchEventType)[keyof typeof WatchEventType];

/**
 * State of a session, as in `WatcherEvent.state`. Notifications on the wire always say 3.
 *
 * Source: ZooKeeper 3.9.3, Watcher.java, KeeperState
 */
export const KeeperState = {
  Expired: -112,
  Unknown: -1,
  Disconnected: 0,
  NoSyncConnected: 1,
  SyncConnected: 3,
  AuthFailed: 4,
  ConnectedReadOnly: 5,
  SaslAuthenticated: 6,
  Closed: 7,
} as const;

/** One of the numbers of the table {@link KeeperState}. */
export type KeeperState = (typeof KeeperState)[keyof typeof KeeperState];

/** Kinds of persistent watch, as in `AddWatchRequest.mode` (3.6.0). Source: ZooKeeper 3.9.3, AddWatchMode.java */
export const AddWatchMode = { PERSISTENT: 0, PERSISTENT_RECURSIVE: 1 } as const;

/** One of the numbers of the table {@link AddWatchMode}. */
export type AddWatchMode = (typeof AddWatchMode)[keyof typeof AddWatchMode];

/**
 * Which watches to check or remove, as in `CheckWatchesRequest.type` and `RemoveWatchesRequest.type` (3.5.0);
 * the last two exist since 3.9.0, earlier servers answer MARSHALLING_ERROR to them.
 *
 * Source: ZooKeeper 3.9.3, Watcher.java, WatcherType
 */
export const WatcherType = { CHILDREN: 1, DATA: 2, ANY: 3, PERSISTENT: 4, PERSISTENT_RECURSIVE: 5 } as const;

/** One of the numbers of the table {@link WatcherType}. */
export type WatcherType = (typeof WatcherType)[keyof typeof WatcherType];

/** The name of a kind of event, such as `NodeCreated`; undefined for a number that is none. */
export function watchEventTypeName(type: number): keyof typeof WatchEventType | undefined {
  return EVENT_NAMES.get(type);
}

/** The name of a state, such as `SyncConnected`; undefined for a number that is none. */
export function keeperStateName(state: number): keyof typeof KeeperState | undefined {
  return STATE_NAMES.get(state);
}

const EVENT_NAMES: ReadonlyMap<number, keyof typeof WatchEventType> = new Map(
  Object.entries(WatchEventType).map(([name, type]) => [type, name as keyof typeof WatchEventType]),
);
const STATE_NAMES: ReadonlyMap<number, keyof typeof KeeperState> = new Map(
  Object.entries(KeeperState).map(([name, state]) => [state, name as keyof typeof KeeperState]),
);
