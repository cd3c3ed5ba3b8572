package zk.interop;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.curator.RetryLoop;
import org.apache.curator.framework.CuratorFramework;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.data.Stat;

/**
 * One znode to which lines are added by reading it, and writing it back only at the version that was read: no line is ever lost,
 * and the lines stand in the order in which they came. A full znode is moved below it, in the transaction that adds the line.
 */
final class HammerLog {
    private static final int BYTES_MAX = 16_384;

    private final CuratorFramework client;
    private final String path;
    private final boolean guarded;
    private int conflicts;

    HammerLog(CuratorFramework client, String path, boolean guarded) {
        this.client = client;
        this.path = path;
        this.guarded = guarded;
    }

    /** How often somebody else wrote between our reading and our writing. */
    int conflicts() {
        return conflicts;
    }

    void mark(String text, String lockNode) throws Exception {
        var line = text.getBytes(StandardCharsets.UTF_8);
        for (boolean again = false; ; again = true) {
            var stat = new Stat();
            var old = client.getData().storingStatIn(stat).forPath(path);
            // The write before may have arrived although its answer was lost.
            if (again && endsWith(old, line)) return;
            if (again) conflicts++;
            try {
                write(operations(old, line, stat.getVersion(), lockNode));
                return;
            } catch (KeeperException.BadVersionException somebodyElse) {
                // Read again.
            }
        }
    }

    private List<Op> operations(byte[] old, byte[] line, int version, String lockNode) {
        var operations = new ArrayList<Op>();
        if (guarded) operations.add(Op.check(lockNode, -1));
        boolean isFull = old.length + line.length > BYTES_MAX;
        if (isFull) {
            var mode = CreateMode.PERSISTENT_SEQUENTIAL;
            operations.add(Op.create(path + "/part-", old, ZooDefs.Ids.OPEN_ACL_UNSAFE, mode));
        }
        operations.add(Op.setData(path, isFull ? line : joined(old, line), version));
        return operations;
    }

    /** Curator's own transaction() does not run with a client of 3.4.6: a class is missing there. */
    private void write(List<Op> operations) throws Exception {
        var zooKeeper = client.getZookeeperClient();
        RetryLoop.callWithRetry(zooKeeper, () -> zooKeeper.getZooKeeper().multi(operations));
    }

    private static boolean endsWith(byte[] whole, byte[] end) {
        return whole.length >= end.length && Arrays.equals(Arrays.copyOfRange(whole, whole.length - end.length, whole.length), end);
    }

    private static byte[] joined(byte[] first, byte[] second) {
        var both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }
}
