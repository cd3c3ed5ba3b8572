/** All suites, in the order in which they run. */
import type { Suite } from "../behaviour.js";
import { accessRights } from "./access-rights.js";
import { create } from "./create.js";
import { createRefusals } from "./create-refusals.js";
import { credentials } from "./credentials.js";
import { failover } from "./failover.js";
import { frames, opCodes, xids } from "./frames.js";
import { handshake } from "./handshake.js";
import { multi } from "./multi.js";
import { ordering, syncAndPing } from "./ordering.js";
import { readOnly } from "./read-only.js";
import { readsSuite } from "./reads.js";
import { remove } from "./remove.js";
import { expiry, sessions } from "./sessions.js";
import { setData } from "./set-data.js";
import { setWatches } from "./set-watches.js";
import { connectionLimit, standalone } from "./standalone.js";
import { watches } from "./watches.js";
import { words } from "./words.js";
import { wordsAboutClients } from "./words-about-clients.js";

export const suites: readonly Suite[] = [
  handshake,
  sessions,
  expiry,
  create,
  createRefusals,
  remove,
  setData,
  readsSuite,
  accessRights,
  credentials,
  multi,
  watches,
  setWatches,
  ordering,
  syncAndPing,
  opCodes,
  xids,
  frames,
  words,
  wordsAboutClients,
  standalone,
  connectionLimit,
  failover,
  readOnly,
];
