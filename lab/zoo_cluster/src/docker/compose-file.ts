/**
 * compose.yaml, for who only wants `docker compose up`: the lab's three servers, from the same plan as the lab's own
 * containers. It is committed; a test holds it equal.
 */
import type { EnsembleSpec } from "../ensemble/layout.js";
import { loopback } from "../ports/port-test.js";
import { defaultVersion } from "../release/version.js";
import { pulledBaseImage } from "./base-image.js";
import {
  containerData,
  containerPlan,
  containerPorts,
  planContainers,
  stopGraceSeconds,
} from "./container-plan.js";
import { buildArguments, serverImageName } from "./server-image.js";

/** Client ports of the servers; people expect them there. */
const clientPorts = [2181, 2182, 2183] as const;
/** Milliseconds of a tick, as in ZooKeeper's own sample. */
const tickTimeMs = 2_000;
/** First three numbers of the servers' addresses: compose cannot ask the engine for a range that is free. */
const network = `\${ZK_LAB_NET:-10.246.46}`;

/** The text. */
export function composeFile(): string {
  const spec: EnsembleSpec = {
    name: "compose",
    version: defaultVersion,
    dir: "",
    tickTimeMs,
    javaFlags: [],
    config: {},
    ownScripts: false,
    servers: planContainers(clientPorts, loopback),
  };
  const addresses = spec.servers.map(({ id }) => `${network}.${10 + id}`);
  const services = spec.servers.flatMap((server) => {
    const { hostname, environment, hosts, address, publishedPort } = containerPlan(spec, server, addresses);
    const { ZK_LAB_CONFIG: config = "", ...others } = environment;
    return [
      `  ${hostname}:`,
      "    <<: *server",
      `    hostname: ${hostname}`,
      "    environment:",
      ...Object.entries(others).map(([key, value]) => `      ${key}: ${JSON.stringify(value)}`),
      "      ZK_LAB_CONFIG: |",
      ...config
        .trimEnd()
        .split("\n")
        .map((line) => `        ${line}`),
      "    ports:",
      `      - "${loopback}:${publishedPort}:${containerPorts.client}"`,
      "    extra_hosts:",
      ...Object.entries(hosts).map(([name, at]) => `      - "${name}:${at}"`),
      "    networks:",
      "      servers:",
      `        ipv4_address: ${address}`,
      "    volumes:",
      `      - data${server.id}:${containerData}`,
    ];
  });
  const lines = [
    "# Three ZooKeeper servers on 127.0.0.1:2181-2183: docker compose up --wait",
    "#",
    "# Made by lab/zoo_cluster/src/docker/compose-file.ts; change that. The lab (pnpm lab:up --docker) runs the same containers and",
    "# can kill, pause and repair them.",
    "#",
    "#   ZK_LAB_BASE_IMAGE  the image with Java to build on, where the default cannot be pulled",
    "#   ZK_LAB_NET         another range for the servers' addresses, as its first three numbers",
    "x-server: &server",
    `  image: ${serverImageName}:${defaultVersion}`,
    "  build:",
    "    context: lab/zoo_cluster",
    "    dockerfile: docker/Dockerfile",
    "    args:",
    `      BASE_IMAGE: \${ZK_LAB_BASE_IMAGE:-${pulledBaseImage}}`,
    ...Object.entries(buildArguments(defaultVersion)).map(
      ([key, value]) => `      ${key}: ${JSON.stringify(value)}`,
    ),
    "  cap_drop: [ALL]",
    '  security_opt: ["no-new-privileges"]',
    `  stop_grace_period: ${stopGraceSeconds}s`,
    "services:",
    ...services,
    "networks:",
    "  servers:",
    "    ipam:",
    "      config:",
    `        - subnet: ${network}.0/24`,
    "volumes:",
    ...spec.servers.map(({ id }) => `  data${id}: {}`),
  ];
  return `${lines.join("\n")}\n`;
}
