import { describe, expect, it } from "vitest";
import { connectionStringOf, type EnsembleSpec, planServers, zooConfig } from "./layout.js";

const lease = [21_001, 21_002, 21_003, 21_004, 21_005, 21_006, 21_007, 21_008, 21_009];

function specOf(servers: EnsembleSpec["servers"], config: Record<string, string> = {}): EnsembleSpec {
  return {
    name: "test",
    version: "3.4.6",
    dir: "/lab",
    tickTimeMs: 500,
    javaFlags: [],
    config,
    ownScripts: false,
    servers,
  };
}

describe("planServers", () => {
  it("gives every server three ports of the lease, the clients' first", () => {
    const servers = planServers("/lab", "3.4.6", 3, null, lease);
    expect(connectionStringOf(servers)).toBe("127.0.0.1:21001,127.0.0.1:21002,127.0.0.1:21003");
    expect(servers.map(({ quorumPort, electionPort }) => [quorumPort, electionPort])).toEqual([
      [21_004, 21_005],
      [21_006, 21_007],
      [21_008, 21_009],
    ]);
    expect(servers.map(({ dir }) => dir)[2]).toBe("/lab/zookeeper3/zookeeper-3.4.6");
  });

  it("uses no port twice when the caller's ports lie in the lease", () => {
    const servers = planServers("/lab", "3.4.6", 3, [21_001, 21_005, 21_009], lease);
    const all = servers.flatMap((server) => [server.clientPort, server.quorumPort, server.electionPort]);
    expect(new Set(all).size).toBe(9);
    expect(servers.map(({ clientPort }) => clientPort)).toEqual([21_001, 21_005, 21_009]);
  });
});

describe("zooConfig", () => {
  it("has no server lines for one server alone", () => {
    const servers = planServers("/lab", "3.4.6", 1, null, lease);
    expect(zooConfig(specOf(servers), servers[0]!)).not.toMatch(/^server\./m);
  });

  it("lets settings of the caller win over the lab's suggestions, not over what the lab stands on", () => {
    const servers = planServers("/lab", "3.4.6", 3, null, lease);
    const text = zooConfig(specOf(servers, { syncLimit: "9", dataDir: "/elsewhere" }), servers[0]!);
    expect(text).toContain("\nsyncLimit=9\n");
    expect(text).toContain("\ndataDir=/lab/zookeeper1/zookeeper-3.4.6/data\n");
    expect(text.match(/^dataDir/gm)).toHaveLength(1);
  });

  it("writes a folder with a backslash or beyond ASCII as a Java properties file wants it", () => {
    const servers = planServers("/l\\b/Jürgen's 😀", "3.4.6", 1, null, lease);
    const text = zooConfig(specOf(servers), servers[0]!);
    expect(text).toContain("dataDir=/l\\\\b/J\\u00fcrgen's \\ud83d\\ude00/");
  });
});
