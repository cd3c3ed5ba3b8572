/** What `zk --version` says. */

/** The version of this package. A test compares it with package.json. */
export const VERSION = "0.1.0";

export function versionText(isJson: boolean): string {
  if (!isJson) return `zk ${VERSION}\n`;
  const value = {
    schema: "zk.version/1",
    version: VERSION,
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
  };
  return `${JSON.stringify(value)}\n`;
}
