/**
 * A process that ends a command when we cannot any more: killed with KILL, `zk` would leave its command running while its
 * session, and with it the lock, goes to somebody else. It holds the end of a pipe from us, and reads what group to end when that
 * is closed; a line says that there is nothing left to do.
 */
import { spawn } from "node:child_process";

/** TERM, time to act on it, KILL. A stopped group gets KILL without running again. */
const SCRIPT = `read -r group seconds || exit 0
read -r word && exit 0
kill -s TERM -- "-$group" 2>/dev/null || exit 0
while [ "$seconds" -gt 0 ] && kill -s 0 -- "-$group" 2>/dev/null; do sleep 1; seconds=$((seconds - 1)); done
kill -s KILL -- "-$group" 2>/dev/null`;

export class Watchdog {
  readonly #tell: (line: string) => Promise<void>;

  /** Starts it: before the command, so that there is no moment without. */
  constructor() {
    const dog = spawn("/bin/sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true });
    // Where there is no /bin/sh the command runs without: all that it does is told in time by us, while we live.
    dog.on("error", () => {});
    dog.stdin.on("error", () => {});
    dog.unref();
    this.#tell = (line) => new Promise((resolve) => dog.stdin.write(`${line}\n`, () => resolve()));
  }

  /**
   * Once this resolves the group is ended when we are gone: what lies in a pipe is read even so.
   * @param killAfterMs between TERM and KILL, in whole seconds, at least one; 0: KILL at once
   */
  async guard(group: number, killAfterMs: number): Promise<void> {
    await this.#tell(`${group} ${killAfterMs === 0 ? 0 : Math.max(1, Math.floor(killAfterMs / 1_000))}`);
  }

  /** The group is gone, and its number may be somebody else's. */
  dismiss(): void {
    void this.#tell("done");
  }
}
