package zk.interop;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicInteger;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicNumber;
import org.apache.curator.framework.recipes.atomic.PromotedToLock;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedValue;
import org.apache.curator.retry.RetryNTimes;

/** SharedCount, SharedValue and the atomic numbers. */
final class Values {
    private Values() {}

    static Handle sharedCount(CuratorFramework client, String path, Arguments options) throws Exception {
        var count = new SharedCount(client, path, options.integer("seed", 0));
        count.start();
        return new Handle()
            .aside("get", arguments -> count.getCount())
            .inTurn("set", arguments -> {
                count.setCount(arguments.integer("value", 0));
                return null;
            })
            .inTurn("trySet", arguments -> count.trySetCount(count.getVersionedValue(), arguments.integer("value", 0)))
            .inTurn("add", arguments -> {
                for (;;) {
                    var before = count.getVersionedValue();
                    int after = before.getValue() + arguments.integer("by", 1);
                    if (count.trySetCount(before, after)) return after;
                }
            })
            .ending(count::close);
    }

    static Handle sharedValue(CuratorFramework client, String path, Arguments options) throws Exception {
        var value = new SharedValue(client, path, options.bytes("seed"));
        value.start();
        return new Handle()
            .aside("get", arguments -> value.getValue())
            .inTurn("set", arguments -> {
                value.setValue(arguments.bytes("value"));
                return null;
            })
            .inTurn("trySet", arguments -> value.trySetValue(value.getVersionedValue(), arguments.bytes("value")))
            .ending(value::close);
    }

    static Handle atomicLong(CuratorFramework client, String path, Arguments options) throws Exception {
        var retry = new RetryNTimes(options.integer("tries", 50), 10);
        var number = promotion(options) == null
            ? new DistributedAtomicLong(client, path, retry)
            : new DistributedAtomicLong(client, path, retry, promotion(options));
        return atomic(number, Long::valueOf).inTurn("compareAndSet", arguments -> said(
            number.compareAndSet(arguments.whole("expected", 0), arguments.whole("value", 0))));
    }

    static Handle atomicInteger(CuratorFramework client, String path, Arguments options) throws Exception {
        var retry = new RetryNTimes(options.integer("tries", 50), 10);
        var number = promotion(options) == null
            ? new DistributedAtomicInteger(client, path, retry)
            : new DistributedAtomicInteger(client, path, retry, promotion(options));
        return atomic(number, value -> (int) value).inTurn("compareAndSet", arguments -> said(
            number.compareAndSet((int) arguments.whole("expected", 0), (int) arguments.whole("value", 0))));
    }

    private interface Sized<T> {
        T of(long value);
    }

    private static <T> Handle atomic(DistributedAtomicNumber<T> number, Sized<T> sized) {
        return new Handle()
            .inTurn("get", arguments -> said(number.get()))
            .inTurn("add", arguments -> said(number.add(sized.of(arguments.whole("by", 1)))))
            .inTurn("initialize", arguments -> number.initialize(sized.of(arguments.whole("value", 0))))
            .inTurn("set", arguments -> {
                number.forceSet(sized.of(arguments.whole("value", 0)));
                return null;
            });
    }

    private static PromotedToLock promotion(Arguments options) {
        if (!options.has("promoteAt")) return null;
        return PromotedToLock.builder()
            .lockPath(options.text("promoteAt"))
            .timeout(30, TimeUnit.SECONDS)
            .retryPolicy(new RetryNTimes(50, 10))
            .build();
    }

    /** As 64-bit numbers, whatever the width. */
    private static <T> Map<String, Object> said(AtomicValue<T> value) {
        var said = new LinkedHashMap<String, Object>();
        said.put("succeeded", value.succeeded());
        said.put("before", wide(value.preValue()));
        said.put("after", wide(value.postValue()));
        said.put("promoted", value.getStats().getPromotedLockTries() > 0);
        return said;
    }

    private static Object wide(Object value) {
        return value == null ? null : (Object) ((Number) value).longValue();
    }
}
