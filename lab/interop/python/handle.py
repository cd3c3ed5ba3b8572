"""One object of a recipe: calls on it run one after another in a thread of its own; what only looks, or has to get past a call
that waits, runs aside."""

import queue
import threading


class Handle:
    def __init__(self):
        self.methods = {}
        self.looks = {}
        self.ending = lambda: None
        self.work = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def in_turn(self, **methods):
        self.methods.update(methods)
        return self

    def aside(self, **methods):
        self.looks.update(methods)
        return self

    def ended_by(self, ending):
        self.ending = ending
        return self

    def call(self, name, arguments, done, failed):
        if name in self.looks:
            task = (self.looks[name], arguments, done, failed)
            threading.Thread(target=attempt, args=task, daemon=True).start()
        elif name in self.methods:
            self.work.put((self.methods[name], arguments, done, failed))
        else:
            failed(NotImplementedError("kazoo has no " + name + " here"))

    def close(self):
        """In turn too: what is under way comes first."""
        ended = queue.Queue()
        self.work.put((lambda arguments: self.ending(), {}, ended.put, ended.put))
        self.work.put(None)
        outcome = ended.get()
        if isinstance(outcome, BaseException):
            raise outcome

    def _run(self):
        for task in iter(self.work.get, None):
            attempt(*task)


def attempt(method, arguments, done, failed):
    try:
        value = method(arguments)
    except BaseException as failure:
        failed(failure)
    else:
        done(value)


def seconds(arguments):
    """The limit of a wait, None for a wait without a limit."""
    limit = arguments.get("timeoutMs")
    return None if limit is None else int(limit) / 1000
