"""Barrier, DoubleBarrier and Counter."""

from handle import Handle, seconds
from kazoo.recipe.barrier import Barrier, DoubleBarrier
from kazoo.recipe.counter import Counter


def open_barrier(client, path, options):
    barrier = Barrier(client, path)

    def remove(arguments):
        barrier.remove()

    return (
        Handle()
        .aside(set=lambda arguments: barrier.create(), remove=remove)
        .in_turn(wait=lambda arguments: barrier.wait(seconds(arguments)))
    )


def open_double_barrier(client, path, options):
    barrier = DoubleBarrier(client, path, options["members"], options.get("identity"))

    def unlimited(arguments):
        if "timeoutMs" in arguments:
            raise NotImplementedError("kazoo's double barrier waits without a limit")

    def enter(arguments):
        unlimited(arguments)
        barrier.enter()
        return barrier.participating

    def leave(arguments):
        unlimited(arguments)
        barrier.leave()
        return not barrier.participating

    return Handle().in_turn(enter=enter, leave=leave)


def open_counter(client, path, options):
    curator = options.get("encoding", "text") == "int32"
    counter = Counter(client, path, options.get("seed", 0), support_curator=curator)

    def add(arguments):
        # The sign says which of its two operators is meant; the result is the object itself.
        by = arguments.get("by", 1)
        counter.__add__(by) if by >= 0 else counter.__sub__(-by)
        return counter.post_value

    return Handle().in_turn(add=add, get=lambda arguments: counter.value)


RECIPES = {"barrier": open_barrier, "doubleBarrier": open_double_barrier, "counter": open_counter}
