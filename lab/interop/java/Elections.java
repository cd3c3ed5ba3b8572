package zk.interop;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.leader.Participant;

/** LeaderLatch and LeaderSelector. */
final class Elections {
    private Elections() {}

    static Handle latch(CuratorFramework client, String path, Arguments options) throws Exception {
        var latch = new LeaderLatch(client, path, options.text("identity", ""));
        latch.start();
        return new Handle()
            .inTurn("awaitLeadership", arguments -> {
                long limit = arguments.timeoutMs();
                if (limit >= 0) return latch.await(limit, TimeUnit.MILLISECONDS);
                latch.await();
                return true;
            })
            .aside("isLeader", arguments -> latch.hasLeadership())
            .aside("contenders", arguments -> described(latch.getParticipants()))
            .aside("node", arguments -> latch.getOurPath())
            .ending(() -> {
                if (latch.getState() != LeaderLatch.State.STARTED) return;
                latch.close();
                letItTakeBack(client);
            });
    }

    /**
     * A latch that is closed while it reads who contends takes its znode for lost, makes another, and removes that when it hears of
     * it. Each of these is begun by the answer to the one before; three answers later all of it is over.
     */
    private static void letItTakeBack(CuratorFramework client) throws Exception {
        for (int turn = 0; turn < 3; turn++) {
            var answered = new CountDownLatch(1);
            client.sync().inBackground((ignored, event) -> answered.countDown()).forPath("/");
            // Without a server nothing of it happens either.
            if (!answered.await(2, TimeUnit.SECONDS)) return;
        }
    }

    static Handle selector(CuratorFramework client, String path, Arguments options) {
        Locks.refuseOtherNames(options);
        var term = new Term();
        var selector = new LeaderSelector(client, path, term);
        selector.setId(options.text("identity", ""));
        if (options.flag("requeue", false)) selector.autoRequeue();
        selector.start();
        return new Handle()
            .inTurn("awaitLeadership", arguments -> term.await(arguments.timeoutMs()))
            .aside("isLeader", arguments -> term.isLeading())
            .aside("terms", arguments -> term.count())
            .aside("resign", arguments -> {
                term.resign();
                return null;
            })
            .aside("contenders", arguments -> described(selector.getParticipants()))
            .ending(selector::close);
    }

    private static List<Map<String, Object>> described(Iterable<Participant> participants) {
        var all = new ArrayList<Map<String, Object>>();
        for (var each : participants) {
            var said = new LinkedHashMap<String, Object>();
            said.put("identity", each.getId());
            said.put("isLeader", each.isLeader());
            all.add(said);
        }
        return all;
    }

    /** Leads from the moment at which it is told to, until it is told to resign or is interrupted. */
    private static final class Term extends LeaderSelectorListenerAdapter {
        private boolean leading;
        private boolean resigning;
        private int count;

        @Override
        public synchronized void takeLeadership(CuratorFramework client) throws InterruptedException {
            leading = true;
            resigning = false;
            count++;
            notifyAll();
            try {
                while (!resigning) wait();
            } finally {
                leading = false;
                notifyAll();
            }
        }

        synchronized boolean await(long limitMs) throws InterruptedException {
            long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(limitMs);
            while (!leading) {
                if (limitMs < 0) {
                    wait();
                    continue;
                }
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0) return false;
                wait(left);
            }
            return true;
        }

        synchronized boolean isLeading() {
            return leading;
        }

        synchronized int count() {
            return count;
        }

        synchronized void resign() throws InterruptedException {
            resigning = true;
            notifyAll();
            while (leading) wait();
        }
    }
}
