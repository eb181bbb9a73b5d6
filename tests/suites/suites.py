"""The suites: where each comes from, how it is built, how it runs, how it says what came of it."""

import json
import os
import subprocess

import comparison
from mariadb_test import ClientTest, MysqlTest
from parts import run
from scratch import scratch_folder

# From a suite's start to its end.
LIMIT = 1500
# Of one test that runs in a process of its own.
ONE_TEST = 120

BUILD = ["setuptools==84.2.1", "Cython==3.3.1"]
PYTEST = ["pytest==9.2.0"]


class PytestSuite:
    """A suite that pytest runs; the report is read for the outcomes."""

    def pytest(self, scratch, paths, arguments, environment, only):
        report = scratch / "report.xml"
        command = [self.interpreter, "-m", "pytest", *paths, "--quiet", "-p", "no:cacheprovider",
                   f"--junitxml={report}", *arguments]
        if only:
            command += ["-k", only]
        subprocess.run(
            [str(part) for part in command], cwd=self.source, timeout=LIMIT, check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return comparison.read_junit(report)


class Mysqlclient(PytestSuite):
    """The C client library's own Python module."""

    version = "2.3.1"

    def prepare(self, parts):
        cflags, ldflags = parts.flags_for_c()
        flags = {"MYSQLCLIENT_CFLAGS": cflags, "MYSQLCLIENT_LDFLAGS": ldflags}
        # A wheel that another machine built has a library of its own.
        build = [*BUILD, *PYTEST, f"mysqlclient=={self.version}", "--no-binary=mysqlclient"]
        self.interpreter = parts.python("mysqlclient-python", build, flags)
        self.source = parts.source(self.interpreter, "mysqlclient", self.version)

    def run(self, account, only):
        with scratch_folder() as scratch:
            options = scratch / "options.cnf"
            options.write_text(
                f"[MySQLdb-tests]\nhost = {account.host}\nport = {account.port}\n"
                f"user = {account.user}\npassword = {account.password}\n"
                f"database = {account.database}\ndefault-character-set = utf8mb4\n")
            return self.pytest(scratch, ["tests"], [], {"TESTDB": str(options)}, only)


class SqlAlchemy(PytestSuite):
    """The parts of SQLAlchemy's suite that are about MySQL and about dialects."""

    version = "2.1.9"

    def prepare(self, parts):
        cflags, ldflags = parts.flags_for_c()
        flags = {"MYSQLCLIENT_CFLAGS": cflags, "MYSQLCLIENT_LDFLAGS": ldflags}
        packages = [*BUILD, *PYTEST, "typing_extensions==4.16.0",
                    f"mysqlclient=={Mysqlclient.version}", "--no-binary=mysqlclient"]
        self.interpreter = parts.python("sqlalchemy-python", packages, flags)
        self.source = parts.source(self.interpreter, "sqlalchemy", self.version)

    def run(self, account, only):
        url = f"{account.url('mysql+mysqldb')}?charset=utf8mb4"
        arguments = ["--dburi", url, "-p", "no:logging", "--maxfail=1000000"]
        paths = ["test/dialect/mysql", "test/dialect/test_suite.py"]
        with scratch_folder() as scratch:
            return self.pytest(scratch, paths, arguments, {}, only)


class MysqlAsync:
    """Rust's mysql_async. Each test runs in a process of its own: some abort."""

    version = "0.37.1"

    def prepare(self, parts):
        source = parts.crate("mysql_async", self.version)
        target = {"CARGO_TARGET_DIR": str(parts.home / "mysql_async-target")}
        built = run(["cargo", "test", "--locked", "--no-run", "--message-format=json"],
                    cwd=source, environment=target)
        messages = (json.loads(line) for line in built.splitlines())
        self.binaries = [message["executable"] for message in messages
                         if message.get("executable") and message["profile"]["test"]]

    def run(self, account, only):
        environment = {"DATABASE_URL": account.url(), "RUST_BACKTRACE": "0"}
        outcomes = {}
        for binary in self.binaries:
            for line in run([binary, "--list"]).splitlines():
                test, _, kind = line.rpartition(": ")
                if kind == "test" and (only or "") in test:
                    outcomes[test] = one_rust_test(binary, test, environment)
        return outcomes


def one_rust_test(binary, test, environment):
    try:
        done = subprocess.run(
            [binary, "--exact", test], env={**os.environ, **environment}, timeout=ONE_TEST,
            text=True, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return ("fail", f"not over after {ONE_TEST} s")
    if "1 ignored" in done.stdout:
        return ("skip", "ignored")
    if done.returncode:
        return ("fail", comparison.shortened(done.stdout[-600:], 600))
    return ("pass", "")


SUITES = {
    "mysqlclient": Mysqlclient,
    "mysql_async": MysqlAsync,
    "sqlalchemy": SqlAlchemy,
    "client-test": ClientTest,
    "mysqltest": MysqlTest,
    "mysqltest-prepared": lambda: MysqlTest("--ps-protocol"),
    "mysqltest-cursor": lambda: MysqlTest("--ps-protocol", "--cursor-protocol"),
    "mysqltest-compressed": lambda: MysqlTest("--compress"),
}
