package zk.interop;

import org.apache.curator.framework.recipes.locks.StandardLockInternalsDriver;

/**
 * Every child is a contender, in the order of its last ten characters. Curator's own driver compares what stands behind the last
 * `lock-`, and the whole name of a child that has none, so that a contender of another library sorts anywhere.
 */
final class AnyDialectDriver extends StandardLockInternalsDriver {
    private static final int DIGITS = 10;

    @Override
    public String fixForSorting(String name, String lockName) {
        return name.length() <= DIGITS ? name : name.substring(name.length() - DIGITS);
    }
}
