"""What came of the tests of two runs, put side by side.

An outcome is (word, reason); the words are pass, fail and skip.
"""

from collections import Counter
from xml.etree import ElementTree


def compare(direct, again, proxied):
    """The tests that end differently through the proxy, and those that do so without it."""
    differences, unstable = {}, []
    for test in sorted(direct.keys() | again.keys() | proxied.keys()):
        first, second, through = (run.get(test, MISSING) for run in (direct, again, proxied))
        if first[0] != second[0]:
            unstable.append(f"{test}: {first[0]}, then {second[0]}")
        elif first[0] != through[0]:
            reason = through[1] or first[1]
            differences[test] = f"{test}: {first[0]}, through odp {through[0]}: {reason}"
    return differences, unstable


def totals(outcomes):
    counts = Counter(word for word, _ in outcomes.values())
    return ", ".join(f"{counts[word]} {word}" for word in ("pass", "fail", "skip"))


def has_passes(outcomes):
    return any(word == "pass" for word, _ in outcomes.values())


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
