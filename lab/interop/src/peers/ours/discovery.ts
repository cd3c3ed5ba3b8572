/** Our service discovery in the words of the interface. */
import {
  type NewInstance,
  randomStrategy,
  roundRobin,
  ServiceDiscovery,
  type ServiceInstance,
  type ServiceRegistration,
  sticky,
} from "@zk/recipes";
import { PeerError } from "../errors.js";
import type * as words from "../recipes.js";
import { closing } from "./held.js";
import type { OurSession } from "./locks.js";

const strategies = { roundRobin, random: randomStrategy, sticky } as const;

export function openDiscovery(
  session: OurSession,
  path: string,
  options: words.PayloadOptions,
): words.Discovery {
  const discovery = discoveryOf(session, path, options);
  const registered = new Map<string, ServiceRegistration>();
  const registrationOf = ({ name, id }: words.ServiceInstance): ServiceRegistration => {
    const registration = registered.get(`${name}/${id}`);
    if (registration === undefined) throw new PeerError("FAILED", `${name}/${id} is not registered here`);
    return registration;
  };
  return {
    register: async (instance) => {
      const registration = await discovery.register(given(instance));
      const { name, id } = registration.instance;
      registered.set(`${name}/${id}`, registration);
    },
    update: async (instance) => {
      const {
        name: _,
        id: _id,
        serviceType: _type,
        registrationTimeUTC: _time,
        ...changes
      } = given(instance);
      await registrationOf(instance).update(changes);
    },
    unregister: async (instance) => void (await registrationOf(instance).unregister()),
    names: () => discovery.names(),
    instances: async ({ name }) => (await discovery.instances(name)).map((each) => told(discovery, each)),
    ...closing(() => discovery.close()),
  };
}

export async function openServiceProvider(
  session: OurSession,
  path: string,
  { name, strategy = "roundRobin", ...options }: words.OptionsOf<"serviceProvider">,
): Promise<words.ServiceProvider> {
  const discovery = discoveryOf(session, path, options);
  const provider = discovery.provider(name, { strategy: strategies[strategy]() });
  await provider.ready;
  return {
    instance: async () => {
      const picked = provider.pick();
      return picked === undefined ? null : told(discovery, picked);
    },
    instances: async () => provider.available.map((each) => told(discovery, each)),
    ...closing(() => discovery.close()),
  };
}

/** Without the compatible form the field `enabled` is always there, as in Curator. */
function discoveryOf(
  { client }: OurSession,
  path: string,
  { compatible = true }: words.PayloadOptions,
): ServiceDiscovery {
  return new ServiceDiscovery(client, path, compatible ? {} : { writesEnabled: true });
}

/** What is null is left out: both mean that there is none. */
function given({ name, registrationTimeUTC, ...instance }: words.ServiceInstance): NewInstance<unknown> {
  const { payload } = instance;
  const isMap = typeof payload === "object" && payload !== null;
  return {
    ...Object.fromEntries(Object.entries(instance).filter(([, value]) => value !== null)),
    ...(isMap ? { javaClass: "java.util.LinkedHashMap" } : {}),
    ...(registrationTimeUTC === undefined ? {} : { registrationTimeUTC: Number(registrationTimeUTC) }),
    name,
  };
}

function told(discovery: ServiceDiscovery, instance: ServiceInstance): words.ServiceInstance {
  const { javaClass: _, registrationTimeUTC, uriSpec, ...rest } = instance;
  const uri = uriSpec === null ? null : discovery.uriOf(instance);
  return { ...rest, uriSpec, uri, registrationTimeUTC: BigInt(registrationTimeUTC) };
}
