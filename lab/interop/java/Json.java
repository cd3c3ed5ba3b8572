package zk.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/** JSON with the two things that it lacks: bytes are {"$bytes": base64}, 64-bit numbers are {"$bigint": digits}. */
final class Json {
    static final String BYTES = "$bytes";
    static final String BIGINT = "$bigint";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Json() {}

    static JsonNode parse(String line) throws Exception {
        return MAPPER.readTree(line);
    }

    static String text(Object value) {
        try {
            return MAPPER.writeValueAsString(node(value));
        } catch (Exception failure) {
            throw new IllegalStateException(failure);
        }
    }

    /** A value of the other side as plain Java: maps, lists, texts, numbers, bytes. */
    static Object plain(JsonNode node) throws Exception {
        if (node == null || node.isNull()) return null;
        if (node.has(BYTES)) return Base64.getDecoder().decode(node.get(BYTES).asText());
        if (node.has(BIGINT)) return Long.parseLong(node.get(BIGINT).asText());
        if (node.isObject()) {
            var map = new LinkedHashMap<String, Object>();
            for (var fields = node.fields(); fields.hasNext(); ) {
                var field = fields.next();
                map.put(field.getKey(), plain(field.getValue()));
            }
            return map;
        }
        if (node.isArray()) {
            var list = new ArrayList<Object>();
            for (var each : node) list.add(plain(each));
            return list;
        }
        if (node.isTextual()) return node.asText();
        if (node.isBoolean()) return node.asBoolean();
        return node.isIntegralNumber() ? (Object) node.asInt() : (Object) node.asDouble();
    }

    private static JsonNode node(Object value) {
        var make = JsonNodeFactory.instance;
        if (value == null) return make.nullNode();
        if (value instanceof byte[]) return make.objectNode().put(BYTES, Base64.getEncoder().encodeToString((byte[]) value));
        if (value instanceof Long) return make.objectNode().put(BIGINT, value.toString());
        if (value instanceof Integer) return make.numberNode((Integer) value);
        if (value instanceof Double) return make.numberNode((Double) value);
        if (value instanceof Boolean) return make.booleanNode((Boolean) value);
        if (value instanceof Map) {
            var object = make.objectNode();
            ((Map<?, ?>) value).forEach((key, each) -> object.set(String.valueOf(key), node(each)));
            return object;
        }
        if (value instanceof Collection) {
            var array = make.arrayNode();
            ((Collection<?>) value).forEach(each -> array.add(node(each)));
            return array;
        }
        return make.textNode(String.valueOf(value));
    }
}
