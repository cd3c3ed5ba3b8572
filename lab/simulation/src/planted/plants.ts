/** All planted faults. */
import { OF_AGREEMENT } from "./of-agreement.js";
import { OF_BOUNDS } from "./of-bounds.js";
import { OF_DELAYS } from "./of-delays.js";
import { OF_GATHERINGS } from "./of-gatherings.js";
import { OF_HOLDS } from "./of-holds.js";
import { OF_LOCKS } from "./of-locks.js";
import { OF_MIGRATIONS } from "./of-migrations.js";
import { OF_QUEUES } from "./of-queues.js";
import { OF_REAPING } from "./of-reaping.js";
import { OF_RECIPES } from "./of-recipes.js";
import { OF_SERVICES } from "./of-services.js";
import { OF_SESSIONS } from "./of-sessions.js";
import { OF_SETS } from "./of-sets.js";
import { OF_TTL } from "./of-ttl.js";
import { OF_VALUES } from "./of-values.js";
import { OF_WATCHES } from "./of-watches.js";
import { OF_WORKERS } from "./of-workers.js";
import { OF_WRITES } from "./of-writes.js";
import { ON_THE_WIRE } from "./on-the-wire.js";
import type { Plant } from "./plant.js";

/** In the order of the table in docs/simulation.md. */
export const PLANTS: readonly Plant[] = [
  ...ON_THE_WIRE,
  ...OF_WRITES,
  ...OF_WATCHES,
  ...OF_SESSIONS,
  ...OF_BOUNDS,
  ...OF_RECIPES,
  ...OF_QUEUES,
  ...OF_HOLDS,
  ...OF_GATHERINGS,
  ...OF_VALUES,
  ...OF_SETS,
  ...OF_LOCKS,
  ...OF_SERVICES,
  ...OF_WORKERS,
  ...OF_DELAYS,
  ...OF_MIGRATIONS,
  ...OF_REAPING,
  ...OF_AGREEMENT,
  ...OF_TTL,
];
