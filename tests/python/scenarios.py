"""What is compared between a direct connection and one through the proxy, one function a theme."""

import os
import re
import struct
import tempfile

import mysql.connector
import pymysql
import pymysql.constants.COMMAND as COMMAND

MEGABYTE = 1 << 20
FRAME = (1 << 24) - 1


def login(notes, database):
    connection = notes.connect(database=database)
    notes.run(connection, "SELECT DATABASE(), CURRENT_USER()")
    for label, options in {
        "wrong password": {"password": "not the password"},
        "no password": {"password": ""},
        "unknown user": {"user": "nobody@sys"},
        "unknown database": {"database": "no_such_database"},
    }.items():
        try:
            pymysql.connect(**notes.account.options(**options)).close()
            notes.note(label, "let in")
        except pymysql.err.MySQLError as error:
            notes.failure(label, error)


def text_statements(notes, database):
    connection = notes.connect(database=database)
    notes.script(
        connection,
        [
            "SELECT 1",
            "SELECT 1 + 1 AS two, 'text' AS text, NULL AS nothing, 1.50 AS fixed, 1e3 AS floating",
            "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(30), KEY (v))",
            "CREATE TABLE t (id INT PRIMARY KEY)",
            "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, NULL)",
            "INSERT INTO t VALUES (1, 'again')",
            "INSERT IGNORE INTO t VALUES (1, 'again'), (4, 'four')",
            "REPLACE INTO t VALUES (4, 'vier')",
            "INSERT INTO t VALUES (4, 'x') ON DUPLICATE KEY UPDATE v = 'quatre'",
            "UPDATE t SET v = 'uno' WHERE id = 1",
            "UPDATE t SET v = 'uno' WHERE id = 1",
            "UPDATE t SET v = 'none' WHERE id = 99",
            "DELETE FROM t WHERE id = 2",
            "SELECT * FROM t ORDER BY id",
            "SELECT * FROM t WHERE id = 99",
            "SELECT COUNT(*), MAX(v) FROM t",
            "(SELECT id FROM t) UNION ALL (SELECT 9) ORDER BY 1",
            "/* a comment */ SELECT /* inside */ id FROM t -- and behind\nWHERE id = 1",
            "SELECT id FROM t WHERE v = 'it''s' OR v = \"a \\\" b\" OR id = 1",
            "SELECT " + ", ".join(f"{n} AS c{n}" for n in range(300)),
            "EXPLAIN SELECT 1",
            "DO 1",
            "SET @a = 1",
            "TRUNCATE TABLE t",
            "DROP TABLE t",
            "DROP TABLE IF EXISTS t",
            "SELEC 1",
            "",
            ";",
        ],
    )


def prepared_statements(notes, database):
    # The C extension cannot log in to the engine directly: it finds an OK packet malformed.
    connection = notes.connector(True, database=database, autocommit=True)
    plain = connection.cursor()
    plain.execute("DROP TABLE IF EXISTS p")
    plain.execute("CREATE TABLE p (id INT PRIMARY KEY, v VARCHAR(200), d DECIMAL(20,6), t DATETIME(6), b LONGBLOB)")
    cursor = connection.cursor(prepared=True)
    insert = "INSERT INTO p VALUES (%s, %s, %s, %s, %s)"
    for number in range(50):
        value = None if number % 7 == 0 else f"wert {number} ü😀"
        blob = bytes(range(256)) * number
        notes.prepared(cursor, insert, (number, value, f"{number}.5", f"2026-01-02 03:04:{number:02}.123456", blob))
    notes.prepared(cursor, insert, (1, "twice", None, None, None))
    select = "SELECT * FROM p WHERE id = %s"
    for number in range(50):
        notes.prepared(cursor, select, (number,))
    notes.prepared(cursor, select, ("7",))
    notes.prepared(cursor, select, (None,))
    notes.prepared(cursor, "SELECT * FROM p ORDER BY id")
    notes.prepared(cursor, "SELECT %s, %s, %s, %s, %s", (1, -(2**62), 1.5, "text", None))
    notes.prepared(cursor, "SELECT * FROM no_such_table WHERE id = %s", (1,))
    notes.prepared(cursor, "SELEC %s", (1,))
    notes.prepared(cursor, "UPDATE p SET v = %s WHERE id < %s", ("new", 10))
    notes.prepared(cursor, "DELETE FROM p WHERE id >= %s", (40,))
    notes.prepared(cursor, "SELECT COUNT(*) FROM p")
    many = [connection.cursor(prepared=True) for _ in range(30)]
    for number, other in enumerate(many):
        notes.prepared(other, f"SELECT %s + {number}", (number,))
    for other in many:
        other.close()
    notes.prepared(cursor, "SELECT LENGTH(%s)", (b"x" * MEGABYTE,))
    connection.close()


def transactions(notes, database):
    connection = notes.connect(database=database)
    other = notes.connect(database=database)
    notes.run(connection, "CREATE TABLE t (id INT PRIMARY KEY, v INT)")
    count = "SELECT COUNT(*), SUM(v) FROM t"
    for begin in ("BEGIN", "START TRANSACTION", "START TRANSACTION READ WRITE", "SET autocommit = 0"):
        for end in ("ROLLBACK", "COMMIT"):
            notes.run(connection, begin)
            notes.run(connection, f"INSERT INTO t SELECT COALESCE(MAX(id), 0) + 1, 5 FROM t")
            notes.run(connection, count)
            notes.run(other, count)
            notes.run(connection, "INSERT INTO t VALUES (1, 0)")
            notes.run(connection, end)
            notes.run(connection, count)
            notes.run(other, count)
        notes.run(connection, "SET autocommit = 1")
    notes.script(
        connection,
        [
            "BEGIN",
            "BEGIN",
            "INSERT INTO t VALUES (100, 1)",
            "SAVEPOINT s",
            "INSERT INTO t VALUES (101, 1)",
            "ROLLBACK TO s",
            "INSERT INTO t VALUES (102, 1)",
            "RELEASE SAVEPOINT s",
            "COMMIT",
            "SELECT * FROM t WHERE id >= 100 ORDER BY id",
            "START TRANSACTION READ ONLY",
            "INSERT INTO t VALUES (200, 1)",
            "ROLLBACK",
            "BEGIN",
            "INSERT INTO t VALUES (300, 1)",
            "CREATE TABLE implicit_commit (id INT)",
            "ROLLBACK",
            "SELECT * FROM t WHERE id >= 200 ORDER BY id",
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "BEGIN",
            "SELECT 1",
            "COMMIT",
            "COMMIT",
            "ROLLBACK",
        ],
    )


def unicode_text(notes, database):
    connection = notes.connect(database=database)
    notes.run(connection, "CREATE TABLE `täble` (`schlüssel` INT PRIMARY KEY, `wért` TEXT CHARACTER SET utf8mb4)")
    words = ["Grüße", "日本語", "😀👩‍👩‍👧", "ﷺ", "a\u0000b", "back\\slash", "quote'\"`", "\u202eltr", "%_", ""]
    for number, word in enumerate(words):
        notes.run(connection, "INSERT INTO `täble` VALUES (%s, %s)", (number, word))
    notes.run(connection, "SELECT *, CHAR_LENGTH(`wért`), HEX(`wért`) FROM `täble` ORDER BY 1")
    notes.run(connection, "SELECT 'ß' AS `größe 😀`")
    for charset in ("latin1", "gbk", "utf8mb4", "binary"):
        notes.run(connection, f"SET NAMES {charset}")
        notes.run(connection, "SHOW VARIABLES LIKE 'character_set_c%'")
        notes.run(connection, "SELECT HEX(`wért`) FROM `täble` ORDER BY 1")
        notes.run(connection, "SELECT HEX('\u00fc')")
    for charset in ("latin1", "gbk"):
        other = notes.connect(database=database, charset=charset)
        notes.run(other, "SELECT @@character_set_client, @@character_set_results, @@collation_connection")
        notes.run(other, "SELECT 'a', HEX('a')")


TYPES = {
    "TINYINT": ["-128", "127"],
    "TINYINT UNSIGNED": ["0", "255"],
    "SMALLINT": ["-32768", "32767"],
    "MEDIUMINT": ["-8388608", "8388607"],
    "INT": ["-2147483648", "2147483647"],
    "INT UNSIGNED ZEROFILL": ["7", "4294967295"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807"],
    "BIGINT UNSIGNED": ["0", "18446744073709551615"],
    "BOOLEAN": ["TRUE", "FALSE"],
    "DECIMAL(30,10)": ["-12345678901234567890.0123456789", "0"],
    "FLOAT": ["1.5", "-3.4e38"],
    "DOUBLE": ["1.7976931348623157e308", "2.2e-308"],
    "BIT(10)": ["b'1010101010'", "0"],
    "DATE": ["'1000-01-01'", "'9999-12-31'"],
    "TIME": ["'-838:59:59'", "'23:59:59'"],
    "TIME(6)": ["'-01:02:03.000001'", "'00:00:00'"],
    "DATETIME": ["'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'"],
    "DATETIME(6)": ["'2026-02-28 23:59:59.999999'", "'2000-01-01'"],
    "TIMESTAMP NULL": ["'2026-03-29 02:30:00'", "'1971-01-01 00:00:00'"],
    "YEAR": ["1901", "2155"],
    "CHAR(10)": ["'ab  '", "''"],
    "VARCHAR(300)": ["'v'", "REPEAT('w', 300)"],
    "BINARY(5)": ["'a'", "x'0001020304'"],
    "VARBINARY(300)": ["x'00ff'", "REPEAT(x'fe', 255)"],
    "TINYTEXT": ["'t'", "''"],
    "TEXT": ["REPEAT('t', 60000)", "''"],
    "MEDIUMTEXT": ["REPEAT('m', 70000)", "''"],
    "LONGTEXT": ["'l'", "''"],
    "BLOB": ["x'00'", "''"],
    "LONGBLOB": ["REPEAT(x'00ff', 50000)", "''"],
    "ENUM('a','b','')": ["'a'", "''"],
    "SET('x','y','z')": ["'x,z'", "''"],
    "JSON": ["'{\"k\": [1, null, \"ü\"]}'", "'[]'"],
    "POINT": ["ST_GeomFromText('POINT(1 2)')", "NULL"],
}


def types_and_nulls(notes, database):
    connection = notes.connect(database=database, autocommit=True)
    connector = notes.connector(True, database=database, autocommit=True)
    for number, (kind, values) in enumerate(TYPES.items()):
        table = f"type{number}"
        notes.run(connection, f"CREATE TABLE {table} (id INT PRIMARY KEY, v {kind})")
        for row, value in enumerate([*values, "NULL"]):
            notes.run(connection, f"INSERT INTO {table} VALUES ({row}, {value})")
        select = f"SELECT v, id FROM {table} ORDER BY id"
        notes.run(connection, select)
        # Its own reading of a few types fails on what the engine sends; then the error is compared.
        try:
            cursor = connector.cursor(prepared=True)
            notes.prepared(cursor, select)
            cursor.close()
        except Exception as error:
            notes.note(f"{select}: prepared", f"{type(error).__name__} {error}")
            connector.close()
            connector = notes.connector(True, database=database, autocommit=True)


def large_result(notes, database):
    connection = notes.connect(database=database, autocommit=True)
    notes.run(connection, "CREATE TABLE big (id INT PRIMARY KEY, v LONGTEXT)")
    for number in range(20):
        notes.run(connection, f"INSERT INTO big VALUES ({number}, REPEAT('{chr(97 + number)}', {MEGABYTE}))")
    notes.run(connection, "SELECT * FROM big ORDER BY id")
    notes.run(connection, "SELECT id, LENGTH(v) FROM big ORDER BY id")
    notes.run(connection, "CREATE TABLE many (id INT PRIMARY KEY, v INT)")
    for start in range(0, 100_000, 10_000):
        rows = ",".join(f"({number},{number * 7})" for number in range(start, start + 10_000))
        notes.run(connection, f"INSERT INTO many VALUES {rows}")
    notes.run(connection, "SELECT * FROM many ORDER BY id")
    # A reader that takes rows one by one and leaves in the middle.
    cursor = connection.cursor(pymysql.cursors.SSCursor)
    cursor.execute("SELECT * FROM many ORDER BY id")
    notes.note("unbuffered", [cursor.fetchone() for _ in range(1000)])
    cursor.close()
    connection.take_tape()
    notes.run(connection, "SELECT 1")


def error_in_the_middle(notes, database):
    connection = notes.connect(database=database, autocommit=True)
    notes.run(connection, "CREATE TABLE t (id INT PRIMARY KEY)")
    notes.run(connection, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)")
    notes.run(connection, "SELECT * FROM t")
    notes.run(connection, "SELECT 1; SELECT * FROM no_such_table; SELECT 2")
    notes.run(connection, "SELECT 1; SELEC 2; SELECT 3")
    notes.run(connection, "SELECT 3")
    for sql in ["SELECT * FROM no_such_table", "SELECT no_such_column FROM t", "SELECT NOSUCHFUNCTION()",
                "INSERT INTO t VALUES (1, 2)", "INSERT INTO t VALUES (NULL)", "CREATE DATABASE " + "x" * 500,
                "SELECT * FROM t WHERE", "USE no_such_database", "SET NAMES nosuchcharset", "KILL 999999999"]:
        notes.run(connection, sql)
        notes.run(connection, "SELECT * FROM t")
    # The division fails after rows may have been sent.
    notes.run(connection, "SELECT id, CAST(18446744073709551615 AS UNSIGNED) + id FROM t")


def warnings(notes, database):
    connection = notes.connect(database=database, autocommit=True)
    notes.script(
        connection,
        [
            "SET sql_mode = ''",
            "CREATE TABLE t (id TINYINT, v VARCHAR(3))",
            "INSERT INTO t VALUES (1000, 'too long'), (2, 'ok')",
            "SHOW WARNINGS",
            "SHOW COUNT(*) WARNINGS",
            "SELECT 1/0, CAST('12x' AS SIGNED)",
            "SHOW WARNINGS",
            "SELECT @@warning_count, @@error_count",
            "DROP TABLE IF EXISTS nothing, nothing_too",
            "SHOW WARNINGS",
            "SELECT * FROM no_such_table",
            "SHOW ERRORS",
            "SELECT 1",
            "SHOW WARNINGS",
        ],
    )


def multiple_results(notes, database):
    connection = notes.connect(database=database, autocommit=True)
    notes.script(
        connection,
        [
            "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT); SELECT 1",
            "INSERT INTO t (v) VALUES (1); INSERT INTO t (v) VALUES (2),(3); SELECT * FROM t ORDER BY id",
            "SELECT 1; SELECT 2; SELECT 3;",
            "SELECT 1; UPDATE t SET v = v + 1; SELECT SUM(v) FROM t; DELETE FROM t WHERE id = 1",
            "BEGIN; INSERT INTO t (v) VALUES (9); ROLLBACK; SELECT COUNT(*) FROM t",
            "SET @a = 5; SELECT @a; SET @a = @a + 1; SELECT @a",
            "CREATE PROCEDURE two_results(n INT) BEGIN SELECT n; SELECT n + 1; END",
            "CALL two_results(4)",
            "CALL two_results(4); SELECT 'behind'",
            "; ".join(f"SELECT {number}" for number in range(100)),
            "DROP PROCEDURE two_results",
        ],
    )


def last_insert_id(notes, database):
    connection = notes.connect(database=database, autocommit=True)
    notes.script(
        connection,
        [
            "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, v INT)",
            "SELECT LAST_INSERT_ID()",
            "INSERT INTO t (v) VALUES (1)",
            "SELECT LAST_INSERT_ID(), @@last_insert_id, @@identity",
            "INSERT INTO t (v) VALUES (2), (3), (4)",
            "SELECT LAST_INSERT_ID()",
            "SELECT 1",
            "SELECT LAST_INSERT_ID()",
            "INSERT INTO t VALUES (100, 5)",
            "SELECT LAST_INSERT_ID()",
            "INSERT INTO t (v) VALUES (6)",
            "SELECT id FROM t WHERE id = LAST_INSERT_ID()",
            "UPDATE t SET id = LAST_INSERT_ID(id + 1000) WHERE v = 6",
            "SELECT LAST_INSERT_ID(), ROW_COUNT()",
            "SELECT LAST_INSERT_ID(77)",
            "SELECT LAST_INSERT_ID()",
            "SELECT SQL_CALC_FOUND_ROWS * FROM t ORDER BY id LIMIT 2",
            "SELECT FOUND_ROWS()",
            "DELETE FROM t WHERE v < 3",
            "SELECT ROW_COUNT()",
        ],
    )


def session_variables(notes, database):
    connection = notes.connect(database=database, autocommit=True)
    other = notes.connect(database=database)
    names = "@@sql_mode, @@time_zone, @@autocommit, @@wait_timeout, @@ob_query_timeout, @@tx_isolation, @a, @b"
    notes.run(connection, f"SELECT {names}")
    notes.script(
        connection,
        [
            "SET sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES'",
            'SELECT 1 AS "quoted"',
            "SET time_zone = '+05:30'",
            "SELECT FROM_UNIXTIME(0)",
            "SET SESSION wait_timeout = 1234, @@ob_query_timeout = 20000000",
            "SET @a = 'text with ''quotes'' and ü', @b := 1.5",
            "SET autocommit = 0",
            f"SELECT {names}",
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "SELECT @@tx_isolation",
            "SET character_set_results = NULL",
            "SELECT @@character_set_results",
            "SET character_set_results = utf8mb4",
            "SET no_such_variable = 1",
            "SET wait_timeout = 'text'",
            "SET @@version = 'x'",
            "SELECT @c := 7, @c + 1",
            "SELECT @c",
            "SET sql_mode = DEFAULT, time_zone = DEFAULT",
        ],
    )
    notes.run(connection, f"SELECT {names}")
    notes.run(other, f"SELECT {names}")


def other_databases(notes, database):
    second = f"{database}_second"
    connection = notes.connect(database=database, autocommit=True)
    notes.script(
        connection,
        [
            f"DROP DATABASE IF EXISTS {second}",
            f"CREATE DATABASE {second}",
            "CREATE TABLE t (v INT)",
            "INSERT INTO t VALUES (1)",
            f"CREATE TABLE {second}.t (v INT)",
            f"INSERT INTO {second}.t VALUES (2)",
            f"SELECT t.v, s.v FROM t, {second}.t s",
            f"USE {second}",
            "SELECT DATABASE(), v FROM t",
            "USE no_such_database",
            "SELECT DATABASE(), v FROM t",
        ],
    )
    for name in (database, second, "no_such_database", database):
        try:
            connection.select_db(name)
        except pymysql.err.MySQLError as error:
            notes.failure(f"init_db {name}", error)
        notes.note(f"init_db {name}: bytes", connection.take_tape())
        notes.run(connection, "SELECT DATABASE(), v FROM t")
    nowhere = notes.connect(autocommit=True)
    notes.run(nowhere, "SELECT DATABASE()")
    notes.run(nowhere, "SELECT * FROM t")
    notes.run(connection, f"USE {second}")
    notes.run(connection, f"DROP DATABASE {second}")
    notes.run(connection, "SELECT DATABASE()")
    notes.run(connection, "SELECT * FROM t")


def show_statements(notes, database):
    connection = notes.connect(database=database, autocommit=True)
    notes.run(connection, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9) DEFAULT 'x' COMMENT 'c', KEY k (v))")
    notes.run(connection, "CREATE TABLE h (id INT PRIMARY KEY) PARTITION BY HASH(id) PARTITIONS 4")
    notes.run(connection, "CREATE VIEW w AS SELECT id FROM t")
    notes.script(
        connection,
        [
            "SHOW TABLES",
            "SHOW FULL TABLES",
            "SHOW COLUMNS FROM t",
            "SHOW FULL COLUMNS FROM t",
            "DESCRIBE t",
            "SHOW INDEX FROM t",
            "SHOW CREATE TABLE t",
            "SHOW CREATE TABLE h",
            "SHOW CREATE VIEW w",
            f"SHOW CREATE DATABASE {database}",
            "SHOW VARIABLES LIKE 'character%'",
            "SHOW VARIABLES LIKE 'version%'",
            "SHOW GLOBAL VARIABLES LIKE 'autocommit'",
            "SHOW CHARACTER SET",
            "SHOW COLLATION LIKE 'utf8mb4%'",
            "SHOW ENGINES",
            "SHOW GRANTS",
            "SHOW PRIVILEGES",
            "SHOW TABLE STATUS LIKE 'nothing'",
            "SHOW PROCEDURE STATUS WHERE Db = 'nothing'",
            "SHOW TRIGGERS",
            "SHOW STATUS LIKE 'nothing'",
            "SHOW NONSENSE",
            "SELECT table_name, table_rows FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1",
        ],
    )


def load_data_local(notes, database):
    connection = notes.connect(database=database, autocommit=True, local_infile=True)
    notes.run(connection, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))")
    with tempfile.TemporaryDirectory() as folder:
        # The names of the files are part of what the server sends, hence the same in every run.
        os.chdir(folder)
        contents = {
            "few.csv": "1,one\n2,zwei ü\n3,\\N\n",
            "bad.csv": "4,four\nx,not a number\n4,again\n",
            "empty.csv": "",
            "many.csv": "".join(f"{number},row {number}\n" for number in range(1000, 60_000)),
        }
        for name, content in contents.items():
            with open(name, "w", encoding="utf8") as file:
                file.write(content)
        for name in [*contents, "missing.csv"]:
            notes.run(connection, f"LOAD DATA LOCAL INFILE '{name}' INTO TABLE t FIELDS TERMINATED BY ','")
            notes.run(connection, "SHOW WARNINGS")
            notes.run(connection, "SELECT COUNT(*), MAX(v) FROM t")
        os.chdir("/")
    notes.run(connection, "LOAD DATA LOCAL INFILE 'few.csv' INTO TABLE no_such_table")
    notes.run(connection, "SELECT 1")


def large_packets(notes, database):
    connection = notes.connect(database=database, autocommit=True, max_allowed_packet=1 << 30)
    notes.run(connection, "SELECT @@max_allowed_packet")
    overhead = len("SELECT LENGTH('')") + 1
    for size in (MEGABYTE, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 40 * MEGABYTE):
        try:
            notes.run(connection, "SELECT LENGTH('" + "x" * (size - overhead) + "')")
        except (OSError, pymysql.err.MySQLError) as error:
            notes.note(f"request of {size}", type(error).__name__)
        try:
            connection.ping(reconnect=False)
        except (OSError, pymysql.err.MySQLError) as error:
            notes.note(f"after a request of {size}", type(error).__name__)
            connection = notes.connect(database=database, autocommit=True, max_allowed_packet=1 << 30)
        connection.take_tape()
    for size in (FRAME - 5, FRAME - 4, FRAME - 3, FRAME, 20 * MEGABYTE):
        notes.run(connection, f"SELECT REPEAT('y', {size})")
        notes.run(connection, f"SELECT CONCAT(REPEAT('y', {size // 2}), REPEAT('z', {size - size // 2})), 1")
    notes.run(connection, "SELECT 1")


def commands(notes, database):
    connection = notes.connect(database=database, autocommit=True)
    notes.run(connection, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))")

    def command(label, code, argument=b"", packets=1):
        try:
            connection._execute_command(code, argument)
            for _ in range(packets):
                connection._read_packet()
        except pymysql.err.MySQLError as error:
            notes.failure(label, error)
        notes.note(f"{label}: bytes", connection.take_tape())

    command("ping", COMMAND.COM_PING)
    connection._execute_command(COMMAND.COM_STATISTICS, b"")
    connection._read_packet()
    # Counters move between the runs.
    notes.note("statistics", re.sub(rb"[0-9.]+", b"N", connection.take_tape()[4:]))
    command("field list", COMMAND.COM_FIELD_LIST, b"t\0", packets=3)
    command("field list of nothing", COMMAND.COM_FIELD_LIST, b"nothing\0")
    command("multi-statements off", COMMAND.COM_SET_OPTION, struct.pack("<H", 1))
    notes.run(connection, "SELECT 1; SELECT 2")
    command("multi-statements on", COMMAND.COM_SET_OPTION, struct.pack("<H", 0))
    notes.run(connection, "SELECT 1; SELECT 2")
    notes.run(connection, "SET @a = 1")
    command("reset connection", 31)
    notes.run(connection, "SELECT @a, DATABASE()")
    command("create database", COMMAND.COM_CREATE_DB, f"{database}_by_command".encode())
    command("drop database", COMMAND.COM_DROP_DB, f"{database}_by_command".encode())
    notes.run(connection, "SELECT 1")


def binary_protocol(notes, database):
    """The commands of prepared statements byte by byte, cursors included."""
    connection = notes.connect(database=database, autocommit=True)
    notes.run(connection, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(9))")
    notes.run(connection, "INSERT INTO t VALUES " + ",".join(f"({number},'v{number}')" for number in range(25)))

    def read_until_eof():
        """Gives the status flags of the EOF."""
        while True:
            packet = connection._read_packet()
            if packet.is_eof_packet():
                return struct.unpack("<H", packet.get_all_data()[3:5])[0]

    numbers = []

    def name(statement):
        """The number of a statement is the server's business; its place in the order is not."""
        return f"statement {numbers.index(statement)}"

    def noted(label, action):
        result = None
        try:
            result = action()
        except pymysql.err.MySQLError as error:
            notes.note(f"{label}: error", re.sub(r"\(\d+\)", "(id)", str(error.args)))
        tape = connection.take_tape()
        if tape[4:5] == b"\xff":
            tape = re.sub(rb"\(\d+\)", b"(id)", tape[4:])
        if label.startswith("prepare"):
            tape = tape[:5] + tape[9:]
        notes.note(f"{label}: bytes", tape)
        return result

    def prepare(sql):
        def action():
            connection._execute_command(COMMAND.COM_STMT_PREPARE, sql)
            statement, columns, parameters = struct.unpack("<IHH", connection._read_packet().get_all_data()[1:9])
            for count in (parameters, columns):
                if count:
                    read_until_eof()
            numbers.append(statement)
            return statement

        return noted(f"prepare {sql}", action)

    def execute(statement, cursor=0, values=b""):
        def action():
            connection._execute_command(COMMAND.COM_STMT_EXECUTE, struct.pack("<IBI", statement, cursor, 1) + values)
            if not connection._read_packet().is_ok_packet() and not read_until_eof() & 0x40:
                read_until_eof()

        return noted(f"execute {name(statement)} cursor {cursor}", action)

    def fetch(statement, rows):
        def action():
            connection._execute_command(COMMAND.COM_STMT_FETCH, struct.pack("<II", statement, rows))
            read_until_eof()

        return noted(f"fetch {rows} of {name(statement)}", action)

    def single(label, code, argument):
        def action():
            connection._execute_command(code, argument)
            connection._read_packet()

        return noted(label, action)

    def number(value):
        return b"\0\1\x03\0" + struct.pack("<i", value)

    everything = prepare("SELECT id, v FROM t ORDER BY id")
    for cursor in (0, 1):
        execute(everything, cursor)
    for rows in (10, 10, 10, 10):
        fetch(everything, rows)
    execute(everything, 1)
    fetch(everything, 3)
    single("reset", COMMAND.COM_STMT_RESET, struct.pack("<I", everything))
    fetch(everything, 3)
    by_key = prepare("SELECT v FROM t WHERE id = ?")
    for key in range(5):
        execute(by_key, 0, number(key))
    # Types bound once are remembered.
    execute(by_key, 0, b"\0\0" + struct.pack("<i", 7))
    change = prepare("UPDATE t SET v = ? WHERE id = 1")
    connection._execute_command(COMMAND.COM_STMT_SEND_LONG_DATA, struct.pack("<IH", change, 0) + b"lo")
    connection._execute_command(COMMAND.COM_STMT_SEND_LONG_DATA, struct.pack("<IH", change, 0) + b"ng")
    execute(change, 0, b"\0\1\xfd\0")
    notes.run(connection, "SELECT v FROM t WHERE id = 1")
    prepare("SELECT nothing FROM t")
    connection._execute_command(COMMAND.COM_STMT_CLOSE, struct.pack("<I", by_key))
    execute(everything, 0)
    notes.script(
        connection,
        [
            "PREPARE by_name FROM 'SELECT v FROM t WHERE id = ?'",
            "SET @key = 3",
            "EXECUTE by_name USING @key",
            "DEALLOCATE PREPARE by_name",
            "EXECUTE by_name USING @key",
        ],
    )


def change_user(notes, database):
    """COM_CHANGE_USER: to oneself, to another account, with a wrong password."""
    connection = notes.connector(True, database=database, autocommit=True)
    cursor = connection.cursor()

    def change(label, **options):
        try:
            connection.cmd_change_user(**options)
            notes.note(label, "changed")
        except mysql.connector.Error as error:
            notes.note(f"{label}: error", (error.errno, error.sqlstate, error.msg))

    own = {"username": notes.account.user, "password": notes.account.password}
    cursor.execute("SET @a = 5")
    cursor.execute("CREATE TEMPORARY TABLE of_the_session (id INT)")
    for label, options in {
        "oneself": dict(own, database=database),
        "another one": {"username": "second", "password": "other", "database": database},
        "no database": own,
        "back": dict(own, database=database),
    }.items():
        change(label, **options)
        for sql in ("SELECT CURRENT_USER(), DATABASE(), @a, @@autocommit", "SELECT * FROM of_the_session"):
            notes.prepared(connection.cursor(), sql)
        cursor = connection.cursor()
        cursor.execute("SET @a = 7")
    # MariaDB lets a client try again.
    for label in ("wrong password", "wrong again"):
        change(label, username=own["username"], password="wrong", database=database)
    change("right again", **own, database=database)
    notes.prepared(connection.cursor(), "SELECT CURRENT_USER()")
