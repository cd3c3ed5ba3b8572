package zk.interop;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.BoundedExponentialBackoffRetry;

/** One CuratorFramework, as a careful user sets it up: it retries, and everything else is the library's own default. */
final class Session {
    private final CuratorFramework client;

    Session(Arguments arguments, Consumer<String> state) throws Exception {
        client = CuratorFrameworkFactory.builder()
            .connectString(arguments.text("connectionString"))
            .sessionTimeoutMs(arguments.integer("sessionTimeoutMs", 10_000))
            .connectionTimeoutMs(5_000)
            .retryPolicy(new BoundedExponentialBackoffRetry(50, 1_000, 10))
            .build();
        client.getConnectionStateListenable().addListener((of, is) -> state.accept(is.name()));
        client.start();
        if (!client.blockUntilConnected(30, TimeUnit.SECONDS)) {
            client.close();
            throw new IllegalStateException("no connection within 30 s to " + arguments.text("connectionString"));
        }
    }

    CuratorFramework client() {
        return client;
    }

    /** What somebody else needs to take the session over, and end it. */
    Map<String, Object> credentials() throws Exception {
        var said = new LinkedHashMap<String, Object>();
        var zooKeeper = client.getZookeeperClient().getZooKeeper();
        said.put("sessionId", zooKeeper.getSessionId());
        said.put("sessionPassword", zooKeeper.getSessionPasswd());
        return said;
    }

    void close() {
        client.close();
    }
}
