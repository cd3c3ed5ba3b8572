/** Faults in the discovery of services, among them those that other libraries had. */
import { type Plant, plantsIn } from "./plant.js";

const inDiscovery = plantsIn("discovery");

export const OF_SERVICES: readonly Plant[] = [
  inDiscovery(
    "turn-by-number",
    "one after the other is counted by places, which move when an instance comes or goes",
    "discovery/strategies.ts",
    "    const next = before === undefined ? undefined : instances.find(({ id }) => id > before);\n",
    "    const next = instances[(instances.findIndex(({ id }) => id === before) + 1) % instances.length];\n",
  ),
  inDiscovery(
    "sticky-moves-on",
    "whoever is to stay with an instance is given any of them each time",
    "discovery/strategies.ts",
    "    const picked = instances.find(({ id }) => id === kept) ?? first(instances, context);\n",
    "    const picked = first(instances, context);\n",
  ),
  inDiscovery(
    "disabled-offered",
    "an instance that does not want to be used is offered",
    "discovery/service-provider.ts",
    "      (instance) => instance.enabled && filters.every((filter) => filter(instance)),\n",
    "      (instance) => filters.every((filter) => filter(instance)),\n",
  ),
  inDiscovery(
    "failures-outlive-registration",
    "the failures of an instance that has died are counted for the one that came in its place",
    "discovery/service-cache.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    "      this.#keys.set(instance, `${path} ${stat.czxid}`);\n",
    "      this.#keys.set(instance, path);\n",
  ),
  inDiscovery(
    "failed-tried-again",
    "a use that failed is tried again with the same instance",
    "discovery/service-provider.ts",
    "this.available.filter((each) => !tried.has(this.#keyOf(each)))",
    "this.available",
  ),
  inDiscovery(
    "recovery-not-awaited",
    "who waits for an instance does not notice that one which was left alone may be used again",
    "discovery/service-provider.ts",
    "        ? clock.setTimer(inMs, () => recovery.abort())\n",
    "        ? clock.setTimer(inMs, () => {})\n",
  ),
  inDiscovery(
    "last-readable-shown",
    "an instance whose bytes mean nothing any more is shown as it was before",
    "discovery/service-cache.ts",
    '    else if ("node" in change) this.#take(change.path, this.#read(change.node));\n',
    '    else if ("node" in change) {\n      const read = this.#read(change.node);\n      if (read) this.#take(change.path, read);\n    }\n',
  ),
  inDiscovery(
    "sync-not-awaited",
    "a cache says that it has caught up as soon as it was read once",
    "discovery/service-cache.ts",
    "    await this.#cache.sync(options);\n",
    "    await this.#cache.ready;\n",
  ),
  inDiscovery(
    "taken-over-unnoticed",
    "an instance that takes the place of another has the same version, and what that one was about to write is written to it",
    "nodes/claimant.ts",
    "(version === 0 ? replacing.setData(path, bytes) : replacing)",
    "replacing",
  ),
  inDiscovery(
    "static-taken-out",
    "closing takes out static instances, which are to stay (Curator)",
    "discovery/registration.ts",
    "    if (this.#node !== undefined) await this.unregister();\n    else this.#end();\n",
    "    await this.unregister();\n",
  ),
];
