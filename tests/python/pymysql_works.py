"""An application's day with PyMySQL.

usage: pymysql_works.py USER PASSWORD PORT
"""

import sys

import pymysql
import pymysql.cursors


def main():
    user, password, port = sys.argv[1:]
    account = {"host": "127.0.0.1", "port": int(port), "user": user, "password": password}
    connection = pymysql.connect(database="test", **account)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pymysql_works")
        cursor.execute(
            "CREATE TABLE pymysql_works (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50), amount DECIMAL(10,2))"
        )
        cursor.execute("INSERT INTO pymysql_works (name, amount) VALUES (%s, %s)", ("Jürgen 😀", "12.50"))
        assert cursor.lastrowid == 1, cursor.lastrowid
        cursor.executemany(
            "INSERT INTO pymysql_works (name, amount) VALUES (%s, %s)", [(f"name {n}", n) for n in range(100)]
        )
        assert cursor.rowcount == 100, cursor.rowcount
        connection.commit()

        cursor.execute("UPDATE pymysql_works SET amount = amount + 1 WHERE id <= %s", (10,))
        connection.rollback()
        cursor.execute("SELECT name, amount FROM pymysql_works WHERE id = 1")
        name, amount = cursor.fetchone()
        assert (name, str(amount)) == ("Jürgen 😀", "12.50"), (name, amount)

        cursor.execute("SELECT COUNT(*), MIN(name), MAX(id) FROM pymysql_works")
        assert cursor.fetchone() == (101, "Jürgen 😀", 101)
        try:
            cursor.execute("SELECT * FROM no_such_table")
            raise AssertionError("a table that is not there was read")
        except pymysql.err.ProgrammingError as error:
            assert error.args[0] == 1146, error
        cursor.execute("SELECT NULL")
        assert cursor.fetchone() == (None,)
    with connection.cursor(pymysql.cursors.SSDictCursor) as cursor:
        cursor.execute("SELECT id FROM pymysql_works ORDER BY id")
        assert [row["id"] for row in cursor] == list(range(1, 102))
    with connection.cursor() as cursor:
        cursor.execute("SHOW TABLES LIKE 'pymysql_works'")
        assert cursor.fetchall() == (("pymysql_works",),)
        cursor.execute("DROP TABLE pymysql_works")
    connection.ping(reconnect=False)
    connection.close()
    for _ in range(50):
        connection = pymysql.connect(database="test", **account)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
        connection.close()


if __name__ == "__main__":
    main()
