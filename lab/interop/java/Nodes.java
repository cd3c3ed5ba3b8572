package zk.interop;

import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.zookeeper.CreateMode;

/** PersistentNode. */
final class Nodes {
    private Nodes() {}

    static Handle persistent(CuratorFramework client, String path, Arguments options) throws Exception {
        var naming = options.text("naming", "plain");
        var mode = "sequential".equals(naming) ? CreateMode.EPHEMERAL_SEQUENTIAL : CreateMode.EPHEMERAL;
        var node = new PersistentNode(client, mode, !"plain".equals(naming), path, options.bytes("data"));
        node.start();
        return new Handle()
            .inTurn("awaitCreated", arguments -> {
                long limit = arguments.timeoutMs();
                return node.waitForInitialCreate(limit < 0 ? Long.MAX_VALUE : limit, TimeUnit.MILLISECONDS);
            })
            .aside("node", arguments -> node.getActualPath())
            .inTurn("setData", arguments -> {
                node.setData(arguments.bytes("data"));
                return null;
            })
            .ending(node::close);
    }
}
