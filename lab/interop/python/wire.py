"""JSON with the two things that it lacks: bytes are {"$bytes": base64}, 64-bit numbers are {"$bigint": digits}."""

import base64


class Whole(int):
    """A number that goes out as one of 64 bits."""


def encoded(value):
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, Whole):
        return {"$bigint": str(int(value))}
    if isinstance(value, dict):
        return {str(key): encoded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [encoded(each) for each in value]
    return value


def decoded(value):
    if isinstance(value, dict):
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
        if "$bigint" in value:
            return Whole(value["$bigint"])
        return {key: decoded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [decoded(each) for each in value]
    return value
