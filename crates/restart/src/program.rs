//! A binary that was opened once, so that what was checked is what runs.

use crate::Error;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// An executable file, held open. Replacing or removing it on disk changes nothing for its holder.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    file: Arc<File>,
}

impl Program {
    /// The name that its processes show.
    const NAME: &str = "odp";

    /// Opens the binary at `path`.
    ///
    /// # Errors
    /// [`Error::Program`] when there is none, or it is not a file that this user may execute.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::program(path, reason);
        let file =
            File::open(path).map_err(|error| wrong(&format!("cannot be opened: {error}")))?;
        let program = Self {
            path: path.to_owned(),
            file: Arc::new(file),
        };
        let metadata = program.metadata()?;
        if !metadata.is_file() {
            return Err(wrong("is no file"));
        }
        if metadata.mode() & 0o111 == 0 {
            return Err(wrong("is not executable"));
        }
        Ok(program)
    }

    /// Where it was found.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a binary that another user could have put there: it must belong to root or to this
    /// user, and nobody else may write to it. The opened file is looked at, not the path.
    ///
    /// # Errors
    /// [`Error::Program`] with the reason.
    pub fn check_owner(&self) -> Result<(), Error> {
        let metadata = self.metadata()?;
        let own = rustix::process::geteuid().as_raw();
        if metadata.uid() != 0 && metadata.uid() != own {
            let reason = format!("belongs to user {}, not to root or {own}", metadata.uid());
            return Err(Error::program(&self.path, &reason));
        }
        if metadata.mode() & 0o022 != 0 {
            let reason = format!(
                "may be written by others (mode {:o})",
                metadata.mode() & 0o7777
            );
            return Err(Error::program(&self.path, &reason));
        }
        Ok(())
    }

    /// A command that runs the opened file.
    ///
    /// The descriptor is named through this process, which outlives the start, so that a script's
    /// interpreter finds it as well.
    #[must_use]
    pub fn command(&self, arguments: &[OsString]) -> Command {
        let path = format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd());
        let mut command = Command::new(path);
        command.arg0(Self::NAME).args(arguments);
        command
    }

    /// Refuses what a running process cannot become by this descriptor, which is everything but a
    /// native executable: a script's interpreter would look for the descriptor in the process that has
    /// just become the interpreter, where it is closed.
    ///
    /// # Errors
    /// [`Error::Program`] with the reason.
    pub fn check_native(&self) -> Result<(), Error> {
        let mut start = [0; 4];
        let failed = |error: std::io::Error| Error::program(&self.path, &error.to_string());
        self.file.read_at(&mut start, 0).map_err(failed)?;
        let reason = match start {
            [b'#', b'!', ..] => "is a script; the coordinator can only become an executable",
            [0x7f, b'E', b'L', b'F'] => return Ok(()),
            _ => "is no executable (ELF)",
        };
        Err(Error::program(&self.path, reason))
    }

    fn metadata(&self) -> Result<Metadata, Error> {
        let failed = |error: std::io::Error| Error::program(&self.path, &error.to_string());
        self.file.metadata().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(name: &str, mode: u32) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("odp-program-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join(name);
        std::fs::write(&path, "#!/bin/sh\necho out of $0\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_its_reason() {
        for (path, reason) in [
            ("/nonexistent/odp".into(), "No such file"),
            ("/".into(), "is no file"),
            (file("plain", 0o644), "is not executable"),
        ] {
            let error = Program::open(&path).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_binary_that_others_may_write_is_refused() {
        for (name, mode, fine) in [
            ("good", 0o755, true),
            ("private", 0o700, true),
            ("group", 0o775, false),
            ("world", 0o757, false),
        ] {
            let program = Program::open(&file(name, mode)).unwrap();
            assert_eq!(program.check_owner().is_ok(), fine, "{mode:o}");
        }
    }

    #[test]
    fn only_an_executable_can_take_the_place_of_the_coordinator() {
        let script = file("script", 0o755);
        let empty = file("empty", 0o755);
        std::fs::write(&empty, "").unwrap();
        for (path, reason) in [(script, "is a script"), (empty, "no executable")] {
            let refused = Program::open(&path).unwrap().check_native();
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
        let program = Program::open(&std::env::current_exe().unwrap()).unwrap();
        assert!(program.check_native().is_ok());
    }

    #[test]
    fn the_opened_file_runs_even_when_it_is_gone_from_the_disk() {
        let path = file("gone", 0o755);
        let program = Program::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let output = program.command(&[]).output().unwrap();
        assert!(output.stdout.starts_with(b"out of /proc/"), "{output:?}");
    }
}
