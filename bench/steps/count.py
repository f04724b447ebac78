# What kernels/json.c does as a step: writes the list of records, reads it, counts.
import json

NAMES = ["anchor", "bow \\\"spirit\\\"", "compass", "deck", "ensign"]
state = 8


def random():
    global state
    state ^= state << 13 & 0xFFFFFFFF
    state ^= state >> 17
    state ^= state << 5 & 0xFFFFFFFF
    return state


def record(i):
    name, depth, part = NAMES[random() % 5], random() % 10000, random() % 1000
    is_open = "true" if random() & 1 else "false"
    x, y = random() % 100, random() % 100
    return (f'  {{"id": {i}, "name": "{name}", "depth": -{depth}.{part}e-2, '
            f'"tags": ["sea", "\\u00e9t\\u00e9", null], "open": {is_open}, "at": {{"x": {x}, "y": {y}}}}}')


counts = {"objects": 0, "arrays": 0, "strings": 0, "numbers": 0, "literals": 0}


def count(value):
    if isinstance(value, dict):
        counts["objects"] += 1
        counts["strings"] += len(value)
        for item in value.values():
            count(item)
    elif isinstance(value, list):
        counts["arrays"] += 1
        for item in value:
            count(item)
    elif isinstance(value, str):
        counts["strings"] += 1
    elif value is None or isinstance(value, bool):
        counts["literals"] += 1
    else:
        counts["numbers"] += 1


count(json.loads("[\n" + ",\n".join(record(i) for i in range(3000)) + "\n]\n"))
print("json", *counts.values())
