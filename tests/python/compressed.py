"""Compressed connections: small statements, packets around 16 MB both ways, errors, prepared statements.

usage: compressed.py pure|c USER PASSWORD PORT SIZE...
"""

import hashlib
import sys

import mysql.connector
from mysql.connector.constants import ClientFlag


def main():
    form, user, password, port, *sizes = sys.argv[1:]
    connection = mysql.connector.connect(
        host="127.0.0.1", port=int(port), user=user, password=password, database="test",
        use_pure=form == "pure", compress=True, connection_timeout=60,
    )
    cursor = connection.cursor()
    for number in range(300):
        cursor.execute(f"SELECT {number}, '{'x' * number}'")
        assert cursor.fetchall() == [(number, "x" * number)], number
    for size in map(int, sizes):
        block = hashlib.sha256(str(size).encode()).hexdigest()
        # Half of it is hard to pack, half is easy.
        text = "".join(hashlib.sha256(f"{size}{number}".encode()).hexdigest() for number in range(size // 128))
        text = (text + block * (size // 64 + 1))[:size]
        # The packet holds a byte of command and the statement around the text.
        cursor.execute(f"SELECT MD5('{text}') AS m, LENGTH('{size}') AS l, 7 AS n")
        assert cursor.fetchall() == [(hashlib.md5(text.encode()).hexdigest(), len(str(size)), 7)], size
        cursor.execute(f"SELECT '{text}' AS t")
        ((answer,),) = cursor.fetchall()
        if isinstance(answer, (bytes, bytearray)):
            answer = answer.decode()
        assert answer == text, f"{size}: {len(answer)} bytes came back"
    try:
        cursor.execute("SELECT nonsense FROM nowhere")
        raise AssertionError("no error")
    except mysql.connector.Error as error:
        assert error.errno == 1146, error
    prepared = connection.cursor(prepared=True)
    for number in range(20):
        prepared.execute("SELECT ?, ?", (number, "y" * 100 * number))
        (row,) = prepared.fetchall()
        assert (int(row[0]), len(row[1])) == (number, 100 * number), row
    prepared.close()
    connection.ping()
    connection.close()
    assert ClientFlag.COMPRESS == 0x20


if __name__ == "__main__":
    main()
