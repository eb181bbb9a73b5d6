"""Runs one scenario directly and through the proxy, and compares everything a client sees.

usage: same_answers.py SCENARIO USER PASSWORD DIRECT_PORT PROXIED_PORT
"""

import sys

import pymysql

import scenarios
from observed import Account, Notes

SHOWN_DIFFERENCES = 8


def observe(scenario, account):
    """Each run has the scenario's database for itself and leaves none behind."""
    database = f"odp_{scenario}"
    keeper = pymysql.connect(**account.options(autocommit=True))
    with keeper.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {database}")
        cursor.execute(f"CREATE DATABASE {database}")
        notes = Notes(account)
        try:
            getattr(scenarios, scenario)(notes, database)
        finally:
            cursor.execute(f"DROP DATABASE IF EXISTS {database}")
    keeper.close()
    return notes.seen


def differences(direct, proxied):
    for number in range(max(len(direct), len(proxied))):
        pair = [seen[number] if number < len(seen) else None for seen in (direct, proxied)]
        if pair[0] != pair[1]:
            yield number, pair


def main():
    scenario, user, password, direct_port, proxied_port = sys.argv[1:]
    direct = observe(scenario, Account(int(direct_port), user, password))
    proxied = observe(scenario, Account(int(proxied_port), user, password))
    if not direct:
        sys.exit(f"{scenario} observed nothing")
    different = list(differences(direct, proxied))
    for number, (left, right) in different[:SHOWN_DIFFERENCES]:
        print(f"{scenario} observation {number}\n  direct : {left}\n  proxied: {right}")
    print(f"{scenario}: {len(direct)} observations, {len(different)} differences")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
