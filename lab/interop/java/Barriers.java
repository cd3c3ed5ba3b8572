package zk.interop;

import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;

/** DistributedBarrier and DistributedDoubleBarrier. */
final class Barriers {
    private Barriers() {}

    static Handle barrier(CuratorFramework client, String path, Arguments options) {
        var barrier = new DistributedBarrier(client, path);
        return new Handle()
            .aside("set", arguments -> {
                barrier.setBarrier();
                return null;
            })
            .aside("remove", arguments -> {
                barrier.removeBarrier();
                return null;
            })
            .inTurn("wait", arguments -> {
                long limit = arguments.timeoutMs();
                if (limit >= 0) return barrier.waitOnBarrier(limit, TimeUnit.MILLISECONDS);
                barrier.waitOnBarrier();
                return true;
            });
    }

    static Handle doubleBarrier(CuratorFramework client, String path, Arguments options) {
        var barrier = new DistributedDoubleBarrier(client, path, options.integer("members", 1));
        return new Handle()
            .inTurn("enter", arguments -> {
                long limit = arguments.timeoutMs();
                if (limit >= 0) return barrier.enter(limit, TimeUnit.MILLISECONDS);
                barrier.enter();
                return true;
            })
            .inTurn("leave", arguments -> {
                long limit = arguments.timeoutMs();
                if (limit >= 0) return barrier.leave(limit, TimeUnit.MILLISECONDS);
                barrier.leave();
                return true;
            });
    }
}
