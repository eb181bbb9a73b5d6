//! Stands in for `odp`: becomes the shell script that lies beside it, whatever it is called with.
//!
//! A proxy is upgraded to an executable only, so that a script cannot play the new binary itself.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let Ok(own) = std::env::current_exe() else {
        return ExitCode::FAILURE;
    };
    // Another one may have taken its place on disk since it was opened.
    let name = own.as_os_str().as_bytes();
    let name = name.strip_suffix(b" (deleted)").unwrap_or(name);
    let script = PathBuf::from(OsString::from_vec([name, b".sh"].concat()));
    let error = Command::new("/bin/sh")
        .arg(script)
        .args(std::env::args_os().skip(1))
        .exec();
    writeln!(
        std::io::stderr(),
        "the stand-in could not become its script: {error}"
    )
    .ok();
    ExitCode::FAILURE
}
