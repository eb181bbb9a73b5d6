"""What a client sees of a server: every byte after the login, and what a library makes of it."""

import hashlib

import mysql.connector
import pymysql
import pymysql.constants.CLIENT as CLIENT

LARGE = 1 << 16


class Account:
    """Where and as whom to log in."""

    def __init__(self, port, user, password):
        self.port, self.user, self.password = port, user, password

    def options(self, **more):
        return dict(
            {"host": "127.0.0.1", "port": self.port, "user": self.user, "password": self.password},
            **more,
        )


class Tapped(pymysql.connections.Connection):
    """A PyMySQL connection that keeps the bytes it reads, frame headers included."""

    def __init__(self, **options):
        self.tape = bytearray()
        super().__init__(**options)

    def _read_bytes(self, count):
        data = super()._read_bytes(count)
        self.tape += data
        return data

    def take_tape(self):
        tape, self.tape = self.tape, bytearray()
        return bytes(tape)


def shown(value):
    """A value that compares and prints well: the large ones as length and digest."""
    if isinstance(value, (bytes, bytearray)) and len(value) > LARGE:
        return f"{len(value)} bytes sha256 {hashlib.sha256(value).hexdigest()}"
    if isinstance(value, str) and len(value) > LARGE:
        return shown(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    return repr(value)


class Notes:
    """The observations of one run, in order."""

    def __init__(self, account):
        self.account, self.seen = account, []

    def note(self, label, value):
        self.seen.append((label[:100], shown(value)))

    def failure(self, label, error):
        self.note(f"{label}: error", error.args)

    def connect(self, **options):
        options.setdefault("charset", "utf8mb4")
        options.setdefault("client_flag", CLIENT.MULTI_STATEMENTS)
        options.setdefault("autocommit", None)
        connection = Tapped(**self.account.options(**options))
        connection.take_tape()
        # The library starts from the greeting's status, which is the proxy's own.
        connection.server_status = 0
        return connection

    def run(self, connection, sql, arguments=None):
        """Runs one text of statements; notes each result, the error that ends it, and the bytes."""
        try:
            cursor = connection.cursor()
            cursor.execute(sql, arguments)
            while True:
                self.note(sql, (cursor.description, cursor.fetchall()))
                self.note(
                    f"{sql}: outcome",
                    (cursor.rowcount, cursor.lastrowid, cursor.warning_count, connection.server_status),
                )
                if not cursor.nextset():
                    break
        except pymysql.err.MySQLError as error:
            self.failure(sql, error)
        self.note(f"{sql}: bytes", connection.take_tape())

    def script(self, connection, statements):
        for sql in statements:
            self.run(connection, sql)

    def connector(self, pure, **options):
        """A mysql-connector-python connection, in Python or over its C extension."""
        return mysql.connector.connect(**self.account.options(use_pure=pure, **options))

    def prepared(self, cursor, sql, arguments=()):
        """Executes by the binary protocol when the cursor is a prepared one."""
        try:
            cursor.execute(sql, arguments)
            if cursor.description:
                self.note(sql, (cursor.description, cursor.fetchall()))
            self.note(f"{sql}: outcome", (cursor.rowcount, cursor.lastrowid))
        except mysql.connector.Error as error:
            self.note(f"{sql}: error", (error.errno, error.sqlstate, error.msg))
