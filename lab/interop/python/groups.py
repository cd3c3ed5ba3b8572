"""Party, ShallowParty, SetPartitioner and the leases by clock."""

import datetime

from handle import Handle, seconds
from kazoo.recipe.lease import MultiNonBlockingLease, NonBlockingLease
from kazoo.recipe.partitioner import SetPartitioner
from kazoo.recipe.party import Party, ShallowParty


def party_of(kind):
    def open_party(client, path, options):
        party = kind(client, path, options.get("identity"))

        def join(arguments):
            party.join()

        def leave(arguments):
            party.leave()

        return (
            Handle()
            .in_turn(join=join, leave=leave)
            .aside(
                members=lambda arguments: list(party),
                isMember=lambda arguments: party.participating,
            )
            .ended_by(lambda: party.leave() if party.participating else None)
        )

    return open_party


def open_partitioner(client, path, options):
    partitioner = SetPartitioner(
        client,
        path,
        set=tuple(options["items"]),
        identifier=options.get("identity"),
        time_boundary=options.get("quietMs", 200) / 1000,
    )

    def wait(arguments):
        partitioner.wait_for_acquire(seconds(arguments))
        return partitioner.acquired

    return (
        Handle()
        .in_turn(
            awaitItems=wait,
            release=lambda arguments: partitioner.release_set(),
        )
        .aside(
            state=lambda arguments: str(partitioner.state),
            items=lambda arguments: list(partitioner) if partitioner.acquired else [],
        )
        .ended_by(partitioner.finish)
    )


def open_lease(client, path, options):
    duration = datetime.timedelta(milliseconds=options["durationMs"])
    identity = options.get("identity")
    count = options.get("count")

    def obtain(arguments):
        if count is None:
            return bool(NonBlockingLease(client, path, duration, identity))
        return bool(MultiNonBlockingLease(client, count, path, duration, identity))

    return Handle().in_turn(obtain=obtain)


RECIPES = {
    "party": party_of(Party),
    "shallowParty": party_of(ShallowParty),
    "partitioner": open_partitioner,
    "lease": open_lease,
}
