"""MariaDB's own tests: what the C client library's calls do, and mysqltest with its main suite.

Both come with Debian's package `mariadb-test` and run what they run as `root`, which has no password
on the engines here.
"""

import os
import re
import subprocess
import sysconfig

import comparison
from scratch import scratch_folder

# Of one test, in seconds.
LIMIT = 60


class MariadbTest:
    """The programs and cases of the package."""

    def prepare(self, parts):
        root = parts.debian("mariadb-test")
        self.programs = root / "usr/bin"
        self.libraries = root / "usr/lib" / (sysconfig.get_config_var("MULTIARCH") or "")
        self.home = root / "usr/share/mysql/mysql-test"

    def started(self, program, account, arguments, scratch, environment=None):
        """Runs a program to its end: its exit code and what it printed, or no code when it was late."""
        command = [self.programs / program, "--no-defaults", "--user=root", f"--host={account.host}",
                   f"--port={account.port}", *arguments]
        try:
            done = subprocess.run(
                [str(part) for part in command], cwd=scratch, timeout=LIMIT, check=False,
                env={**os.environ, "LD_LIBRARY_PATH": str(self.libraries), "LC_ALL": "C",
                     "MYSQL_TEST_DIR": str(self.home), **(environment or {})},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired as late:
            return None, (late.stdout or b"").decode("latin-1")
        return done.returncode, done.stdout.decode("latin-1")

    def script(self, account, scratch, text):
        """Runs a script of mysqltest's, whatever comes of it."""
        case = scratch / "between.test"
        case.write_text(f"--disable_query_log\n--disable_result_log\n--disable_warnings\n"
                        f"--disable_abort_on_error\n{text}")
        arguments = ["--silent", "--protocol=tcp", f"--test-file={case}", f"--logdir={scratch}"]
        self.started("mariadb-test", account, arguments, scratch)


class ClientTest(MariadbTest):
    """`mariadb-client-test`: one program, which runs each of its tests by name."""

    def run(self, account, only):
        outcomes = {}
        with scratch_folder() as scratch:
            for folder in ("tmp", "log"):
                (scratch / folder).mkdir()
            _, names = self.started("mariadb-client-test", account, ["--show-tests"], scratch)
            names = [line.strip().rstrip(";") for line in names.splitlines()]
            for name in names:
                if name.startswith("test_") and (only or "") in name:
                    outcomes[name] = self.one(name, account, scratch)
        return outcomes

    def one(self, name, account, scratch):
        arguments = ["--testcase", f"--vardir={scratch}", name]
        code, text = self.started("mariadb-client-test", account, arguments, scratch)
        if code == 0:
            return ("pass", "")
        # What it has made is in the way of the next one.
        self.script(account, scratch, "DROP DATABASE IF EXISTS client_test_db;")
        return ("fail", comparison.shortened(text[-300:]))


class MysqlTest(MariadbTest):
    """`mariadb-test` runs each case of the main suite; what it prints counts, besides how it ends."""

    # Cases that end their server, want more than one, or another build.
    UNFIT = re.compile(
        r"restart_mysqld|shutdown_server|kill_mysqld|kill_and_restart|shutdown_mysqld|start_mysqld|"
        r"have_debug|master-slave\.inc|have_log_bin|have_binlog|big_test\.inc|have_valgrind|"
        r"^\s*shutdown|windows\.inc|wait_until_disconnected", re.MULTILINE | re.IGNORECASE)
    SKIPPED = 62

    def __init__(self, *form):
        self.form = form

    def run(self, account, only):
        outcomes = {}
        with scratch_folder() as scratch:
            for folder in ("tmp", "log"):
                (scratch / folder).mkdir()
            self.script(account, scratch, BEFORE_ALL)
            for case in sorted((self.home / "main").glob("*.test")):
                fits = not self.UNFIT.search(case.read_text("latin-1"))
                if fits and (only or "") in case.stem:
                    outcomes[case.stem] = self.one(case, account, scratch)
                    self.script(account, scratch, AFTER_EACH)
        return outcomes

    def one(self, case, account, scratch):
        code, text = self.case(case, account, scratch)
        text = comparable(text, account, scratch)
        if code == self.SKIPPED:
            return ("skip", comparison.shortened(text[-300:]))
        if code == 0:
            return ("pass", "", text)
        if code is None:
            return ("fail", f"not over after {LIMIT} s")
        return ("fail", comparison.shortened(text[-300:]), text)

    def case(self, case, account, scratch):
        login = f"--no-defaults --user=root --host={account.host} --port={account.port} --protocol=tcp"
        environment = {
            "MYSQLTEST_VARDIR": str(scratch), "MYSQL_TMP_DIR": str(scratch / "tmp"),
            "MASTER_MYPORT": str(account.port), "USE_RUNNING_SERVER": "1", "TZ": "Etc/GMT-3",
            "PS_PROTOCOL": str(int("--ps-protocol" in self.form)), "SP_PROTOCOL": "0",
            "CURSOR_PROTOCOL": str(int("--cursor-protocol" in self.form)), "VIEW_PROTOCOL": "0",
            "MYSQL": f"mariadb {login}", "MYSQL_DUMP": f"mariadb-dump {login}",
            "MYSQL_TEST": f"{self.programs / 'mariadb-test'} {login}"}
        arguments = ["--silent", "--protocol=tcp", "--database=test", f"--basedir={self.home}", "--max-connections=2048",
                     f"--tmpdir={scratch / 'tmp'}", f"--logdir={scratch / 'log'}",
                     "--max-connect-retries=3", f"--test-file={case}", *self.form]
        return self.started("mariadb-test", account, arguments, self.home, environment)


def comparable(text, account, scratch):
    """What must be the same through the proxy: neither ports nor the folders of this run."""
    text = text.replace(str(scratch), "SCRATCH")
    return re.sub(rf"(localhost|127\.0\.0\.1):\d+|(?i:port)(\D{{0,12}}){account.port}\b", "PORT", text)


# A case may leave databases, accounts and global variables behind.
OWN = "kept_for_the_suite"
BEFORE_ALL = f"""
DROP DATABASE IF EXISTS {OWN};
CREATE DATABASE {OWN};
CREATE TABLE {OWN}.variables AS SELECT * FROM information_schema.GLOBAL_VARIABLES;
CREATE TABLE {OWN}.accounts AS SELECT User, Host FROM mysql.user;
"""
AFTER_EACH = f"""
let $databases= FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN
  ('mysql', 'sys', 'information_schema', 'performance_schema', '{OWN}');
let $left= `SELECT COUNT(*) $databases`;
while ($left)
{{
  let $name= `SELECT CONCAT('`', SCHEMA_NAME, '`') $databases LIMIT 1`;
  eval DROP DATABASE $name;
  dec $left;
}}
CREATE DATABASE test CHARSET utf8mb4;
CREATE DATABASE mtr;
CREATE PROCEDURE mtr.add_suppression(pattern TEXT) BEGIN END;
let $accounts= FROM mysql.user WHERE (User, Host) NOT IN (SELECT User, Host FROM {OWN}.accounts);
let $left= `SELECT COUNT(*) $accounts`;
while ($left)
{{
  let $name= `SELECT CONCAT(IF(is_role = 'Y', 'ROLE ', 'USER '), QUOTE(User),
    IF(is_role = 'Y', '', CONCAT('@', QUOTE(Host)))) $accounts LIMIT 1`;
  eval DROP $name;
  dec $left;
}}
let $variables= FROM information_schema.GLOBAL_VARIABLES now JOIN {OWN}.variables kept
  USING (VARIABLE_NAME) WHERE NOT now.VARIABLE_VALUE <=> kept.VARIABLE_VALUE;
let $left= `SELECT COUNT(*) $variables`;
while ($left)
{{
  dec $left;
  let $change= `SELECT CONCAT(VARIABLE_NAME, ' = ', IF(kept.VARIABLE_VALUE REGEXP '^-?[0-9.]+$',
    kept.VARIABLE_VALUE, QUOTE(kept.VARIABLE_VALUE))) $variables ORDER BY 1 LIMIT $left, 1`;
  eval SET GLOBAL $change;
}}
FLUSH TABLES;
FLUSH STATUS;
FLUSH PRIVILEGES;
"""
