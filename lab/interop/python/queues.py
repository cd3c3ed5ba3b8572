"""Queue and LockingQueue."""

import time

from handle import Handle, seconds
from kazoo.recipe.queue import LockingQueue, Queue


def open_queue(client, path, options):
    queue = Queue(client, path)

    def put(arguments):
        for item in arguments["items"]:
            queue.put(item, arguments.get("priority", 100))

    def take(arguments):
        """kazoo does not wait; so we look again."""
        limit = seconds(arguments)
        deadline = None if limit is None else time.monotonic() + limit
        while True:
            item = queue.get()
            if item is not None or (deadline is not None and time.monotonic() >= deadline):
                return item
            time.sleep(0.02)

    return Handle().in_turn(put=put, take=take, size=lambda arguments: len(queue))


def open_locking_queue(client, path, options):
    queue = LockingQueue(client, path)

    def put(arguments):
        items, priority = arguments["items"], arguments.get("priority", 100)
        if len(items) == 1:
            queue.put(items[0], priority)
        else:
            queue.put_all(items, priority)

    return Handle().in_turn(
        put=put,
        take=lambda arguments: queue.get(seconds(arguments)),
        acknowledge=lambda arguments: queue.consume() if arguments.get("ok", True) else queue.release(),
        holdsClaim=lambda arguments: queue.holds_lock(),
        size=lambda arguments: len(queue),
    )


RECIPES = {"kazooQueue": open_queue, "kazooLockingQueue": open_locking_queue}
