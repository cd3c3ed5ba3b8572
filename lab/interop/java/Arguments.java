package zk.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** What came with a request, by name. */
final class Arguments {
    private final JsonNode node;

    Arguments(JsonNode node) {
        this.node = node == null || node.isNull() ? JsonNodeFactory.instance.objectNode() : node;
    }

    Arguments part(String name) {
        return new Arguments(node.get(name));
    }

    boolean has(String name) {
        return node.hasNonNull(name);
    }

    String text(String name) {
        if (!has(name)) throw new IllegalArgumentException("the argument " + name + " is missing");
        return node.get(name).asText();
    }

    String text(String name, String otherwise) {
        return has(name) ? node.get(name).asText() : otherwise;
    }

    boolean flag(String name, boolean otherwise) {
        return has(name) ? node.get(name).asBoolean() : otherwise;
    }

    int integer(String name, int otherwise) {
        return has(name) ? node.get(name).asInt() : otherwise;
    }

    /** A number that may be longer than a double holds. */
    long whole(String name, long otherwise) throws Exception {
        if (!has(name)) return otherwise;
        return ((Number) Json.plain(node.get(name))).longValue();
    }

    byte[] bytes(String name) throws Exception {
        if (!has(name)) throw new IllegalArgumentException("the argument " + name + " is missing");
        return (byte[]) Json.plain(node.get(name));
    }

    /** The identity that a contender writes into its znode, or null. */
    byte[] identity() {
        return has("identity") ? text("identity").getBytes(StandardCharsets.UTF_8) : null;
    }

    /** Milliseconds, or -1 for a wait without a limit. */
    long timeoutMs() throws Exception {
        return whole("timeoutMs", -1);
    }

    List<String> texts(String name) {
        var all = new ArrayList<String>();
        if (has(name)) for (var each : node.get(name)) all.add(each.asText());
        return all;
    }

    List<byte[]> manyBytes(String name) throws Exception {
        var all = new ArrayList<byte[]>();
        if (has(name)) for (var each : node.get(name)) all.add((byte[]) Json.plain(each));
        return all;
    }

    Object plain(String name) throws Exception {
        return Json.plain(node.get(name));
    }
}
