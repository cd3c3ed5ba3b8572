package zk.interop;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.framework.recipes.locks.StandardLockInternalsDriver;

/** InterProcessMutex and its kin. */
final class Locks {
    private Locks() {}

    static Handle mutex(CuratorFramework client, String path, Arguments options) {
        refuseOtherNames(options);
        boolean any = options.text("contenders", "own").equals("any");
        var driver = any ? new AnyDialectDriver() : new StandardLockInternalsDriver();
        var identity = options.identity();
        var mutex = new InterProcessMutex(client, path, driver) {
            @Override
            protected byte[] getLockNodeBytes() {
                return identity;
            }
        };
        var revocations = new AtomicInteger();
        if (options.flag("revocable", false)) mutex.makeRevocable(of -> revocations.incrementAndGet());
        return lock(client, mutex)
            .inTurn("node", arguments -> lockPath(mutex))
            .inTurn("hammer", plan -> Hammer.run(client, mutex, plan))
            .aside("contenders", arguments -> new ArrayList<>(mutex.getParticipantNodes()))
            .aside("revocations", arguments -> revocations.get())
            .aside("revoke", arguments -> {
                Revoker.attemptRevoke(client, arguments.text("node"));
                return null;
            });
    }

    static Handle semaphoreMutex(CuratorFramework client, String path, Arguments options) {
        return lock(client, new InterProcessSemaphoreMutex(client, path));
    }

    static Handle multiLock(CuratorFramework client, String path, Arguments options) {
        var paths = new ArrayList<String>();
        for (var each : options.texts("names")) paths.add(path + "/" + each);
        return lock(client, new InterProcessMultiLock(client, paths));
    }

    static Handle readWriteLock(CuratorFramework client, String path, Arguments options) {
        var identity = options.identity();
        var lock = identity == null
            ? new InterProcessReadWriteLock(client, path)
            : new InterProcessReadWriteLock(client, path, identity);
        InterProcessMutex read = lock.readLock();
        InterProcessMutex write = lock.writeLock();
        Side side = arguments -> arguments.text("side").equals("read") ? read : write;
        return new Handle()
            .inTurn("acquire", arguments -> acquire(side.of(arguments), arguments))
            .inTurn("release", arguments -> release(side.of(arguments)))
            .inTurn("node", arguments -> lockPath(side.of(arguments)))
            .aside("isHeld", arguments -> side.of(arguments).isAcquiredInThisProcess())
            .ending(() -> {
                releaseAll(read);
                releaseAll(write);
            });
    }

    private interface Side {
        InterProcessMutex of(Arguments arguments);
    }

    static Handle semaphore(CuratorFramework client, String path, Arguments options) {
        var semaphore = new InterProcessSemaphoreV2(client, path, options.integer("max", 1));
        if (options.identity() != null) semaphore.setNodeData(options.identity());
        Deque<Lease> leases = new ArrayDeque<>();
        return new Handle()
            .inTurn("acquire", arguments -> {
                int permits = arguments.integer("permits", 1);
                long limit = arguments.timeoutMs();
                var got = limit < 0
                    ? semaphore.acquire(permits)
                    : semaphore.acquire(permits, limit, TimeUnit.MILLISECONDS);
                if (got != null) leases.addAll(got);
                return got != null;
            })
            .inTurn("release", arguments -> {
                for (int left = arguments.integer("permits", 1); left > 0; left--) semaphore.returnLease(leases.pop());
                return null;
            })
            .inTurn("held", arguments -> leases.size())
            .aside("holders", arguments -> new ArrayList<>(semaphore.getParticipantNodes()))
            .ending(() -> semaphore.returnAll(leases));
    }

    private static Handle lock(CuratorFramework client, InterProcessLock lock) {
        return new Handle()
            .inTurn("acquire", arguments -> acquire(lock, arguments))
            .inTurn("release", arguments -> release(lock))
            .aside("isHeld", arguments -> lock.isAcquiredInThisProcess())
            .ending(() -> releaseAll(lock));
    }

    private static boolean acquire(InterProcessLock lock, Arguments arguments) throws Exception {
        long limit = arguments.timeoutMs();
        if (limit >= 0) return lock.acquire(limit, TimeUnit.MILLISECONDS);
        lock.acquire();
        return true;
    }

    private static Object release(InterProcessLock lock) throws Exception {
        lock.release();
        return null;
    }

    private static void releaseAll(InterProcessLock lock) throws Exception {
        while (lock.isAcquiredInThisProcess()) lock.release();
    }

    static void refuseOtherNames(Arguments options) {
        if (!options.text("dialect", "curator").equals("curator"))
            throw new UnsupportedOperationException("Curator writes its own names only");
    }

    /** Where the lock of this thread has its znode, or null. The method is for subclasses only. */
    static String lockPath(InterProcessMutex mutex) throws Exception {
        var method = InterProcessMutex.class.getDeclaredMethod("getLockPath");
        method.setAccessible(true);
        return (String) method.invoke(mutex);
    }
}
