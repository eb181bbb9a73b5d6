"""An engine with odp in front of it, started by the harness of the integration tests."""

import json
import os
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """How a suite logs in."""

    port: int
    user: str
    password: str
    host: str = "127.0.0.1"
    database: str = "test"

    def url(self, scheme="mysql"):
        return f"{scheme}://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


class Engine:
    """Runs as long as the `with` block; `direct` and `proxied` are ports."""

    def __init__(self, workspace, name, program, pool_mode):
        command = [str(program)] if program else [
            "cargo", "run", "--quiet", "--package", "odp-tests", "--bin", "fronted", "--"]
        environment = {**os.environ, **({"ODP_POOL_MODE": pool_mode} if pool_mode else {})}
        self.process = subprocess.Popen(
            [*command, name], cwd=workspace, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        place = self.listen()
        self.direct, self.proxied = place["direct"], place["proxied"]
        self.user, self.password = place["user"], place["password"]
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def account(self, port):
        return Account(port, self.user, self.password)

    def empty_the_databases(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.listen()

    def listen(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("engine and odp could not be started")
        return json.loads(line)
