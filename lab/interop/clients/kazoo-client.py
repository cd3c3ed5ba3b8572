"""What kazoo does with an ensemble. One line for each behaviour, `ok NAME` or `not ok NAME: why`, then `done`.

    kazoo-client.py HOSTS

Between `failover?` and an answer on standard input the ensemble loses its leader.
"""

import logging
import sys
import threading
import traceback

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadVersionError,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
)
from kazoo.retry import KazooRetry
from kazoo.security import make_digest_acl

logging.basicConfig(level=logging.ERROR)
hosts = sys.argv[1]
patience = 30


def client(**options):
    made = KazooClient(
        hosts=hosts,
        timeout=6.0,
        connection_retry=KazooRetry(max_tries=-1, max_delay=1),
        command_retry=KazooRetry(max_tries=-1, max_delay=1),
        **options,
    )
    made.start(timeout=patience)
    return made


def refused(error, work):
    try:
        work()
    except error:
        return True
    return False


def basics(zk):
    assert zk.create("/kazoo", b"one") == "/kazoo"
    data, stat = zk.get("/kazoo")
    assert data == b"one" and stat.version == 0
    assert zk.set("/kazoo", b"two", version=0).version == 1
    assert refused(BadVersionError, lambda: zk.set("/kazoo", b"x", version=0))
    assert refused(NodeExistsError, lambda: zk.create("/kazoo"))
    assert refused(NoNodeError, lambda: zk.get("/kazoo/none"))
    zk.ensure_path("/kazoo/deep/er")
    assert sorted(zk.get_children("/kazoo")) == ["deep"]
    assert refused(NotEmptyError, lambda: zk.delete("/kazoo/deep"))
    zk.delete("/kazoo/deep", recursive=True)
    assert zk.exists("/kazoo/deep") is None


def sequences_and_ephemerals(zk):
    zk.ensure_path("/kazoo/seq")
    first = zk.create("/kazoo/seq/n-", sequence=True, ephemeral=True)
    second = zk.create("/kazoo/seq/n-", sequence=True)
    assert first.endswith("n-0000000000") and second.endswith("n-0000000001"), (first, second)
    _, stat = zk.get(first)
    assert stat.ephemeralOwner == zk.client_id[0]
    other = client()
    mine = other.create("/kazoo/seq/other", ephemeral=True)
    gone = threading.Event()
    assert zk.exists(mine, watch=lambda event: gone.set()) is not None
    other.stop()
    other.close()
    assert gone.wait(patience)


def watches(zk):
    seen, changed = [], threading.Condition()

    @zk.DataWatch("/kazoo/watched")
    def on_data(data, stat):
        with changed:
            seen.append(data)
            changed.notify_all()

    def until(value):
        with changed:
            assert changed.wait_for(lambda: value in seen, patience), seen

    until(None)
    zk.create("/kazoo/watched", b"1")
    until(b"1")
    zk.set("/kazoo/watched", b"2")
    until(b"2")

    names = threading.Event()

    @zk.ChildrenWatch("/kazoo/watched")
    def on_children(children):
        if children == ["child"]:
            names.set()

    zk.create("/kazoo/watched/child")
    assert names.wait(patience)


def transactions(zk):
    good = zk.transaction()
    good.create("/kazoo/tx", b"")
    good.set_data("/kazoo/tx", b"in")
    good.check("/kazoo/tx", 1)
    results = good.commit()
    assert results[0] == "/kazoo/tx" and results[1].version == 1, results
    bad = zk.transaction()
    bad.create("/kazoo/never", b"")
    bad.check("/kazoo/tx", 7)
    kinds = [type(result).__name__ for result in bad.commit()]
    assert kinds == ["RolledBackError", "BadVersionError"], kinds
    assert zk.exists("/kazoo/never") is None


def access_control(zk):
    owner = client(auth_data=[("digest", "ann:secret")])
    owner.create("/kazoo/private", b"p", acl=[make_digest_acl("ann", "secret", all=True)])
    assert owner.get("/kazoo/private")[0] == b"p"
    assert refused(NoAuthError, lambda: zk.get("/kazoo/private"))
    zk.add_auth("digest", "ann:secret")
    assert zk.get("/kazoo/private")[0] == b"p"
    owner.stop()
    owner.close()


def lock(zk):
    other = client()
    held, turns = [], []
    ready = threading.Event()

    def contend():
        with other.Lock("/kazoo/lock", "other"):
            turns.append("other")

    with zk.Lock("/kazoo/lock", "zk"):
        thread = threading.Thread(target=contend)
        thread.start()
        waiting = zk.Lock("/kazoo/lock")

        def see():
            while len(waiting.contenders()) < 2:
                pass
            ready.set()

        threading.Thread(target=see).start()
        assert ready.wait(patience)
        turns.append("zk")
        held.append(list(turns))
    thread.join(patience)
    assert held == [["zk"]] and turns == ["zk", "other"], (held, turns)
    other.stop()
    other.close()


def election(zk):
    others = [client() for _ in range(3)]
    led, all_led = [], threading.Semaphore(0)

    def lead(number):
        led.append(number)
        all_led.release()

    threads = [
        threading.Thread(target=other.Election("/kazoo/election", str(index)).run, args=(lead, index))
        for index, other in enumerate(others)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience)
    assert sorted(led) == [0, 1, 2], led
    for other in others:
        other.stop()
        other.close()


def queue_and_counter(zk):
    queue = zk.LockingQueue("/kazoo/queue")
    queue.put_all([b"a", b"b"])
    taken = []
    for _ in range(2):
        taken.append(queue.get(patience))
        queue.consume()
    assert taken == [b"a", b"b"], taken
    counter = zk.Counter("/kazoo/counter")
    counter += 3
    counter -= 1
    assert counter.value == 2


def failover(zk):
    zk.create("/kazoo/kept", b"kept", ephemeral=True)
    session = zk.client_id[0]
    states = []
    lost = threading.Event()

    def listen(state):
        states.append(state)
        if state == KazooState.SUSPENDED:
            lost.set()

    zk.add_listener(listen)
    fired = threading.Event()

    # A plain watch of kazoo does not outlive its connection; this one is set again.
    @zk.DataWatch("/kazoo/after")
    def on_data(data, stat):
        if stat is not None:
            fired.set()

    print("failover?", flush=True)
    assert sys.stdin.readline().strip() == "killed"
    # Only what goes through retry() outlives the loss of a connection.
    zk.retry(zk.ensure_path, "/kazoo/after")
    assert lost.is_set()
    assert fired.wait(patience)
    assert zk.client_id[0] == session and KazooState.LOST not in states, states
    assert zk.get("/kazoo/kept")[1].ephemeralOwner == session


def main():
    zk = client()
    problems = 0
    for behaviour in (
        basics,
        sequences_and_ephemerals,
        watches,
        transactions,
        access_control,
        lock,
        election,
        queue_and_counter,
        failover,
    ):
        try:
            behaviour(zk)
            print(f"ok {behaviour.__name__}", flush=True)
        except Exception:
            problems += 1
            why = traceback.format_exc().strip().replace("\n", " | ")
            print(f"not ok {behaviour.__name__}: {why}", flush=True)
    zk.stop()
    zk.close()
    print("done", flush=True)
    return 1 if problems else 0


sys.exit(main())
