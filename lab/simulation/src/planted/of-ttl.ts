/** Faults in znodes that outlive their sessions. */
import { type Plant, plantsIn } from "./plant.js";

const inTtlNode = plantsIn("ttl-node");

export const OF_TTL: readonly Plant[] = [
  inTtlNode(
    "touched-too-late",
    "a znode is touched once in twice its time to live",
    "nodes/persistent-ttl-node.ts",
    "      this.#touchAtMs = client.clock.nowMs() + this.#touchEveryMs;\n",
    "      this.#touchAtMs = client.clock.nowMs() + 2 * this.#options.ttlMs;\n",
  ),
  inTtlNode(
    "touch-takes-data-back",
    "a touch writes what it has read over what was set in between",
    "nodes/ttl-znode.ts",
    'client.setData(path, data, { ...call, version, retry: "always" })',
    'client.setData(path, data, { ...call, retry: "always" })',
  ),
  inTtlNode(
    "replacement-removed",
    "a keeper that closes removes what took the place of its znode",
    "nodes/ttl-znode.ts",
    "    return stat?.czxid === kept.czxid ? stat : undefined;\n",
    "    return stat ?? undefined;\n",
  ),
  inTtlNode(
    "made-by-another-removed",
    "who gives up while the answer to its create is lost removes what another made there meanwhile",
    "nodes/ttl-znode.ts",
    "      stat.version === 0 &&\n      stat.ephemeralOwner === 0n &&\n      lost.data.some((each) => isSame(data, each));\n",
    "      stat.ephemeralOwner === 0n;\n",
  ),
  inTtlNode(
    "lost-znode-left",
    "who gives up while the answer to its create is lost leaves what that has made",
    "nodes/ttl-znode.ts",
    "        this.#lost = { afterZxid,",
    "        this.#lost = afterZxid < 0n ? undefined : { afterZxid: 1n << 62n,",
  ),
  inTtlNode(
    "taken-over-says-what-it-said",
    "what lay there already keeps the data of an earlier life",
    "nodes/persistent-ttl-node.ts",
    "    const isForeign = adopted && !this.#adoptsData;\n",
    "    const isForeign = false;\n",
  ),
  inTtlNode(
    "removal-unheard",
    "a keeper hears that its znode is gone when it is to touch it",
    "nodes/persistent-ttl-node.ts",
    "        this.#client.getData(this.path, { ...call, watch }),\n",
    "        this.#client.getData(this.path, call),\n",
  ),
];
