/** Every command, in the order in which help lists them. */
import type { Command } from "../definition/command.js";
import { registerCommands } from "./all-commands.js";
import { barrier } from "./coordination/barrier.js";
import { elect } from "./coordination/elect.js";
import { lock } from "./coordination/lock.js";
import { lockBreak, lockList } from "./coordination/lock-line.js";
import { members } from "./coordination/members.js";
import { queueList, queuePut, queueTake } from "./coordination/queue.js";
import { watch } from "./coordination/watch.js";
import { acl } from "./everyday/acl.js";
import { big } from "./everyday/big.js";
import { create } from "./everyday/create.js";
import { remove } from "./everyday/delete.js";
import { du } from "./everyday/du.js";
import { edit } from "./everyday/edit.js";
import { find } from "./everyday/find.js";
import { get } from "./everyday/get.js";
import { grep } from "./everyday/grep.js";
import { ls } from "./everyday/ls.js";
import { quota } from "./everyday/quota.js";
import { set } from "./everyday/set.js";
import { exists, stat } from "./everyday/stat.js";
import { sync } from "./everyday/sync.js";
import { touch } from "./everyday/touch.js";
import { tree } from "./everyday/tree.js";
import { txn } from "./everyday/txn.js";
import { apply } from "./moving/apply.js";
import { copy } from "./moving/copy.js";
import { diff } from "./moving/diff.js";
import { exportTree } from "./moving/export.js";
import { importTree } from "./moving/import.js";
import { mirror } from "./moving/mirror.js";
import { check } from "./operating/check.js";
import { doctor } from "./operating/doctor.js";
import { lab } from "./operating/lab.js";
import { reap } from "./operating/reap.js";
import { sniff } from "./operating/sniff.js";
import { status } from "./operating/status.js";
import { supportBundle } from "./operating/support-bundle.js";
import { top } from "./operating/top.js";
import { who } from "./operating/who.js";
import { completeWords, completion } from "./setup/completion.js";
import {
  contextAdd,
  contextExplain,
  contextList,
  contextRemove,
  contextShow,
  contextUse,
} from "./setup/context.js";
import { help } from "./setup/help.js";

export const COMMANDS: readonly Command[] = [
  ls,
  get,
  set,
  create,
  remove,
  stat,
  exists,
  acl,
  touch,
  edit,
  tree,
  du,
  find,
  grep,
  big,
  txn,
  quota,
  sync,
  watch,
  lock,
  lockList,
  lockBreak,
  elect,
  queuePut,
  queueTake,
  queueList,
  barrier,
  members,
  exportTree,
  importTree,
  copy,
  mirror,
  diff,
  apply,
  status,
  top,
  who,
  check,
  doctor,
  reap,
  supportBundle,
  sniff,
  lab,
  contextAdd,
  contextUse,
  contextList,
  contextShow,
  contextRemove,
  contextExplain,
  completion,
  completeWords,
  help,
];

registerCommands(COMMANDS);
