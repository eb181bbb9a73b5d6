"""Inserts rows one by one and reads each by its key.

usage: single_row_statements.py text|prepared TABLE FIRST COUNT USER PASSWORD PORT
"""

import sys

import mysql.connector
import pymysql


def main():
    form, table, first, count, user, password, port = sys.argv[1:]
    account = {"host": "127.0.0.1", "port": int(port), "user": user, "password": password, "database": "test"}
    if form == "text":
        connection = pymysql.connect(autocommit=True, **account)
        inserts, selects = connection.cursor(), connection.cursor()
    else:
        connection = mysql.connector.connect(autocommit=True, use_pure=True, **account)
        inserts, selects = connection.cursor(prepared=True), connection.cursor(prepared=True)
    # The connector prepares again when it gets another string object, even of the same text.
    insert_sql = f"INSERT INTO {table} (id, v) VALUES (%s, %s)"
    select_sql = f"SELECT v FROM {table} WHERE id = %s"
    keys = range(int(first), int(first) + int(count))
    for key in keys:
        inserts.execute(insert_sql, (key, f"value {key}"))
    for key in keys:
        selects.execute(select_sql, (key,))
        rows = selects.fetchall()
        assert [row[0] for row in rows] == [f"value {key}"], (key, rows)
    connection.close()


if __name__ == "__main__":
    main()
