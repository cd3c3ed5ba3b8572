package zk.interop;

import java.util.Iterator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.ErrorMode;
import org.apache.curator.framework.recipes.queue.MultiItem;
import org.apache.curator.framework.recipes.queue.QueueBase;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.state.ConnectionState;

/** DistributedQueue and those built on it, and SimpleDistributedQueue. */
final class Queues {
    private Queues() {}

    /** Items are bytes as they are. */
    private static final QueueSerializer<byte[]> RAW = new QueueSerializer<byte[]>() {
        @Override
        public byte[] serialize(byte[] item) {
            return item;
        }

        @Override
        public byte[] deserialize(byte[] bytes) {
            return bytes;
        }
    };

    static Handle distributed(CuratorFramework client, String path, Arguments options) throws Exception {
        var consumer = options.flag("consume", true) ? new Consumer(options.flag("manual", false)) : null;
        var builder = QueueBuilder.builder(client, consumer, RAW, path).putInBackground(false);
        if (options.has("lockPath")) builder.lockPath(options.text("lockPath"));
        var handle = new Handle();
        QueueBase<byte[]> queue;
        switch (options.text("kind", "fifo")) {
            case "fifo":
                queue = fifo(builder.buildQueue(), handle);
                break;
            case "id":
                queue = withIds(builder.buildIdQueue(), handle);
                break;
            case "priority":
                queue = priority(builder.buildPriorityQueue(0), handle);
                break;
            case "delay":
                queue = delay(builder.buildDelayQueue(), handle);
                break;
            default:
                throw new UnsupportedOperationException("no such kind of queue: " + options.text("kind"));
        }
        boolean requeue = options.text("onFailure", "requeue").equals("requeue");
        if (options.has("lockPath")) queue.setErrorMode(requeue ? ErrorMode.REQUEUE : ErrorMode.DELETE);
        queue.start();
        if (consumer != null) {
            handle.inTurn("take", arguments -> consumer.take(arguments.timeoutMs()));
            handle.aside("acknowledge", arguments -> consumer.acknowledge(arguments.flag("ok", true)));
        }
        return handle.ending(queue::close);
    }

    private static QueueBase<byte[]> fifo(DistributedQueue<byte[]> queue, Handle handle) {
        handle.inTurn("put", arguments -> {
            var items = arguments.manyBytes("items");
            if (items.size() == 1) queue.put(items.get(0));
            else queue.putMulti(several(items));
            return null;
        });
        return queue;
    }

    private static QueueBase<byte[]> withIds(DistributedIdQueue<byte[]> queue, Handle handle) {
        handle.inTurn("put", arguments -> {
            for (var item : arguments.manyBytes("items")) queue.put(item, arguments.text("itemId"));
            return null;
        });
        handle.inTurn("removeById", arguments -> queue.remove(arguments.text("itemId")));
        return queue;
    }

    private static QueueBase<byte[]> priority(DistributedPriorityQueue<byte[]> queue, Handle handle) {
        handle.inTurn("put", arguments -> {
            int priority = arguments.integer("priority", 0);
            var items = arguments.manyBytes("items");
            if (items.size() == 1) queue.put(items.get(0), priority);
            else queue.putMulti(several(items), priority);
            return null;
        });
        return queue;
    }

    private static QueueBase<byte[]> delay(DistributedDelayQueue<byte[]> queue, Handle handle) {
        handle.inTurn("put", arguments -> {
            long due = arguments.whole("dueMs", 0);
            var items = arguments.manyBytes("items");
            if (items.size() == 1) queue.put(items.get(0), due);
            else queue.putMulti(several(items), due);
            return null;
        });
        return queue;
    }

    static Handle simple(CuratorFramework client, String path, Arguments options) {
        var queue = new SimpleDistributedQueue(client, path);
        return new Handle()
            .inTurn("put", arguments -> {
                for (var item : arguments.manyBytes("items")) queue.offer(item);
                return null;
            })
            .inTurn("take", arguments -> {
                long limit = arguments.timeoutMs();
                return limit < 0 ? queue.take() : queue.poll(limit, TimeUnit.MILLISECONDS);
            })
            .inTurn("peek", arguments -> queue.peek());
    }

    private static MultiItem<byte[]> several(List<byte[]> items) {
        Iterator<byte[]> each = items.iterator();
        return () -> each.hasNext() ? each.next() : null;
    }

    /** Keeps what comes until it is asked for. With `manual` an item counts as worked on only when that is said. */
    private static final class Consumer implements QueueConsumer<byte[]> {
        private final BlockingQueue<byte[]> arrived = new LinkedBlockingQueue<>();
        private final BlockingQueue<Boolean> verdicts = new SynchronousQueue<>();
        private final boolean manual;

        Consumer(boolean manual) {
            this.manual = manual;
        }

        @Override
        public void consumeMessage(byte[] item) throws Exception {
            arrived.put(item);
            if (manual && !verdicts.take()) throw new IllegalStateException("the consumer was told to fail");
        }

        byte[] take(long limitMs) throws InterruptedException {
            return limitMs < 0 ? arrived.take() : arrived.poll(limitMs, TimeUnit.MILLISECONDS);
        }

        boolean acknowledge(boolean ok) throws InterruptedException {
            return verdicts.offer(ok, 5, TimeUnit.SECONDS);
        }

        @Override
        public void stateChanged(CuratorFramework client, ConnectionState state) {}
    }
}
