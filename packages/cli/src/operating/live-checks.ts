/** What running servers show. */

import type { Finding } from "./findings.js";
import type { EnsembleFacts, ServerFacts } from "./server-facts.js";
import { lagOf } from "./server-facts.js";

/** Above which something is said. */
export interface LiveLimits {
  readonly outstandingWarn: number;
  readonly outstandingCritical: number;
  readonly latencyWarnMs: number;
  readonly latencyCriticalMs: number;
  readonly lagWarn: number;
}

export const LIVE_LIMITS: LiveLimits = {
  outstandingWarn: 10,
  outstandingCritical: 1000,
  latencyWarnMs: 1_000,
  latencyCriticalMs: 30_000,
  lagWarn: 1_000,
};

export function checkLive(facts: EnsembleFacts, limits: LiveLimits = LIVE_LIMITS): Finding[] {
  const { servers } = facts;
  const found: Finding[] = [
    ...checkMembership(facts),
    ...servers.flatMap((each) => checkServer(each, servers, limits)),
  ];
  const versions = new Set(servers.flatMap(({ version }) => version ?? []));
  if (versions.size > 1) {
    found.push({
      id: "live.versions-differ",
      severity: "info",
      message: "the servers are of different releases",
      evidence: [...versions].sort().join(", "),
      fix: "finish the upgrade",
      link: null,
    });
  }
  return found;
}

function checkMembership({ servers, hasQuorum, leader }: EnsembleFacts): Finding[] {
  const found: Finding[] = [];
  const away = servers.filter(({ state }) => state !== "serving");
  const names = (list: readonly ServerFacts[]): string =>
    list.map(({ server, why }) => (why === null ? server : `${server} (${why})`)).join(", ");
  if (!hasQuorum) {
    found.push({
      id: "live.no-quorum",
      severity: "critical",
      message: "no server serves",
      evidence: names(servers),
      fix: "start enough servers for a majority; look at their logs",
      link: null,
    });
  } else if (away.length > 0) {
    found.push({
      id: "live.server-away",
      severity: "warning",
      message: `${away.length} of ${servers.length} servers do not serve`,
      evidence: names(away),
      fix: "start them: the next loss may cost the quorum",
      link: null,
    });
  }
  const leaders = servers.filter(({ mode }) => mode === "leader" || mode === "standalone");
  if (leaders.length > 1) {
    const isApart = leaders.some(({ mode }) => mode === "standalone") && servers.length > 1;
    found.push({
      id: "live.two-leaders",
      severity: "critical",
      message: isApart
        ? "a server stands alone beside others: they are different ensembles"
        : "two servers say that they lead",
      evidence: leaders.map(({ server, mode }) => `${server} (${mode})`).join(", "),
      fix: "these servers do not belong together, or one of them is cut off; look at their configuration",
      link: null,
    });
  } else if (
    leader === null &&
    hasQuorum &&
    servers.every(({ source }) => source === "mntr" || source === "srvr")
  ) {
    found.push({
      id: "live.no-leader",
      severity: "warning",
      message: "none of these servers leads",
      evidence: servers.map(({ server, mode }) => `${server} (${mode ?? "?"})`).join(", "),
      fix: "name all servers of the ensemble; the leader may be another one",
      link: null,
    });
  }
  const epochs = new Set(
    servers.flatMap(({ zxid, state }) => (zxid === null || state !== "serving" ? [] : [zxid >> 32n])),
  );
  if (epochs.size > 1) {
    found.push({
      id: "live.epochs-differ",
      severity: "warning",
      message: "the servers are in different epochs",
      evidence: [...epochs].join(", "),
      fix: "normal for a moment after an election; look again",
      link: null,
    });
  }
  const voters = servers.filter(({ mode }) => mode !== "observer").length;
  if (voters > 0 && voters % 2 === 0) {
    found.push({
      id: "live.even-voters",
      severity: "warning",
      message: `${voters} voters bear no more losses than ${voters - 1}`,
      evidence: servers.map(({ server }) => server).join(", "),
      fix: "an odd number of voters, or one of them an observer",
      link: null,
    });
  }
  return found;
}

function checkServer(each: ServerFacts, servers: readonly ServerFacts[], limits: LiveLimits): Finding[] {
  const found: Finding[] = [];
  const { server, outstanding, latencyMaxMs, openFiles, maxFiles } = each;
  if (outstanding !== null && outstanding > limits.outstandingWarn) {
    found.push({
      id: "live.outstanding",
      severity: outstanding > limits.outstandingCritical ? "critical" : "warning",
      message: `${server} has requests waiting`,
      evidence: `${outstanding} outstanding`,
      fix: "look at its disk and its processor; zk top shows which clients ask so much",
      link: null,
    });
  }
  if (latencyMaxMs !== null && latencyMaxMs > limits.latencyWarnMs) {
    found.push({
      id: "live.latency",
      severity: latencyMaxMs > limits.latencyCriticalMs ? "critical" : "warning",
      message: `${server} took long for a request since its start or the last srst`,
      evidence: `${latencyMaxMs} ms at most`,
      fix: "a slow disk for the transaction log, or long garbage collections",
      link: null,
    });
  }
  const lag = lagOf(each, servers);
  if (lag !== null && lag > BigInt(limits.lagWarn)) {
    found.push({
      id: "live.lag",
      severity: "warning",
      message: `${server} is behind`,
      evidence: `${lag} transactions`,
      fix: "its network or disk is slower than the others'",
      link: null,
    });
  }
  if (openFiles !== null && maxFiles !== null && maxFiles > 0 && openFiles > maxFiles * 0.8) {
    found.push({
      id: "live.files",
      severity: "warning",
      message: `${server} comes near its limit of open files`,
      evidence: `${openFiles} of ${maxFiles}`,
      fix: "raise the limit (ulimit -n), or find who opens so many connections: zk top",
      link: null,
    });
  }
  if (
    each.mode === "leader" &&
    each.followers !== null &&
    each.syncedFollowers !== null &&
    each.syncedFollowers < each.followers
  ) {
    found.push({
      id: "live.followers-behind",
      severity: "warning",
      message: "the leader has followers that are not in step",
      evidence: `${each.syncedFollowers} of ${each.followers}`,
      fix: "one is catching up, or cannot",
      link: null,
    });
  }
  return found;
}
