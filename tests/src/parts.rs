//! Gets the real parts once: a Python with the engine and client libraries, Debian's programs.
//!
//! Everything lands under `<target>/real`. A file lock lets parallel test binaries do it once; a
//! stamp that holds what was installed lets later runs skip it.

use crate::process::run_to_end;
use crate::{Failure, workspace};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A Python with everything of `tests/python/requirements.txt`.
#[derive(Debug, Clone)]
pub struct Python {
    /// Its interpreter.
    pub interpreter: PathBuf,
    home: PathBuf,
}

impl Python {
    /// The folder of an installed package.
    ///
    /// # Errors
    /// When it is not there.
    pub fn package(&self, name: &str) -> Result<PathBuf, Failure> {
        let lib = self.home.join("lib");
        let entries = std::fs::read_dir(&lib).map_err(Failure::io(lib.display().to_string()))?;
        entries
            .flatten()
            .map(|entry| entry.path().join("site-packages").join(name))
            .find(|path| path.is_dir())
            .ok_or_else(|| {
                Failure::answer(format!("find package {name}"), lib.display().to_string())
            })
    }
}

/// The Python of the tests, prepared when it is not there yet.
///
/// # Errors
/// [`Failure::Part`] when there is no Python 3 or a package cannot be installed.
pub fn python() -> Result<Python, Failure> {
    let real = workspace::real_dir()?;
    let home = real.join("python");
    let python = Python {
        interpreter: home.join("bin/python"),
        home: home.clone(),
    };
    let requirements = workspace::root().join("tests/python/requirements.txt");
    let wanted =
        std::fs::read_to_string(&requirements).map_err(Failure::io("read the requirements"))?;
    let _lock = lock(&real)?;
    let stamp = real.join("python.stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == wanted) {
        return Ok(python);
    }
    let missing = |failure: Failure| Failure::Part {
        part: "python",
        why: failure.to_string(),
    };
    create_venv(&home).map_err(missing)?;
    let mut install = Command::new(&python.interpreter);
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&requirements);
    run_to_end(&mut install, FETCH).map_err(missing)?;
    std::fs::write(&stamp, wanted).map_err(Failure::io("write the stamp"))?;
    Ok(python)
}

/// A program of a Debian package.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    /// Where its package was unpacked, when it is not installed in the system.
    unpacked: Option<PathBuf>,
}

impl Program {
    /// A command that runs it.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        if let Some(root) = &self.unpacked {
            let lib = root.join("usr/lib");
            let dirs = std::fs::read_dir(&lib).into_iter().flatten().flatten();
            let mut paths: Vec<_> = dirs
                .map(|e| e.path())
                .filter(|path| path.is_dir())
                .collect();
            paths.push(lib);
            if let Ok(paths) = std::env::join_paths(paths) {
                command.env("LD_LIBRARY_PATH", paths);
            }
        }
        command
    }

    /// A file of its package, given by its absolute path in an ordinary installation.
    #[must_use]
    pub fn file(&self, absolute: &str) -> PathBuf {
        self.unpacked
            .as_deref()
            .unwrap_or(Path::new("/"))
            .join(absolute.trim_start_matches('/'))
    }
}

/// A program: the installed one, else installed by `apt-get` as root, else unpacked under
/// `<target>/real/debian`.
///
/// # Errors
/// [`Failure::Part`] when all three fail.
pub fn program(package: &'static str, name: &str) -> Result<Program, Failure> {
    if let Some(path) = on_path(name) {
        return Ok(Program {
            path,
            unpacked: None,
        });
    }
    let real = workspace::real_dir()?;
    let _lock = lock(&real)?;
    let missing = |failure: Failure| Failure::Part {
        part: package,
        why: failure.to_string(),
    };
    if rustix::process::geteuid().is_root() {
        apt_install(package).map_err(missing)?;
        let path = on_path(name).ok_or_else(|| Failure::Part {
            part: package,
            why: format!("installed, but it holds no {name}"),
        })?;
        return Ok(Program {
            path,
            unpacked: None,
        });
    }
    let root = real.join("debian").join(package);
    unpack(package, &root).map_err(missing)?;
    let dirs = ["usr/bin", "usr/sbin"];
    let path = dirs
        .iter()
        .map(|dir| root.join(dir).join(name))
        .find(|path| path.is_file());
    let why = format!("unpacked in {}, but it holds no {name}", root.display());
    let path = path.ok_or(Failure::Part { part: package, why })?;
    Ok(Program {
        path,
        unpacked: Some(root),
    })
}

fn create_venv(home: &Path) -> Result<(), Failure> {
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(home);
    let Err(failure) = run_to_end(&mut venv, INSTALL) else {
        return Ok(());
    };
    // Debian keeps the pip of a new venv in a package of its own.
    if !rustix::process::geteuid().is_root() {
        return Err(failure);
    }
    apt_install("python3-venv")?;
    run_to_end(&mut venv, INSTALL).map(|_| ())
}

fn apt_install(package: &str) -> Result<(), Failure> {
    let install = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args([
            "install",
            "--yes",
            "--quiet",
            "--no-install-recommends",
            package,
        ]);
        run_to_end(&mut command, FETCH)
    };
    if install().is_ok() {
        return Ok(());
    }
    run_to_end(Command::new("apt-get").args(["update", "--quiet"]), FETCH)?;
    install().map(|_| ())
}

/// Downloads a package and what it needs that is not installed, and unpacks it all.
fn unpack(package: &str, root: &Path) -> Result<(), Failure> {
    let stamp = root.with_extension("stamp");
    if stamp.is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(root).map_err(Failure::io(format!("create {}", root.display())))?;
    let mut simulate = Command::new("apt-get");
    simulate.args(["install", "--simulate", "--no-install-recommends", package]);
    let plan = run_to_end(&mut simulate, INSTALL)?;
    let needed = plan
        .lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
    let mut download = Command::new("apt-get");
    download
        .current_dir(root)
        .args(["download", "--quiet"])
        .args(needed);
    run_to_end(&mut download, FETCH)?;
    let entries = std::fs::read_dir(root).map_err(Failure::io("list the downloads"))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            run_to_end(
                Command::new("dpkg-deb").arg("-x").arg(&path).arg(root),
                INSTALL,
            )?;
        }
    }
    std::fs::write(&stamp, plan).map_err(Failure::io("write the stamp"))
}

/// Debian keeps servers in folders that an ordinary user's `PATH` does not name.
fn on_path(name: &str) -> Option<PathBuf> {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(OsString::from(":/usr/sbin:/sbin"));
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

/// Held while a part is prepared, so that parallel test binaries do it once.
pub(crate) fn lock(real: &Path) -> Result<File, Failure> {
    let path = real.join("lock");
    let file = File::create(&path).map_err(Failure::io(format!("create {}", path.display())))?;
    file.lock().map_err(Failure::io("lock the real parts"))?;
    Ok(file)
}

const INSTALL: Duration = Duration::from_mins(3);
const FETCH: Duration = Duration::from_mins(15);
