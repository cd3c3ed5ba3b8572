package zk.interop;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;

/** Takes a mutex again and again, and writes into one log when it enters and when it leaves. See src/peers/hammer-log.ts. */
final class Hammer {
    private Hammer() {}

    static Map<String, Object> run(CuratorFramework client, InterProcessMutex mutex, Arguments plan) throws Exception {
        var log = new HammerLog(client, plan.text("logPath"), plan.flag("guarded", false));
        var holder = plan.text("holder");
        long limit = plan.whole("roundTimeoutMs", 60_000);
        int rounds = plan.integer("rounds", 1);
        var until = plan.text("untilPath", null);
        int acquired = 0;
        while (acquired < rounds || (until != null && client.checkExists().forPath(until) == null)) {
            if (!mutex.acquire(limit, TimeUnit.MILLISECONDS))
                throw new IllegalStateException("the mutex was not to be had within " + limit + " ms");
            try {
                var node = Locks.lockPath(mutex);
                var stat = client.checkExists().forPath(node);
                if (stat == null) throw new IllegalStateException("holds the mutex, and its znode is gone: " + node);
                var sequence = node.substring(node.length() - 10);
                log.mark("+ " + holder + " " + sequence + " " + stat.getCzxid() + "\n", node);
                log.mark("- " + holder + " " + sequence + "\n", node);
            } finally {
                mutex.release();
            }
            acquired++;
        }
        var said = new LinkedHashMap<String, Object>();
        said.put("acquired", acquired);
        said.put("conflicts", log.conflicts());
        return said;
    }
}
