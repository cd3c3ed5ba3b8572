// What runs the suites uses.
export { BACKENDS, type Backend, startGround } from "./backends.js";
export type { Behaviour, Given, Ground, Place, Say, Suite } from "./behaviour.js";
export { Stage } from "./run.js";
export { suites } from "./suites/index.js";
export { Session } from "./wire/session.js";
export { askWord, eventually, Wire } from "./wire/wire.js";
export { WireSession } from "./wire/wire-session.js";
