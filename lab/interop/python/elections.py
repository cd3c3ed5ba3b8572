"""Election."""

import threading

from handle import Handle, seconds
from kazoo.recipe.election import Election
from locks import CuratorNamedLock


class Candidate:
    """Runs for leadership in a thread of its own, and leads until it is told to resign."""

    def __init__(self, election, requeue):
        self.election = election
        self.requeue = requeue
        self.changed = threading.Condition()
        self.leading = False
        self.resigning = False
        self.closed = False
        self.terms = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.closed:
            self.election.run(self._lead)
            if not self.requeue:
                return

    def _lead(self):
        with self.changed:
            self.leading = True
            self.resigning = self.closed
            self.terms += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.resigning)
            self.leading = False
            self.changed.notify_all()

    def wait(self, arguments):
        with self.changed:
            return self.changed.wait_for(lambda: self.leading, seconds(arguments))

    def resign(self):
        with self.changed:
            self.resigning = True
            self.changed.notify_all()
            self.changed.wait_for(lambda: not self.leading)

    def close(self):
        self.closed = True
        self.election.cancel()
        self.resign()
        self.thread.join()


def open_election(client, path, options):
    election = Election(client, path, options.get("identity"))
    if options.get("dialect", "kazoo") == "curator":
        election.lock = CuratorNamedLock(client, path, options.get("identity"))
    candidate = Candidate(election, options.get("requeue", False))

    def contenders(arguments):
        # kazoo tells identities in order; the first is the leader, if there is one.
        return [
            {"identity": identity, "isLeader": place == 0}
            for place, identity in enumerate(candidate.election.contenders())
        ]

    return (
        Handle()
        .in_turn(awaitLeadership=candidate.wait)
        .aside(
            isLeader=lambda arguments: candidate.leading,
            terms=lambda arguments: candidate.terms,
            resign=lambda arguments: candidate.resign(),
            contenders=contenders,
        )
        .ended_by(candidate.close)
    )


RECIPES = {"election": open_election}
