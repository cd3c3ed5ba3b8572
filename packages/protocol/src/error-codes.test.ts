import { describe, expect, it } from "vitest";
import { ERROR_CODES, errorCode, errorName, errorSummary } from "./error-codes.js";

/** Code, name, who makes it, since when: written down from the servers' and the C client's sources, apart from the table. */
const EXPECTED = `
  0 OK server 3.4.0
  -1 SYSTEM_ERROR server 3.4.0
  -2 RUNTIME_INCONSISTENCY server 3.4.0
  -3 DATA_INCONSISTENCY server 3.4.0
  -4 CONNECTION_LOSS client 3.4.0
  -5 MARSHALLING_ERROR both 3.4.0
  -6 UNIMPLEMENTED server 3.4.0
  -7 OPERATION_TIMEOUT client 3.4.0
  -8 BAD_ARGUMENTS both 3.4.0
  -9 INVALID_STATE client 3.4.0
  -12 UNKNOWN_SESSION none 3.5.0
  -13 NEW_CONFIG_NO_QUORUM server 3.5.0
  -14 RECONFIG_IN_PROGRESS server 3.5.0
  -15 SSL_CONNECTION_ERROR client 3.6.0
  -100 API_ERROR none 3.4.0
  -101 NO_NODE server 3.4.0
  -102 NO_AUTH server 3.4.0
  -103 BAD_VERSION server 3.4.0
  -108 NO_CHILDREN_FOR_EPHEMERALS server 3.4.0
  -110 NODE_EXISTS server 3.4.0
  -111 NOT_EMPTY server 3.4.0
  -112 SESSION_EXPIRED both 3.4.0
  -113 INVALID_CALLBACK client 3.4.0
  -114 INVALID_ACL server 3.4.0
  -115 AUTH_FAILED both 3.4.0
  -116 CLOSING client 3.4.0
  -117 NOTHING client 3.4.0
  -118 SESSION_MOVED server 3.4.0
  -119 NOT_READONLY server 3.4.0
  -120 EPHEMERAL_ON_LOCAL_SESSION server 3.5.0
  -121 NO_WATCHER both 3.5.0
  -122 REQUEST_TIMEOUT client 3.5.5
  -123 RECONFIG_DISABLED server 3.5.3
  -124 SESSION_CLOSED_REQUIRE_SASL_AUTH server 3.5.9
  -125 QUOTA_EXCEEDED server 3.7.0
  -127 THROTTLED_OP server 3.7.0
`;

describe("error codes", () => {
  it("are these, whole", () => {
    const rows = ERROR_CODES.map(({ code, name, from, since }) => `${code} ${name} ${from} ${since}`);
    expect(rows).toEqual(EXPECTED.trim().split(/\n\s*/));
  });

  it("are found by number and by name, each once", () => {
    for (const { code, name, summary } of ERROR_CODES) {
      expect(errorName(code)).toBe(name);
      expect(errorCode(name)).toBe(code);
      expect(errorSummary(code)).toBe(summary);
      expect(summary).toMatch(/^\S.*[^.\s]$/);
    }
    expect(new Set(ERROR_CODES.map(({ code }) => code)).size).toBe(ERROR_CODES.length);
  });

  it("leave unknown numbers to the caller", () => {
    for (const code of [-126, -10, 1, -999, Number.NaN]) {
      expect(errorName(code)).toBeUndefined();
      expect(errorSummary(code)).toBeUndefined();
    }
  });
});
