package zk.interop;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.curator.framework.CuratorFramework;

/** Which recipe is opened how. The names are those of lab/interop/src/peers/recipes.ts. */
final class Recipes {
    /** Makes an object of a recipe. */
    interface Opening {
        Handle open(CuratorFramework client, String path, Arguments options) throws Exception;
    }

    private static final Map<String, Opening> OPENINGS = new LinkedHashMap<>();

    static {
        OPENINGS.put("mutex", Locks::mutex);
        OPENINGS.put("semaphoreMutex", Locks::semaphoreMutex);
        OPENINGS.put("readWriteLock", Locks::readWriteLock);
        OPENINGS.put("multiLock", Locks::multiLock);
        OPENINGS.put("semaphore", Locks::semaphore);
        OPENINGS.put("latch", Elections::latch);
        OPENINGS.put("election", Elections::selector);
        OPENINGS.put("barrier", Barriers::barrier);
        OPENINGS.put("doubleBarrier", Barriers::doubleBarrier);
        OPENINGS.put("sharedCount", Values::sharedCount);
        OPENINGS.put("sharedValue", Values::sharedValue);
        OPENINGS.put("atomicLong", Values::atomicLong);
        OPENINGS.put("atomicInteger", Values::atomicInteger);
        OPENINGS.put("curatorQueue", Queues::distributed);
        OPENINGS.put("simpleQueue", Queues::simple);
        OPENINGS.put("groupMember", Groups::member);
        OPENINGS.put("persistentNode", Nodes::persistent);
        OPENINGS.put("discovery", Groups::discovery);
        OPENINGS.put("serviceProvider", Groups::provider);
    }

    private Recipes() {}

    static Collection<String> names() {
        return OPENINGS.keySet();
    }

    static Handle open(String recipe, CuratorFramework client, String path, Arguments options) throws Exception {
        var opening = OPENINGS.get(recipe);
        if (opening == null) throw new UnsupportedOperationException("Curator has no " + recipe);
        return opening.open(client, path, options);
    }
}
