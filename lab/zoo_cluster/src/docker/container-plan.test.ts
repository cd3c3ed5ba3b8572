import { describe, expect, it } from "vitest";
import type { EnsembleSpec } from "../ensemble/layout.js";
import { addressesIn } from "./container-network.js";
import { unframe } from "./container-output.js";
import { containerPlan, planContainers } from "./container-plan.js";
import { containersOfLab } from "./containers.js";
import { volumeName } from "./names.js";
import { isOwnerAlive, ownedByLab, ownedByThisProcess } from "./owner.js";

function specOf(servers: number): EnsembleSpec {
  return {
    name: "plan",
    version: "3.4.6",
    dir: "/somewhere",
    tickTimeMs: 500,
    javaFlags: ["-Dmine=1"],
    config: { syncLimit: "9" },
    ownScripts: false,
    docker: containersOfLab("plan", "/somewhere", "/somewhere/.lab/state.json"),
    servers: planContainers(
      Array.from({ length: servers }, (_, index) => 4_001 + index),
      "127.0.0.1",
    ),
  };
}

describe("the plan of a container", () => {
  const spec = specOf(3);
  const addresses = addressesIn("172.19.0.0/16", 3);
  const plan = containerPlan(spec, spec.servers[1]!, addresses);

  it("gives every server an address that stays, and tells it those of the others", () => {
    expect(addresses).toEqual(["172.19.0.11", "172.19.0.12", "172.19.0.13"]);
    expect(plan.address).toBe("172.19.0.12");
    expect(plan.hosts).toEqual({ zookeeper1: "172.19.0.11", zookeeper3: "172.19.0.13" });
  });

  it("configures a member of the quorum, with the caller's settings over the lab's", () => {
    const lines = plan.environment["ZK_LAB_CONFIG"]?.split("\n");
    expect(lines).toContain("server.3=zookeeper3:2888:3888");
    expect(lines).toContain("syncLimit=9");
    expect(lines).toContain("tickTime=500");
    expect(lines).toContain("dataDir=/data");
    expect(plan.environment["ZK_LAB_ID"]).toBe("2");
    expect(plan.environment["SERVER_JVMFLAGS"]).toMatch(
      /^-Xmx128m .* -Dzookeeper\.cnxTimeout=300 -Dmine=1 -Dzk\.lab\.container=plan\/2$/,
    );
  });

  it("bears no mark of a process of this machine, which would be taken for a stray", () => {
    expect(plan.environment["SERVER_JVMFLAGS"]).not.toContain("-Dzk.lab=");
  });

  it("lets one server stand alone", () => {
    const alone = specOf(1);
    const { environment } = containerPlan(alone, alone.servers[0]!, ["10.0.0.11"]);
    expect(environment["ZK_LAB_CONFIG"]).not.toContain("server.");
  });

  it("keeps what releases have stored apart", () => {
    expect(volumeName({ dir: "/a", version: "3.4.6" }, 1)).not.toBe(
      volumeName({ dir: "/a", version: "3.9.3" }, 1),
    );
    expect(volumeName({ dir: "/a", version: "3.4.6" }, 1)).not.toBe(
      volumeName({ dir: "/b", version: "3.4.6" }, 1),
    );
  });
});

describe("addresses", () => {
  it("lie inside the range, also where that begins elsewhere than at a round number", () => {
    expect(addressesIn("192.168.240.0/20", 2)).toEqual(["192.168.240.11", "192.168.240.12"]);
    expect(addressesIn("10.1.2.128/27", 9).at(-1)).toBe("10.1.2.147");
  });

  it("are refused in a range that cannot hold them", () => {
    expect(() => addressesIn("10.1.2.0/28", 9)).toThrow(/too small for 9 servers/);
  });
});

describe("owners", () => {
  it("live as long as their process does, and no longer than it did", () => {
    const label = ownedByThisProcess();
    expect(isOwnerAlive(label)).toBe(true);
    expect(isOwnerAlive(`${label}x`)).toBe(false);
    expect(isOwnerAlive("process 4194304 1@never")).toBe(false);
  });

  it("live as long as the lab's state file", () => {
    expect(isOwnerAlive(ownedByLab(import.meta.filename))).toBe(true);
    expect(isOwnerAlive(ownedByLab("/nowhere/state.json"))).toBe(false);
  });

  it("are left alone when nobody understands them", () => {
    expect(isOwnerAlive("something of a newer lab")).toBe(true);
  });
});

describe("the streams of a container", () => {
  const frame = (stream: number, text: string): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt8(stream, 0);
    head.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };

  it("are one text in the order in which they came", () => {
    const bytes = Buffer.concat([frame(1, "out\n"), frame(2, "err ü\n"), frame(1, ""), frame(1, "out\n")]);
    expect(unframe(bytes).toString()).toBe("out\nerr ü\nout\n");
    expect(unframe(Buffer.alloc(0)).length).toBe(0);
  });
});
