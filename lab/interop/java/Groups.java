package zk.interop;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.ServiceType;
import org.apache.curator.x.discovery.UriSpec;
import org.apache.curator.x.discovery.details.JsonInstanceSerializer;
import org.apache.curator.x.discovery.strategies.RandomStrategy;
import org.apache.curator.x.discovery.strategies.RoundRobinStrategy;
import org.apache.curator.x.discovery.strategies.StickyStrategy;

/** GroupMember, ServiceDiscovery and its provider. */
final class Groups {
    private Groups() {}

    static Handle member(CuratorFramework client, String path, Arguments options) throws Exception {
        var id = options.text("identity");
        var member = options.has("payload")
            ? new GroupMember(client, path, id, options.bytes("payload"))
            : new GroupMember(client, path, id);
        member.start();
        return new Handle()
            .aside("members", arguments -> new LinkedHashMap<>(member.getCurrentMembers()))
            .inTurn("setPayload", arguments -> {
                member.setThisData(arguments.bytes("payload"));
                return null;
            })
            .ending(member::close);
    }

    static Handle discovery(CuratorFramework client, String path, Arguments options) throws Exception {
        return discoveryOf(typeOf(options), client, path, options);
    }

    static Handle provider(CuratorFramework client, String path, Arguments options) throws Exception {
        return providerOf(typeOf(options), client, path, options);
    }

    private static <T> Handle discoveryOf(Class<T> type, CuratorFramework client, String path, Arguments options)
        throws Exception {
        var discovery = start(type, client, path, options);
        return new Handle()
            .inTurn("register", arguments -> {
                discovery.registerService(instance(type, arguments));
                return null;
            })
            .inTurn("update", arguments -> {
                discovery.updateService(instance(type, arguments));
                return null;
            })
            .inTurn("unregister", arguments -> {
                discovery.unregisterService(instance(type, arguments));
                return null;
            })
            .aside("names", arguments -> new ArrayList<>(discovery.queryForNames()))
            .aside("instances", arguments -> {
                var all = new ArrayList<Object>();
                for (var each : discovery.queryForInstances(arguments.text("name"))) all.add(described(each));
                return all;
            })
            .ending(discovery::close);
    }

    private static <T> Handle providerOf(Class<T> type, CuratorFramework client, String path, Arguments options)
        throws Exception {
        var discovery = start(type, client, path, options);
        var builder = discovery.serviceProviderBuilder().serviceName(options.text("name"));
        switch (options.text("strategy", "roundRobin")) {
            case "random":
                builder.providerStrategy(new RandomStrategy<T>());
                break;
            case "sticky":
                builder.providerStrategy(new StickyStrategy<T>(new RandomStrategy<T>()));
                break;
            default:
                builder.providerStrategy(new RoundRobinStrategy<T>());
        }
        var provider = builder.build();
        provider.start();
        return new Handle()
            .aside("instance", arguments -> {
                var one = provider.getInstance();
                return one == null ? null : described(one);
            })
            .aside("instances", arguments -> {
                var all = new ArrayList<Object>();
                for (var each : provider.getAllInstances()) all.add(described(each));
                return all;
            })
            .ending(() -> {
                provider.close();
                discovery.close();
            });
    }

    private static <T> ServiceDiscovery<T> start(Class<T> type, CuratorFramework client, String path, Arguments options)
        throws Exception {
        var builder = ServiceDiscoveryBuilder.builder(type).client(client).basePath(path);
        if (options.has("compatible"))
            builder.serializer(new JsonInstanceSerializer<>(type, options.flag("compatible", true)));
        var discovery = builder.build();
        discovery.start();
        return discovery;
    }

    @SuppressWarnings("unchecked")
    private static <T> Class<T> typeOf(Arguments options) {
        switch (options.text("payload", "any")) {
            case "map":
                return (Class<T>) (Class<?>) Map.class;
            case "string":
                return (Class<T>) String.class;
            case "none":
                return (Class<T>) Void.class;
            default:
                return (Class<T>) Object.class;
        }
    }

    private static <T> ServiceInstance<T> instance(Class<T> type, Arguments arguments) throws Exception {
        var builder = ServiceInstance.<T>builder().name(arguments.text("name"));
        if (arguments.has("id")) builder.id(arguments.text("id"));
        if (arguments.has("address")) builder.address(arguments.text("address"));
        if (arguments.has("port")) builder.port(arguments.integer("port", 0));
        if (arguments.has("sslPort")) builder.sslPort(arguments.integer("sslPort", 0));
        if (arguments.has("uriSpec")) builder.uriSpec(new UriSpec(arguments.text("uriSpec")));
        if (arguments.has("serviceType")) builder.serviceType(ServiceType.valueOf(arguments.text("serviceType")));
        if (arguments.has("enabled")) builder.enabled(arguments.flag("enabled", true));
        if (arguments.has("registrationTimeUTC")) builder.registrationTimeUTC(arguments.whole("registrationTimeUTC", 0));
        if (arguments.has("payload")) builder.payload(type.cast(arguments.plain("payload")));
        return builder.build();
    }

    private static <T> Map<String, Object> described(ServiceInstance<T> instance) {
        var said = new LinkedHashMap<String, Object>();
        said.put("name", instance.getName());
        said.put("id", instance.getId());
        said.put("address", instance.getAddress());
        said.put("port", instance.getPort());
        said.put("sslPort", instance.getSslPort());
        said.put("payload", instance.getPayload());
        said.put("registrationTimeUTC", instance.getRegistrationTimeUTC());
        said.put("serviceType", instance.getServiceType().name());
        said.put("uri", instance.getUriSpec() == null ? null : instance.buildUriSpec());
        said.put("enabled", instance.isEnabled());
        return said;
    }
}
