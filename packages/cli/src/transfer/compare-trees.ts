/** Two trees side by side, without holding either. */
import { comparePaths, sameAcl, sameData, type TreeNode, type TreeSource } from "./tree-node.js";

/** One difference. `+` is in the second tree only, `-` in the first only, `~` has other data, `a` only another ACL. */
export interface Difference<Second extends TreeNode = TreeNode> {
  readonly kind: "+" | "-" | "~" | "a";
  readonly path: string;
  readonly first: TreeNode | undefined;
  readonly second: Second | undefined;
}

/** What is compared. */
export interface CompareOptions {
  readonly withAcl: boolean;
}

export async function* compareTrees<Second extends TreeNode>(
  first: TreeSource,
  second: AsyncIterable<Second>,
  options: CompareOptions,
): AsyncGenerator<Difference<Second>> {
  const left = first[Symbol.asyncIterator]();
  const right = second[Symbol.asyncIterator]();
  try {
    let [one, other] = await Promise.all([left.next(), right.next()]);
    while (!one.done || !other.done) {
      const order = one.done ? 1 : other.done ? -1 : comparePaths(one.value.path, other.value.path);
      if (order < 0 && !one.done) {
        yield { kind: "-", path: one.value.path, first: one.value, second: undefined };
        one = await left.next();
      } else if (order > 0 && !other.done) {
        yield { kind: "+", path: other.value.path, first: undefined, second: other.value };
        other = await right.next();
      } else if (!one.done && !other.done) {
        const [a, b]: [TreeNode, Second] = [one.value, other.value];
        if (!sameData(a.data, b.data)) yield { kind: "~", path: a.path, first: a, second: b };
        else if (options.withAcl && !sameAcl(a.acl, b.acl))
          yield { kind: "a", path: a.path, first: a, second: b };
        [one, other] = await Promise.all([left.next(), right.next()]);
      }
    }
  } finally {
    await left.return?.();
    await right.return?.();
  }
}
