//! Where things are: the workspace, the build output of this run, the real parts, the `odp` binary.

use crate::Failure;
use crate::process::run_to_end;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// `<target>/<profile>` of this run: a test binary lies in its `deps`, a program in itself.
///
/// # Errors
/// When the test binary does not know its own path.
pub fn profile_dir() -> Result<PathBuf, Failure> {
    let exe = std::env::current_exe().map_err(Failure::io("find the test binary"))?;
    let of_test = exe.ancestors().find(|dir| dir.ends_with("deps"));
    of_test
        .or(exe
            .parent()
            .filter(|dir| dir.join("deps").is_dir())
            .map(|_| exe.as_path()))
        .and_then(Path::parent)
        .map(Path::to_owned)
        .ok_or_else(|| Failure::answer("find the profile directory", exe.display().to_string()))
}

/// `<target>/real`: everything the tests fetch and every folder they run in. Created when missing.
///
/// # Errors
/// When it cannot be created.
pub fn real_dir() -> Result<PathBuf, Failure> {
    let profile = profile_dir()?;
    let dir = profile.parent().unwrap_or(&profile).join("real");
    let what = || format!("create {}", dir.display());
    std::fs::create_dir_all(&dir).map_err(Failure::io(what()))?;
    // It may be a link, and processes are found by the folder that the kernel names.
    dir.canonicalize().map_err(Failure::io(what()))
}

/// A new empty folder for one process of this test run; the watchdog removes it in the end.
///
/// # Errors
/// When it cannot be created.
pub fn run_dir(name: &str) -> Result<PathBuf, Failure> {
    static COUNTER: Mutex<u32> = Mutex::new(0);
    let number = {
        let mut counter = COUNTER
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *counter += 1;
        *counter
    };
    let dir = real_dir()?
        .join("run")
        .join(format!("{name}-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir).map_err(Failure::io(format!("create {}", dir.display())))?;
    crate::watchdog::remove_at_exit(&dir)?;
    Ok(dir)
}

/// Whether the long form of a test is asked for (`ODP_LONG=1`).
#[must_use]
pub fn long() -> bool {
    std::env::var_os("ODP_LONG").is_some_and(|value| value == "1")
}

/// The `pool_mode` that a run of the tests is to have where a test has none of its own
/// (`ODP_POOL_MODE=transaction`).
#[must_use]
pub fn pool_mode() -> Option<String> {
    std::env::var("ODP_POOL_MODE").ok()
}

/// The binary that becomes the script beside it; cargo builds it with every test that could ask.
///
/// # Errors
/// When the test binary does not know its own path.
pub fn stand_in() -> Result<PathBuf, Failure> {
    Ok(profile_dir()?.join("stand-in"))
}

/// The `odp` binary, built in the profile of this test run, once for each test binary.
///
/// # Errors
/// When it cannot be built.
pub fn odp() -> Result<PathBuf, Failure> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut built = BUILT
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(path) = built.as_ref() {
        return Ok(path.clone());
    }
    let profile = profile_dir()?;
    let name = profile
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let name = match name.as_deref() {
        None | Some("debug") => "dev".to_owned(),
        Some(name) => name.to_owned(),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The whole workspace decides the features, as in `cargo test --workspace`, so that what that
    // command has built is used again.
    let mut command = Command::new(cargo);
    command.current_dir(root()).args([
        "build",
        "--quiet",
        "--workspace",
        "--bin",
        "odp",
        "--profile",
        &name,
    ]);
    run_to_end(&mut command, Duration::from_mins(15))?;
    let path = profile.join("odp");
    *built = Some(path.clone());
    Ok(path)
}
