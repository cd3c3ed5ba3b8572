/**
 * Whether a server lets a path pass when it creates a znode. All other requests take any path: what cannot exist is not
 * there.
 *
 * The ranges of forbidden characters are open at both ends in 3.4.6: U+001F, U+007F, U+009F, U+D800, U+F8FF, U+FFF0 and
 * U+FFFF pass. Since 3.5.0, and in `findPathProblem` of `@zk/protocol`, they do not.
 *
 * Source: ZooKeeper 3.4.6, PathUtils.java, validatePath
 */
export function isCreatablePath(path: string): boolean {
  if (!path.startsWith("/")) return false;
  if (path.length === 1) return true;
  if (path.endsWith("/")) return false;
  for (let index = 1; index < path.length; index++) {
    const unit = path.charCodeAt(index);
    if (unit === SLASH) {
      if (path.charCodeAt(index - 1) === SLASH) return false;
    } else if (unit === DOT) {
      if (isRelativeStep(path, index)) return false;
    } else if (isForbidden(unit)) {
      return false;
    }
  }
  return true;
}

const SLASH = 0x2f;
const DOT = 0x2e;

/** Whether the dot at `index` ends a component that is `.` or `..`. */
function isRelativeStep(path: string, index: number): boolean {
  const isLast = index + 1 === path.length || path.charCodeAt(index + 1) === SLASH;
  if (!isLast) return false;
  const before = path.charCodeAt(index - 1);
  return before === SLASH || (before === DOT && path.charCodeAt(index - 2) === SLASH);
}

function isForbidden(unit: number): boolean {
  return (
    unit === 0 ||
    (unit > 0x0000 && unit < 0x001f) ||
    (unit > 0x007f && unit < 0x009f) ||
    (unit > 0xd800 && unit < 0xf8ff) ||
    (unit > 0xfff0 && unit < 0xffff)
  );
}
