/** Creates of several steps: with the parents that are missing, and with a lost reply looked up. */
import { type Acl, CreateMode, isEphemeralMode } from "@zk/protocol";
import type { Budget } from "./budget.js";
import { isZkError } from "./core/index.js";
import { SPECS } from "./operations.js";
import type { CallOptions, CreateOptions, CreateResult } from "./options.js";
import { type ProtectedHost, protectedCreate } from "./protected-create.js";
import type { Requests } from "./requests.js";
import { createParents } from "./tree.js";

/** Others may remove the parents again while we create below them. */
const PARENT_ATTEMPTS_MAX = 10;

/** Creates as `options` say. The arguments were checked. */
export function createCarefully(
  host: ProtectedHost,
  requests: Requests,
  about: {
    readonly path: string;
    readonly options: CreateOptions;
    readonly acl: readonly Acl[];
    readonly flags: number;
    readonly uuid: () => string;
    readonly once: (path: string, step: CallOptions) => Promise<CreateResult>;
  },
): Promise<CreateResult> {
  const { path, options } = about;
  const budget = requests.budget("create", path, options);
  // A protected create is looked for before it is sent again: a blind second one would be a duplicate.
  const { protected: protection = false } = options;
  const retry = protection === false ? options.retry : "none";
  const createOnce = async (name: string): Promise<CreateResult> => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const step = budget.step();
        return await about.once(name, retry === undefined ? step : { ...step, retry });
      } catch (error) {
        const parentMissing = isZkError(error, "NO_NODE") && options.createParents === true;
        if (!parentMissing || attempt >= PARENT_ATTEMPTS_MAX) throw error;
        await makeParents(requests, path, about.acl, budget);
      }
    }
  };
  if (protection === false) return createOnce(path);
  const isEphemeral = isEphemeralMode(about.flags);
  const prefix = protection === true ? `_c_${about.uuid()}-` : protection.prefix;
  return protectedCreate(host, { path, prefix, budget, isEphemeral, createOnce });
}

/** Above the chroot too: whoever asks for parents wants the znode to be there in the end. */
function makeParents(requests: Requests, path: string, acl: readonly Acl[], budget: Budget): Promise<void> {
  const { chroot } = requests;
  return createParents(chroot.toServer(path), (serverPath) => {
    const record = { path: serverPath, data: null, acl, flags: CreateMode.PERSISTENT };
    const step: CallOptions = { ...budget.step(), retry: "always" };
    return requests.send(SPECS.create, chroot.toUser(serverPath), record, step, { finish: () => undefined });
  });
}
