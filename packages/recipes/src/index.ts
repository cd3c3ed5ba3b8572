// For users.
export type { TwoPhaseDecision, TwoPhaseVote } from "./agreement/ballot.js";
export { Rendezvous, type RendezvousOptions } from "./agreement/rendezvous.js";
export { type DecideOptions, TwoPhaseCommit, type TwoPhaseOptions } from "./agreement/two-phase-commit.js";
export { Barrier } from "./barriers/barrier.js";
export { DoubleBarrier, DoubleBarrierMember, type DoubleBarrierOptions } from "./barriers/double-barrier.js";
export {
  type CacheOptions,
  type CacheState,
  type ChangesOptions,
  ZnodeCache,
} from "./caches/cache.js";
export { ChildrenCache, type ChildrenCacheOptions, watchChildren } from "./caches/children-cache.js";
export { NodeCache, watchNode } from "./caches/node-cache.js";
export {
  type PatientChildrenOptions,
  patientChildren,
  type SettledChildren,
} from "./caches/patient-children.js";
export type { CacheFilter } from "./caches/shape.js";
export { TreeCache, type TreeCacheOptions, watchTree } from "./caches/tree-cache.js";
export type { CacheChange, CachedNode, CacheOverflow, CacheSnapshot, NodeChange } from "./caches/types.js";
export { until } from "./caches/until.js";
export {
  ConfigDefinition,
  type ConfigOptions,
  defineConfig,
} from "./config/definition.js";
export {
  type PublishOptions,
  publishReadySet,
  type ReadySet,
  WatchedReadySet,
  watchReadySet,
} from "./config/ready-set.js";
export { REDACTED, redact, type Secrets } from "./config/redact.js";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./config/standard-schema.js";
export { type ConfigUpdate, ensureConfig, setConfig, updateConfig } from "./config/update.js";
export {
  type ConfigEvent,
  type ConfigOverflow,
  type ConfigReading,
  type ConfigStatus,
  WatchedConfig,
  watchConfig,
} from "./config/watched-config.js";
export { bytesCodec, type Codec, jsonCodec, textCodec } from "./core/codec.js";
export type { Dialect } from "./core/dialects.js";
// For those who write a recipe of their own: a write that is applied once, a wait with one deadline.
export { commitOnce, type Once, type OnceOptions, sweepMarkers } from "./core/exactly-once.js";
export { Hold, type HoldOptions, type HoldState } from "./core/hold.js";
export type { LockDelayOptions } from "./core/lock-delay.js";
export { Patience, type WaitOptions } from "./core/patience.js";
// The order of contenders, for those who write a recipe of their own or read the directory of another library's.
export {
  type Contender,
  compareSerials,
  formatSerial,
  type Place,
  parseContender,
  placeOf,
  sortContenders,
} from "./core/sequence.js";
export { ServerClock } from "./core/server-clock.js";
export { observeRecipes, type RecipeEvent, type RecipeMetrics, recipeMetrics } from "./core/telemetry.js";
export { type RecipeSpan, type RecipeTracer, traceRecipes } from "./core/tracing.js";
export type { DownPolicy } from "./discovery/down-instances.js";
export {
  decodeInstance,
  encodeInstance,
  type ServiceInstance,
  type ServiceType,
} from "./discovery/instance.js";
export { type InstanceChanges, ServiceRegistration } from "./discovery/registration.js";
export { ServiceCache, type ServiceChange } from "./discovery/service-cache.js";
export {
  type DiscoveryOptions,
  type NewInstance,
  type RegisterOptions,
  ServiceDiscovery,
} from "./discovery/service-discovery.js";
export { type ProviderOptions, ServiceProvider, type UseOptions } from "./discovery/service-provider.js";
export {
  leastRecentlyFailed,
  type PickContext,
  type ProviderStrategy,
  randomStrategy,
  roundRobin,
  sticky,
  weighted,
  type ZoneOptions,
  zoneAware,
} from "./discovery/strategies.js";
export {
  fillUriSpec,
  formatUriSpec,
  parseUriSpec,
  type UriFields,
  type UriPart,
} from "./discovery/uri-spec.js";
export type { Candidate } from "./elections/candidates.js";
export { Election, type ElectionOptions, type LeadOptions } from "./elections/election.js";
export {
  LeaderLatch,
  type LeaderLatchEvent,
  type LeaderLatchOptions,
  type LeaderLatchState,
} from "./elections/leader-latch.js";
export { Leadership } from "./elections/leadership.js";
export type { GraceOptions, LeaderWork } from "./elections/leading.js";
export { Term } from "./elections/term.js";
export {
  isRecipeError,
  RECIPE_ERROR_CODES,
  RecipeError,
  type RecipeErrorCode,
  type RecipeErrorDetails,
} from "./errors.js";
export { ClockLease, type ClockLeaseOptions } from "./locks/clock-lease.js";
export { ClockTerm } from "./locks/clock-term.js";
export { type Inspection, type InspectOptions, inspect } from "./locks/inspect.js";
export { type InspectedRole, type Participant, type WaitCircle, waitCircles } from "./locks/inspection.js";
export { type AcquireOptions, Lock, type LockOptions } from "./locks/lock.js";
export { LockHold } from "./locks/lock-hold.js";
export { MultiLock, MultiLockHold } from "./locks/multi-lock.js";
export {
  type LockSide,
  type ReadHold,
  ReadWriteLock,
  type ReadWriteLockOptions,
  type WriteHold,
} from "./locks/read-write-lock.js";
export { type RevokeOptions, type RevokeOutcome, revoke } from "./locks/revocation.js";
export { type PermitOptions, Semaphore, type SemaphoreOptions } from "./locks/semaphore.js";
export { type Lease, SemaphoreHold } from "./locks/semaphore-hold.js";
export type { MaxPermits } from "./locks/semaphore-max.js";
export {
  MIGRATION_BYTES_MAX,
  type Migrated,
  type MigrateOptions,
  type MigrationPlan,
  migrate,
  planMigrations,
} from "./migrations/migrate.js";
export { type MigrationMode, type MigrationOperation, MigrationSteps } from "./migrations/operations.js";
export {
  type Migration,
  MigrationMismatch,
  type MigrationSet,
  type PendingMigration,
} from "./migrations/plan.js";
export { Group, type GroupOptions, type JoinOptions } from "./nodes/group.js";
export type { GroupLayout } from "./nodes/group-layouts.js";
export { GroupView, type MemberChange, type MemberChangesOptions } from "./nodes/group-view.js";
export { type Member, oldestMember } from "./nodes/member.js";
export { Membership } from "./nodes/membership.js";
export {
  PersistentNode,
  type PersistentNodeEvent,
  type PersistentNodeOptions,
  type PersistentNodeState,
} from "./nodes/persistent-node.js";
export {
  PersistentTtlNode,
  type PersistentTtlNodeEvent,
  type PersistentTtlNodeOptions,
} from "./nodes/persistent-ttl-node.js";
export type { Assign, Assignment } from "./partition/assignment.js";
export { PartitionHold } from "./partition/partition-hold.js";
export { type EachOptions, SetPartitioner, type SetPartitionerOptions } from "./partition/set-partitioner.js";
export type { Slice } from "./partition/slices.js";
export { type AckMode, type ConsumeOptions, QueueConsumer } from "./queues/consumer.js";
export { type AckOptions, type NackOptions, QueueItem, type QueueMessage } from "./queues/item.js";
export type { Placement, QueueDialect, QueueEntry, QueueOrder } from "./queues/layout.js";
export type { PutResult } from "./queues/putter.js";
export {
  type PutOptions,
  Queue,
  type QueueListing,
  type QueueOptions,
  type TakeOptions,
} from "./queues/queue.js";
export type { Reaped, ReapOptions, UntouchedFor } from "./reaping/options.js";
export { type ReapReport, reap } from "./reaping/reap.js";
export { Reaper, type ReaperEvent, type ReaperOptions, type ReaperState } from "./reaping/reaper.js";
export type { ReaperPass } from "./reaping/sweeper.js";
export {
  type AtomicallyOptions,
  type AtomicTransaction,
  atomically,
  type Committed,
} from "./stm/atomically.js";
export { AtomicInteger, AtomicLong, type AtomicOptions, type AtomicResult } from "./values/atomic.js";
export { SequenceIds, type SequenceIdsOptions, VersionIds, ZxidIds } from "./values/ids.js";
export { decimalCodec, intCodec, longCodec } from "./values/numbers.js";
export { SharedCount, type SharedCountOptions } from "./values/shared-count.js";
export { SharedValue, type SharedValueOptions, type VersionedValue } from "./values/shared-value.js";
export { WorkerId, WorkerIds, type WorkerIdsOptions, type WorkerIdWaitOptions } from "./values/worker-ids.js";
