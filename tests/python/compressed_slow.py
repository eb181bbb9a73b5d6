"""A large result over a compressed connection for a client that reads slowly, looked at row by row.

usage: compressed_slow.py USER PASSWORD PORT ROWS BYTES
"""

import hashlib
import sys
import time

import mysql.connector

REST_AFTER = 8 << 20


def main():
    user, password, port, rows, size = sys.argv[1:]
    rows, size = int(rows), int(size)
    connection = mysql.connector.connect(
        host="127.0.0.1", port=int(port), user=user, password=password, database="test",
        use_pure=False, compress=True, connection_timeout=60,
    )
    cursor = connection.cursor(buffered=False, raw=True)
    cursor.execute(f"SELECT REPEAT(MD5(seq), {size // 32}) FROM seq_1_to_{rows}")
    seen, since = 0, 0
    for (text,) in cursor:
        seen += 1
        digest = hashlib.md5(str(seen).encode()).hexdigest().encode()
        assert bytes(text) == digest * (size // 32), f"row {seen}"
        since += size
        if since >= REST_AFTER:
            time.sleep(0.01)
            since = 0
    assert seen == rows, seen
    connection.close()


if __name__ == "__main__":
    main()
