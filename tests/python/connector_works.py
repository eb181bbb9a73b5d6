"""An application's day with mysql-connector-python, in Python or over its C extension.

usage: connector_works.py pure|c USER PASSWORD PORT
"""

import datetime
import decimal
import sys

import mysql.connector


def main():
    form, user, password, port = sys.argv[1:]
    table = f"connector_works_{form}"
    connection = mysql.connector.connect(
        host="127.0.0.1", port=int(port), user=user, password=password, database="test", use_pure=form == "pure"
    )
    used = type(connection).__name__
    assert used == ("MySQLConnection" if form == "pure" else "CMySQLConnection"), used
    cursor = connection.cursor()
    cursor.execute(f"DROP TABLE IF EXISTS {table}")
    cursor.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY, name VARCHAR(50), d DATETIME, n DECIMAL(10,2), b BLOB)")

    prepared = connection.cursor(prepared=True)
    insert = f"INSERT INTO {table} VALUES (%s, %s, %s, %s, %s)"
    moment = datetime.datetime(2026, 2, 3, 4, 5, 6)
    for number in range(100):
        # As text, because the C extension corrupts its memory when it binds a Decimal.
        row = (number, f"naïve {number}", moment, str(number), bytes(range(number)))
        prepared.execute(insert, row)
    connection.commit()
    prepared.execute(insert, (1000, None, None, None, None))
    connection.rollback()

    select = f"SELECT * FROM {table} WHERE id = %s"
    for number in range(100):
        prepared.execute(select, (number,))
        row = prepared.fetchone()
        assert row[:4] == (number, f"naïve {number}", moment, decimal.Decimal(number)), row
        assert bytes(row[4]) == bytes(range(number)), row
        assert prepared.fetchone() is None
    cursor.execute(f"SELECT COUNT(*) FROM {table}")
    assert cursor.fetchone() == (100,)
    try:
        prepared.execute(insert, (1, None, None, None, None))
        raise AssertionError("a duplicate key was taken")
    except mysql.connector.Error as error:
        assert error.errno == 1062, error
    prepared.close()
    cursor.execute(f"DROP TABLE {table}")
    connection.ping()
    connection.close()


if __name__ == "__main__":
    main()
