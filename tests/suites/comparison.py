"""What came of the tests of two runs, put side by side.

An outcome is (word, reason), or (word, reason, text) when what the test printed must be the same, too;
the words are pass, fail and skip.
"""

from collections import Counter
from itertools import islice, zip_longest
from xml.etree import ElementTree


def compare(direct, again, proxied):
    """The tests that end differently through the proxy, and those that do so without it."""
    differences, unstable = {}, []
    for test in sorted(direct.keys() | again.keys() | proxied.keys()):
        first, second, through = (run.get(test, MISSING) for run in (direct, again, proxied))
        if is_different(first, second):
            unstable.append(f"{test}: {first[0]}, then {second[0]}")
        elif is_different(first, through):
            reason = first_difference(first, through) or through[1] or first[1]
            differences[test] = f"{test}: {first[0]}, through odp {through[0]}: {reason}"
    return differences, unstable


def is_different(one, other):
    return one[0] != other[0] or one[2:] != other[2:]


def first_difference(one, other):
    """Where the texts part."""
    if not (one[2:] and other[2:]):
        return ""
    lines = zip_longest(one[2].splitlines(), other[2].splitlines())
    apart = ((a, b) for a, b in lines if a != b)
    return "".join(f"{shortened(a)!r}, through odp {shortened(b)!r}" for a, b in islice(apart, 1))


def totals(outcomes):
    counts = Counter(outcome[0] for outcome in outcomes.values())
    return ", ".join(f"{counts[word]} {word}" for word in ("pass", "fail", "skip"))


def has_passes(outcomes):
    return any(outcome[0] == "pass" for outcome in outcomes.values())


def read_junit(path):
    """The outcomes in a report of pytest."""
    outcomes = {}
    for case in ElementTree.parse(path).iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        outcome = ("pass", "")
        for part in case:
            if part.tag in ("failure", "error"):
                outcome = ("fail", shortened(part.get("message")))
            elif part.tag == "skipped" and outcome[0] == "pass":
                outcome = ("skip", shortened(part.get("message")))
        # A test that fails in its body and in its teardown is there twice.
        if outcomes.get(test, outcome)[0] != "fail":
            outcomes[test] = outcome
    return outcomes


def shortened(text, length=300):
    return " ".join((text or "").split())[:length]


MISSING = ("missing", "not run")
