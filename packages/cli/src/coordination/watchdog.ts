/**
 * A process that ends a command when we cannot: killed with KILL, `zk` would leave its command running while its session, and with
 * it the lock, goes to somebody else; stopped with STOP, it would not see that time has run out. It holds the end of a pipe from
 * us, reads from it which group to end and until when it may run, and ends it when that time is over or the pipe is closed; a
 * last line says that there is nothing left to do.
 */
import { spawn } from "node:child_process";

/**
 * `group G KILL`: end G when the pipe is closed: TERM, KILL seconds, KILL. `until TERM KILL`: TERM in so many seconds and KILL so many
 * later, unless another such line comes before. A stopped group gets KILL without running again. A sleep that takes no parts of a
 * second fails, and then only the end of the pipe counts. `shell S`: killed before the group is ended. It stands between us and a
 * command in front of the terminal, and would take the terminal from the user's own shell, which has it once we are gone or stopped.
 */
const SCRIPT = `group=; seconds=1; timer=; shell=
forget() { [ -z "$timer" ] || kill "$timer" 2>/dev/null; timer=; }
leave() { [ -z "$shell" ] || kill -s KILL "$shell" 2>/dev/null; }
while read -r word one two; do
  case $word in
    shell) shell=$one ;;
    group) group=$one; seconds=$two ;;
    until)
      forget
      (
        trap 'kill "$nap" 2>/dev/null; exit 0' TERM
        sleep "$one" & nap=$!; wait "$nap" || exit 0
        leave
        kill -s TERM -- "-$group" 2>/dev/null || exit 0
        sleep "$two" & nap=$!; wait "$nap" || exit 0
        kill -s KILL -- "-$group" 2>/dev/null
      ) &
      timer=$! ;;
    *) forget; exit 0 ;;
  esac
done
forget
[ -n "$group" ] || exit 0
leave
kill -s TERM -- "-$group" 2>/dev/null || exit 0
while [ "$seconds" -gt 0 ] && kill -s 0 -- "-$group" 2>/dev/null; do sleep 1; seconds=$((seconds - 1)); done
kill -s KILL -- "-$group" 2>/dev/null`;

/** What is left when TERM and KILL come, as parts of the time between our own: behind our TERM, and well before the end. */
const TERM_PART = 0.9;
const KILL_PART = 0.5;
/** Milliseconds by which the time must have grown before it is told again: each telling starts two processes. */
const TOLD_AGAIN_MS = 1_000;

export class Watchdog {
  readonly #tell: (line: string) => Promise<void>;
  #untilMs = Number.NEGATIVE_INFINITY;

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
   * @param shellPid of the shell between us and a command in front of the terminal
   */
  async guard(group: number, killAfterMs: number, shellPid?: number): Promise<void> {
    if (shellPid !== undefined) await this.#tell(`shell ${shellPid}`);
    const seconds = killAfterMs === 0 ? 0 : Math.max(1, Math.floor(killAfterMs / 1_000));
    await this.#tell(`group ${group} ${seconds}`);
  }

  /**
   * The group may run for so long, should nothing more be heard of us. Told often, and passed on when it matters.
   * @param leftMs until a server could end the session
   * @param killAfterMs between our own TERM and KILL
   */
  async allow(leftMs: number, killAfterMs: number): Promise<void> {
    const untilMs = performance.now() + leftMs;
    if (leftMs <= killAfterMs || untilMs < this.#untilMs + TOLD_AGAIN_MS) return;
    this.#untilMs = untilMs;
    const termMs = leftMs - killAfterMs * TERM_PART;
    await this.#tell(
      `until ${(termMs / 1_000).toFixed(2)} ${((killAfterMs * (TERM_PART - KILL_PART)) / 1_000).toFixed(2)}`,
    );
  }

  /** We end the group ourselves, or it stands still: it is left alone until the last moment. */
  standBack(leftMs: number): void {
    this.#untilMs = Number.NEGATIVE_INFINITY;
    void this.#tell(`until ${(Math.max(0, leftMs) / 1_000).toFixed(2)} 0.1`);
  }

  /** The group is gone, and its number may be somebody else's. */
  dismiss(): void {
    void this.#tell("done");
  }
}
