"""kazoo as a program that does what it is told: one JSON object a line on standard input, answers and events, one a line, on
standard output. The other side is lab/interop/src/peers/child.ts, which also says what the lines mean.

It ends when its input ends: its sessions are closed, and after a few seconds it is gone whether they are or not.
"""

import json
import logging
import os
import sys
import threading

import elections
import groups
import locks
import queues
import values
import wire
from kazoo.client import KazooClient
from kazoo.retry import KazooRetry
from kazoo.version import __version__

CLOSE_LIMIT_SEC = 4
CONNECT_LIMIT_SEC = 30

RECIPES = {
    **locks.RECIPES,
    **elections.RECIPES,
    **values.RECIPES,
    **queues.RECIPES,
    **groups.RECIPES,
}


class Peer:
    def __init__(self, output):
        self.output = output
        self.saying = threading.Lock()
        self.numbering = threading.Lock()
        self.number = 0
        self.sessions = {}
        self.handles = {}

    def say(self, **what):
        line = json.dumps(wire.encoded(what))
        with self.saying:
            self.output.write(line + "\n")
            self.output.flush()

    def answer(self, request, value):
        self.say(id=request["id"], ok=True, value=value)

    def refuse(self, request, failure):
        error = {"type": type(failure).__name__, "message": str(failure)}
        self.say(id=request["id"], error=error)

    def serve(self, request):
        try:
            if request["op"] == "call":
                self.call(request)
            else:
                threading.Thread(target=self.work, args=(request,), daemon=True).start()
        except BaseException as failure:
            self.refuse(request, failure)

    def call(self, request):
        """From the thread that reads, so that calls on one handle keep their order."""
        self.handles[request["handle"]].call(
            request["method"],
            request.get("arguments") or {},
            lambda value: self.answer(request, value),
            lambda failure: self.refuse(request, failure),
        )

    def work(self, request):
        try:
            self.answer(request, getattr(self, "do_" + request["op"])(request))
        except BaseException as failure:
            self.refuse(request, failure)

    def next_number(self):
        with self.numbering:
            self.number += 1
            return self.number

    def do_connect(self, request):
        number = self.next_number()
        client = KazooClient(
            hosts=request["connectionString"],
            timeout=request.get("sessionTimeoutMs", 10_000) / 1000,
            connection_retry=KazooRetry(max_tries=-1, delay=0.05, max_delay=1),
            command_retry=KazooRetry(max_tries=-1, delay=0.05, max_delay=1),
        )
        client.add_listener(lambda state: self.say(event="state", session=number, state=str(state)))
        client.start(timeout=CONNECT_LIMIT_SEC)
        self.sessions[number] = client
        return number

    def do_session(self, request):
        session, password = self.sessions[request["session"]].client_id
        # kazoo holds the id as a signed number, as it is on the wire.
        return {"sessionId": wire.Whole(session), "sessionPassword": password}

    def do_open(self, request):
        opening = RECIPES.get(request["recipe"])
        if opening is None:
            raise NotImplementedError("kazoo has no " + request["recipe"])
        client = self.sessions[request["session"]]
        number = self.next_number()
        self.handles[number] = opening(client, request["path"], request.get("options") or {})
        return number

    def do_release(self, request):
        self.handles.pop(request["handle"]).close()

    def do_disconnect(self, request):
        close(self.sessions.pop(request["session"]))


def close(client):
    client.stop()
    client.close()


def main():
    # Standard output belongs to the protocol; whatever else is printed goes to the log.
    output = sys.stdout
    sys.stdout = sys.stderr
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    peer = Peer(output)
    peer.say(event="hello", library=__version__, python=sys.version.split()[0], recipes=sorted(RECIPES))
    for line in sys.stdin:
        peer.serve(wire.decoded(json.loads(line)))
    closing = [threading.Thread(target=close, args=(client,), daemon=True) for client in list(peer.sessions.values())]
    for each in closing:
        each.start()
    for each in closing:
        each.join(CLOSE_LIMIT_SEC)
    os._exit(0)


main()
