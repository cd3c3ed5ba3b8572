/** All suites, in the order in which they run. */
import type { Suite } from "../behaviour.js";
import { accessRights, credentials } from "./acl.js";
import { create } from "./create.js";
import { handshake } from "./handshake.js";
import { multi } from "./multi.js";
import { readsSuite } from "./reads.js";
import { remove } from "./remove.js";
import { expiry, sessions } from "./sessions.js";
import { setData } from "./set-data.js";

export const suites: readonly Suite[] = [
  handshake,
  sessions,
  expiry,
  create,
  remove,
  setData,
  readsSuite,
  accessRights,
  credentials,
  multi,
];
