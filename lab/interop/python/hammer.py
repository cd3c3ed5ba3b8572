"""Takes a lock again and again, and writes into one log when it enters and when it leaves. See src/peers/hammer-log.ts."""

from kazoo.exceptions import BadVersionError

BYTES_MAX = 16_384


def run(client, lock, plan):
    log = HammerLog(client, plan["logPath"], plan.get("guarded", False))
    limit = plan.get("roundTimeoutMs", 60_000) / 1000
    until = plan.get("untilPath")
    acquired = 0
    while acquired < plan["rounds"] or (until is not None and client.exists(until) is None):
        lock.acquire(timeout=limit)
        try:
            node = lock.path + "/" + lock.node
            stat = client.exists(node)
            if stat is None:
                raise RuntimeError("holds the lock, and its znode is gone: " + node)
            sequence = node[-10:]
            log.mark("+ %s %s %d\n" % (plan["holder"], sequence, stat.czxid), node)
            log.mark("- %s %s\n" % (plan["holder"], sequence), node)
        finally:
            lock.release()
        acquired += 1
    return {"acquired": acquired, "conflicts": log.conflicts}


class HammerLog:
    """One znode to which lines are added by reading it, and writing it back only at the version that was read: no line is ever
    lost, and the lines stand in the order in which they came. A full znode is moved below it, in the transaction that adds the
    line."""

    def __init__(self, client, path, guarded):
        self.client = client
        self.path = path
        self.guarded = guarded
        # How often somebody else wrote between our reading and our writing.
        self.conflicts = 0

    def mark(self, text, lock_node):
        line = text.encode("utf-8")
        again = False
        while True:
            old, stat = self.client.retry(self.client.get, self.path)
            # The write before may have arrived although its answer was lost.
            if again and old.endswith(line):
                return
            if again:
                self.conflicts += 1
            if self.client.retry(self._write, old, line, stat.version, lock_node):
                return
            again = True

    def _write(self, old, line, version, lock_node):
        change = self.client.transaction()
        if self.guarded:
            change.check(lock_node, -1)
        full = len(old) + len(line) > BYTES_MAX
        if full:
            change.create(self.path + "/part-", old, sequence=True)
        change.set_data(self.path, line if full else old + line, version)
        results = change.commit()
        failures = [each for each in results if isinstance(each, Exception)]
        if any(isinstance(each, BadVersionError) for each in failures):
            return False
        for failure in failures:
            if type(failure).__name__ not in ("RolledBackError", "RuntimeInconsistency"):
                raise failure
        return True
