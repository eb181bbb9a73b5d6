"""Gets what a suite is built from: Python environments, source packages, crates, Debian packages.

Each part is made once in a folder of its own; a stamp that says how it was made lets later runs skip
it, and a changed pin makes it anew.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

LIMIT = 900


class Parts:
    """A folder of parts, locked within the `with` block: parallel runs make each part once."""

    def __init__(self, home):
        home.mkdir(parents=True, exist_ok=True)
        self.home = home

    def __enter__(self):
        self.lock = open(self.home / "lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_):
        self.lock.close()

    def made_once(self, name, pin, make):
        """A folder that `make` fills; the same `pin` leaves it as it is."""
        folder, stamp = self.home / name, self.home / f"{name}.stamp"
        pin = json.dumps(pin)
        if not (stamp.is_file() and stamp.read_text() == pin):
            stamp.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            stamp.write_text(pin)
        return folder

    def python(self, name, requirements, environment=None):
        """The interpreter of an environment of its own with these packages."""
        def make(folder):
            run([sys.executable, "-m", "venv", folder])
            pip(folder / "bin/python", "install", *requirements, environment=environment)

        return self.made_once(name, requirements, make) / "bin/python"

    def source(self, python, package, version):
        """The unpacked source package of a package of PyPI; `python` has what its build needs."""
        def make(folder):
            pip(python, "download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation",
                "--dest", folder, f"{package}=={version}", environment=NOTHING_TO_LINK)
            archive = next(folder.glob("*.tar.gz"))
            run(["tar", "xzf", archive, "-C", folder, "--strip-components=1"])

        return self.made_once(f"{package}-source", [package, version], make)

    def crate(self, package, version):
        """The unpacked source of a crate of crates.io."""
        def make(folder):
            fetch = folder / "fetch"
            (fetch / "src").mkdir(parents=True)
            (fetch / "src/lib.rs").write_text("")
            (fetch / "Cargo.toml").write_text(
                "[package]\nname = \"fetch\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n"
                f"{package} = {{ version = \"={version}\", default-features = false }}\n")
            found = json.loads(run(["cargo", "metadata", "--format-version=1"], cwd=fetch))
            manifest = next(p["manifest_path"] for p in found["packages"] if p["name"] == package)
            shutil.copytree(Path(manifest).parent, folder, dirs_exist_ok=True)
            shutil.rmtree(fetch)
            # The source lies inside of another workspace.
            with open(folder / "Cargo.toml", "a") as file:
                file.write("\n[workspace]\n")

        return self.made_once(f"{package}-source", [package, version], make)

    def debian(self, package):
        """The root of an unpacked Debian package and of what it needs that is not installed."""
        return self.made_once(f"debian-{package}", [package], lambda folder: unpack(package, folder))

    def flags_for_c(self):
        """CFLAGS and LDFLAGS with which a Python extension finds Python and MariaDB's client library."""
        include, search = [], []
        if not Path("/usr/include/mariadb/mysql.h").is_file():
            root = self.debian("libmariadb-dev")
            include.append(root / "usr/include/mariadb")
            search += [path for path in (root / "usr/lib").iterdir() if path.is_dir()]
        else:
            include.append(Path("/usr/include/mariadb"))
        if not Path(sysconfig.get_path("include"), "Python.h").is_file():
            version = f"python{sysconfig.get_python_version()}"
            root = self.debian(f"lib{version}-dev") / "usr/include"
            include += [root, root / version]
        # The unpacked library's own link may point to an installed one: name the file.
        search.append(Path("/usr/lib", sysconfig.get_config_var("MULTIARCH") or ""))
        links = [f"-L{path}" for path in search] + [f"-Wl,-rpath,{path}" for path in search]
        return " ".join(f"-I{path}" for path in include), " ".join([*links, "-l:libmariadb.so.3"])


def pip(python, command, *arguments, environment=None):
    run([python, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments],
        environment=environment)


def unpack(package, folder):
    try:
        download(package, folder, [])
    except subprocess.CalledProcessError:
        # No package lists: fetch some without touching the system's own.
        (folder / "lists/partial").mkdir(parents=True)
        own = ["-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache",
               "-o", "Debug::NoLocking=1"]
        run(["apt-get", *own, "--quiet", "update"])
        download(package, folder, own)
    for archive in folder.glob("*.deb"):
        run(["dpkg-deb", "-x", archive, folder])


def download(package, folder, options):
    plan = run(["apt-get", *options, "install", "--simulate", "--no-install-recommends", package])
    needed = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    run(["apt-get", *options, "download", "--quiet", *(needed or [package])], cwd=folder)


def run(command, cwd=None, environment=None, limit=LIMIT):
    """The stdout of a command that must succeed."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, text=True, timeout=limit,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        print(f"{command[0]} failed:\n{done.stdout}{done.stderr}", file=sys.stderr)
        done.check_returncode()
    return done.stdout


# Reading a source package's metadata must not look for libraries.
NOTHING_TO_LINK = {
    "MYSQLCLIENT_CFLAGS": "-I.", "MYSQLCLIENT_LDFLAGS": "-L.", "DISABLE_SQLALCHEMY_CEXT": "1"}
