/** Creates of several steps: with the parents that are missing, and with a lost reply looked up. */
import { type Acl, CreateMode, isEphemeralMode } from "@zk/protocol";
import type { Budget } from "./budget.js";
import { isZkError, type OperationSpec } from "./core/index.js";
import { CONTAINERS, sendToNewer } from "./newer-servers.js";
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
        const { createParents: parents = false } = options;
        const parentMissing = isZkError(error, "NO_NODE") && parents !== false;
        if (!parentMissing || attempt >= PARENT_ATTEMPTS_MAX) throw error;
        await makeParents(requests, path, { acl: about.acl, asContainers: parents === "containers" }, budget);
      }
    }
  };
  if (protection === false) return createOnce(path);
  const isEphemeral = isEphemeralMode(about.flags);
  const prefix = protection === true ? `_c_${about.uuid()}-` : protection.prefix;
  return protectedCreate(host, { path, prefix, budget, isEphemeral, createOnce });
}

/** Above the chroot too: whoever asks for parents wants the znode to be there in the end. */
function makeParents(
  requests: Requests,
  path: string,
  parents: { readonly acl: readonly Acl[]; readonly asContainers: boolean },
  budget: Budget,
): Promise<void> {
  const { chroot } = requests;
  const send = (serverPath: string, step: CallOptions, kind: ParentKind): Promise<void> => {
    const record = { path: serverPath, data: null, acl: parents.acl, flags: kind.flags };
    const again: CallOptions = { ...step, retry: "always" };
    return requests.send(kind.spec, chroot.toUser(serverPath), record, again, { finish: () => undefined });
  };
  const makePersistent = (serverPath: string): Promise<void> => send(serverPath, budget.step(), PERSISTENT);
  const makeContainer = async (serverPath: string): Promise<void> => {
    const about = { operation: "create", path: chroot.toUser(serverPath), needs: CONTAINERS.needs };
    const always: CallOptions = { ...budget.step(), retry: "always" };
    try {
      await sendToNewer(requests, about, always, (step) => send(serverPath, step, CONTAINER));
    } catch (error) {
      if (!isZkError(error, "UNIMPLEMENTED")) throw error;
      await makePersistent(serverPath);
    }
  };
  return createParents(chroot.toServer(path), parents.asContainers ? makeContainer : makePersistent);
}

interface ParentKind {
  readonly spec: OperationSpec;
  readonly flags: CreateMode;
}
const PERSISTENT: ParentKind = { spec: SPECS.create, flags: CreateMode.PERSISTENT };
const CONTAINER: ParentKind = { spec: CONTAINERS.spec, flags: CreateMode.CONTAINER };
