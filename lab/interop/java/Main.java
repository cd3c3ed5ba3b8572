package zk.interop;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Curator as a program that does what it is told: one JSON object a line on standard input, answers and events, one a line,
 * on standard output. The other side is lab/interop/src/peers/child.ts, which also says what the lines mean.
 *
 * It ends when its input ends: its sessions are closed, and after a few seconds it is gone whether they are or not.
 */
public final class Main {
    private static final long CLOSE_LIMIT_MS = 4_000;

    private final PrintStream out;
    private final Map<Integer, Session> sessions = new ConcurrentHashMap<>();
    private final Map<Integer, Handle> handles = new ConcurrentHashMap<>();
    private final AtomicInteger numbers = new AtomicInteger();
    private final ExecutorService pool = Executors.newCachedThreadPool(Handle::daemon);

    private Main(PrintStream out) {
        this.out = out;
    }

    public static void main(String[] words) throws Exception {
        // Standard output belongs to the protocol; whatever else a library prints goes to the log.
        var main = new Main(new PrintStream(System.out, true, "UTF-8"));
        System.setOut(System.err);
        main.run();
        Runtime.getRuntime().halt(0);
    }

    private void run() throws Exception {
        var hello = new LinkedHashMap<String, Object>();
        hello.put("event", "hello");
        hello.put("library", version(org.apache.curator.framework.CuratorFramework.class, "curator-framework"));
        hello.put("zookeeper", version(org.apache.zookeeper.ZooKeeper.class, "zookeeper"));
        hello.put("java", System.getProperty("java.version"));
        hello.put("address", InetAddress.getLocalHost().getHostAddress());
        hello.put("recipes", Recipes.names());
        say(hello);
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (var line = input.readLine(); line != null; line = input.readLine()) {
            var request = Json.parse(line);
            // Calls go out from here, so that those on one handle keep their order.
            if ("call".equals(request.path("op").asText())) serve(request);
            else pool.execute(() -> serve(request));
        }
        Future<?> closing = pool.submit(this::closeAll);
        try {
            closing.get(CLOSE_LIMIT_MS, TimeUnit.MILLISECONDS);
        } catch (Exception late) {
            System.err.println("curator: sessions were not closed in time: " + late);
        }
    }

    private void serve(JsonNode request) {
        int id = request.get("id").asInt();
        var arguments = new Arguments(request);
        try {
            switch (arguments.text("op")) {
                case "connect":
                    answer(id, connect(arguments));
                    break;
                case "session":
                    answer(id, session(arguments).credentials());
                    break;
                case "open":
                    answer(id, open(arguments));
                    break;
                case "call":
                    handle(arguments)
                        .call(
                            arguments.text("method"),
                            arguments.part("arguments"),
                            pool,
                            value -> answer(id, value),
                            failure -> refuse(id, failure));
                    break;
                case "release":
                    handle(arguments).close();
                    handles.remove(arguments.integer("handle", 0));
                    answer(id, null);
                    break;
                case "disconnect":
                    session(arguments).close();
                    sessions.remove(arguments.integer("session", 0));
                    answer(id, null);
                    break;
                default:
                    throw new IllegalArgumentException("no operation " + arguments.text("op"));
            }
        } catch (Throwable failure) {
            refuse(id, failure);
        }
    }

    private Object connect(Arguments arguments) throws Exception {
        int number = numbers.incrementAndGet();
        var session = new Session(arguments, state -> {
            var event = new LinkedHashMap<String, Object>();
            event.put("event", "state");
            event.put("session", number);
            event.put("state", state);
            say(event);
        });
        sessions.put(number, session);
        return number;
    }

    private Object open(Arguments arguments) throws Exception {
        int number = numbers.incrementAndGet();
        var opened = Recipes.open(
            arguments.text("recipe"),
            session(arguments).client(),
            arguments.text("path"),
            arguments.part("options"));
        handles.put(number, opened);
        return number;
    }

    private Session session(Arguments arguments) {
        var session = sessions.get(arguments.integer("session", 0));
        if (session == null) throw new IllegalArgumentException("no session " + arguments.integer("session", 0));
        return session;
    }

    private Handle handle(Arguments arguments) {
        var handle = handles.get(arguments.integer("handle", 0));
        if (handle == null) throw new IllegalArgumentException("no handle " + arguments.integer("handle", 0));
        return handle;
    }

    private void closeAll() {
        sessions.values().forEach(Session::close);
    }

    private void answer(int id, Object value) {
        var said = new LinkedHashMap<String, Object>();
        said.put("id", id);
        said.put("ok", true);
        said.put("value", value);
        say(said);
    }

    private void refuse(int id, Throwable failure) {
        var error = new LinkedHashMap<String, Object>();
        error.put("type", failure.getClass().getSimpleName());
        error.put("message", String.valueOf(failure.getMessage()));
        var said = new LinkedHashMap<String, Object>();
        said.put("id", id);
        said.put("error", error);
        say(said);
    }

    private synchronized void say(Map<String, Object> what) {
        out.println(Json.text(what));
    }

    /** From the name of the jar: the manifests of these releases do not all say it. */
    private static String version(Class<?> type, String artifact) {
        var place = type.getProtectionDomain().getCodeSource().getLocation().getPath();
        return place.replaceAll("^.*/" + artifact + "-|\\.jar$", "");
    }
}
