"""Runs a client's own test suite directly and through odp, and compares the two test by test.

    python3 tests/suites/run.py --suite mysqlclient --engine mariadb

Sources are fetched at their pinned versions and prepared under target/real/suites. The suite runs
twice directly, which shows the tests that cannot make up their mind, and once through odp. The exit
code is 0 when every other test ends the same way or for a reason that is known, else 1.
"""

import argparse
import sys
import time
from pathlib import Path

import comparison
from engine import Engine
from parts import Parts
from suites import SUITES

WORKSPACE = Path(__file__).resolve().parents[2]

BULK = "it demands MariaDB's bulk operations, whose capability bit odp clears"

# Tests that end differently, with the reason. They are printed each time.
EXPLAINED = {
    ("client-test", "mariadb"): {
        **dict.fromkeys(
            ["test_bulk_autoinc", "test_bulk_delete", "test_bulk_replace",
             "test_bulk_insert_returning", "test_bulk_delete_returning", "test_mdev_24411",
             "test_mdev35953"], BULK),
        "test_progress_reporting":
            "it demands MariaDB's progress reports, whose capability bit odp clears",
    },
    ("client-test", "seekdb"): {
        "test_bug49972":
            "behind the OUT parameters of a prepared CALL, the engine sends clients one OK packet too "
            "many; from a proxy it keeps that one to itself",
    },
    ("mysql_async", "seekdb"): {
        "conn::pool::test::should_reconnect":
            "it kills over the engine's own socket, past odp, and expects the closed connection "
            "of a client for which nothing runs there; odp tells that client at its next statement",
    },
}


def main():
    options = read_options()
    suite = SUITES[options.suite]()
    with Parts(options.real / "suites") as parts:
        suite.prepare(parts)
    with Engine(WORKSPACE, options.engine, options.fronted, options.pool) as engine:
        runs = {}
        for name, port in [
            ("direct", engine.direct),
            ("direct again", engine.direct),
            ("through odp", engine.proxied),
        ]:
            engine.empty_the_databases()
            started = time.monotonic()
            runs[name] = suite.run(engine.account(port), options.only)
            say(f"{options.suite} on {options.engine}, {name}: {comparison.totals(runs[name])}, "
                f"{time.monotonic() - started:.0f} s")
        differences, unstable = comparison.compare(*runs.values())
    for test in unstable:
        say(f"unstable without odp: {test}")
    explained = EXPLAINED.get((options.suite, options.engine), {})
    unexplained = [test for test in differences if test not in explained]
    for test, difference in differences.items():
        say(f"differs: {difference}")
        if test in explained:
            say(f"  because {explained[test]}")
    say(f"{len(differences)} tests differ, {len(unexplained)} of them for no known reason"
        if differences else "the same, test by test")
    return 1 if unexplained or not comparison.has_passes(runs["direct"]) else 0


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", choices=sorted(SUITES), required=True)
    parser.add_argument("--engine", choices=["mariadb", "seekdb"], required=True)
    parser.add_argument("--pool", choices=["off", "session", "transaction"],
                        help="the pool_mode of odp, when it is not to be the default")
    parser.add_argument("--only", help="only tests whose name contains this")
    parser.add_argument("--real", type=Path, default=WORKSPACE / "target" / "real",
                        help="where everything that is fetched lies")
    parser.add_argument("--fronted", type=Path,
                        help="the program that starts engine and odp, when it is built already")
    return parser.parse_args()


def say(line):
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
