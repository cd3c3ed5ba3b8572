"""Lock, its variant with Curator's names, read and write locks, Semaphore."""

import hammer
from handle import Handle, seconds
from kazoo.exceptions import LockTimeout
from kazoo.recipe.lock import Lock, ReadLock, Semaphore, WriteLock


class CuratorNamedLock(Lock):
    """Contends with Curator's mutex as one of its own: the names end alike, and each takes the other's for contenders."""

    _NODE_NAME = "-lock-"
    _EXCLUDE_NAMES = ["-lock-"]


# What stands before the sequence number in the names of Curator's mutex.
CURATOR_PATTERN = "-lock-"


def acquired(lock, arguments, **options):
    try:
        return lock.acquire(timeout=seconds(arguments), **options)
    except LockTimeout:
        return False


def place(lock):
    return None if lock.node is None else lock.path + "/" + lock.node


def open_mutex(client, path, options):
    kind = CuratorNamedLock if options.get("dialect", "kazoo") == "curator" else Lock
    extra = [CURATOR_PATTERN] if options.get("contenders", "own") == "any" else []
    lock = kind(client, path, options.get("identity"), extra_lock_patterns=extra)
    ephemeral = options.get("ephemeral", True)
    return (
        Handle()
        .in_turn(
            acquire=lambda arguments: acquired(lock, arguments, ephemeral=ephemeral),
            release=lambda arguments: lock.release(),
            node=lambda arguments: place(lock),
            hammer=lambda plan: hammer.run(client, lock, plan),
        )
        .aside(
            isHeld=lambda arguments: lock.is_acquired,
            cancel=lambda arguments: lock.cancel(),
            contenders=lambda arguments: lock.contenders(),
        )
        .ended_by(lock.release)
    )


def open_read_write(client, path, options):
    identity = options.get("identity")
    sides = {"read": ReadLock(client, path, identity), "write": WriteLock(client, path, identity)}

    def end():
        for lock in sides.values():
            lock.release()

    return (
        Handle()
        .in_turn(
            acquire=lambda arguments: acquired(sides[arguments["side"]], arguments),
            release=lambda arguments: sides[arguments["side"]].release(),
            node=lambda arguments: place(sides[arguments["side"]]),
        )
        .aside(
            isHeld=lambda arguments: sides[arguments["side"]].is_acquired,
            cancel=lambda arguments: [lock.cancel() for lock in sides.values() if not lock.is_acquired],
        )
        .ended_by(end)
    )


def open_semaphore(client, path, options):
    semaphore = Semaphore(client, path, options.get("identity"), options.get("max", 1))

    def acquire(arguments):
        if arguments.get("permits", 1) != 1:
            raise NotImplementedError("kazoo takes one permit at a time")
        return acquired(semaphore, arguments)

    return (
        Handle()
        .in_turn(
            acquire=acquire,
            release=lambda arguments: semaphore.release(),
            held=lambda arguments: 1 if semaphore.is_acquired else 0,
        )
        .aside(
            cancel=lambda arguments: semaphore.cancel(),
            holders=lambda arguments: semaphore.lease_holders(),
        )
        .ended_by(semaphore.release)
    )


RECIPES = {"mutex": open_mutex, "readWriteLock": open_read_write, "semaphore": open_semaphore}
