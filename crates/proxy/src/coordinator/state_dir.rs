//! What outlives the coordinator: tasks and the operator's wishes, in a folder of this user's own.

use crate::config::Settings;
use crate::error::Error;
use crate::kept_file::KeptFile;
use odp_admin::Task;
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The folder, locked against a second coordinator.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    _lock: File,
}

/// What the operator asked for last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desired {
    /// Clients are to be served.
    Running,
    /// They are not.
    Stopped,
}

impl StateDir {
    const TASKS: &str = "tasks.json";
    const DESIRED: &str = "desired";
    const DRAINED: &str = "drained.json";
    const LOCK: &str = "lock";
    /// How long a coordinator that is just ending may keep the lock.
    const PATIENCE: Duration = Duration::from_secs(2);
    const PEEK: Duration = Duration::from_millis(20);

    /// Where the folder is by the configuration, or by user and admin port.
    pub(crate) fn path_for(settings: &Settings) -> PathBuf {
        if !settings.state_dir.is_empty() {
            let path = PathBuf::from(&settings.state_dir);
            return std::path::absolute(&path).unwrap_or(path);
        }
        let port = settings.prometheus_listen_port.0;
        if port == 0 {
            // Nothing that lasts tells such a proxy from others; an upgrade keeps the process id.
            return std::env::temp_dir().join(format!("odp-pid-{}", std::process::id()));
        }
        let name = format!("odp-{port}");
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        if let Some(given) = variable("STATE_DIRECTORY") {
            return given.join(name);
        }
        if rustix::process::geteuid().is_root() {
            return Path::new("/var/lib").join(name);
        }
        let home = || Some(variable("HOME")?.join(".local/state"));
        variable("XDG_STATE_HOME")
            .or_else(home)
            .unwrap_or_else(std::env::temp_dir)
            .join(name)
    }

    /// Opens the folder, and makes it if it is not there.
    ///
    /// # Errors
    /// When it cannot be made, belongs to somebody else, or another coordinator uses it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::StateDir {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let metadata = fs::metadata(path).map_err(failed)?;
        let own = rustix::process::geteuid().as_raw();
        if metadata.uid() != own || metadata.mode() & 0o022 != 0 {
            let reason = "must belong to this user and not be writable by others";
            return Err(failed(io::Error::other(reason)));
        }
        let lock = File::create(path.join(Self::LOCK)).map_err(failed)?;
        let deadline = Instant::now() + Self::PATIENCE;
        while let Err(error) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            if Instant::now() >= deadline {
                let reason = format!("another odp uses it ({error})");
                return Err(failed(io::Error::other(reason)));
            }
            std::thread::sleep(Self::PEEK);
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a data plane without coordinator waits.
    pub(crate) fn control_socket(path: &Path) -> PathBuf {
        path.join("control.sock")
    }

    /// Where the admin endpoint takes this user's own requests.
    pub(crate) fn admin_socket(path: &Path) -> PathBuf {
        path.join("admin.sock")
    }

    /// What the operator asked for last.
    pub(crate) fn desired(&self) -> Desired {
        match fs::read_to_string(self.path.join(Self::DESIRED)) {
            Ok(text) if text.trim() == "stopped" => Desired::Stopped,
            _ => Desired::Running,
        }
    }

    /// Keeps what the operator asks for.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn keep_desired(&self, desired: Desired) -> io::Result<()> {
        let text = match desired {
            Desired::Running => "running\n",
            Desired::Stopped => "stopped\n",
        };
        self.file(Self::DESIRED).replace_for_good(text.as_bytes())
    }

    /// The tasks that were kept, oldest first. What cannot be read is told in the log and left out.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        self.file(Self::TASKS).read()
    }

    /// Keeps the tasks.
    ///
    /// # Errors
    /// When they cannot be written; what was kept before stays.
    pub(crate) fn keep_tasks(&self, tasks: &[Task]) -> io::Result<()> {
        let tasks = serde_json::to_vec(tasks)?;
        self.file(Self::TASKS).replace_for_good(&tasks)
    }

    /// The servers that the operator has taken out. What cannot be read is told in the log: all of them
    /// serve then.
    pub(crate) fn drained(&self) -> BTreeSet<SocketAddr> {
        self.file(Self::DRAINED).read()
    }

    /// Keeps the servers that the operator has taken out.
    ///
    /// # Errors
    /// When they cannot be written; what was kept before stays.
    pub(crate) fn keep_drained(&self, servers: &BTreeSet<SocketAddr>) -> io::Result<()> {
        let servers = serde_json::to_vec(servers)?;
        self.file(Self::DRAINED).replace_for_good(&servers)
    }

    fn file(&self, name: &str) -> KeptFile {
        KeptFile::new(self.path.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::task_book::tests::task;

    fn path(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("odp-state-{}-{name}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        path
    }

    #[test]
    fn what_is_kept_is_there_after_the_next_start() {
        let path = path("kept");
        let state = StateDir::open(&path).unwrap();
        assert_eq!(state.desired(), Desired::Running);
        assert!(state.tasks().is_empty());
        state.keep_desired(Desired::Stopped).unwrap();
        let tasks = [task(1)];
        state.keep_tasks(&tasks).unwrap();
        assert!(state.drained().is_empty());
        let drained = BTreeSet::from(["10.0.0.1:2881".parse().unwrap()]);
        state.keep_drained(&drained).unwrap();
        drop(state);
        let state = StateDir::open(&path).unwrap();
        assert_eq!(state.desired(), Desired::Stopped);
        assert_eq!(state.tasks(), tasks);
        fs::write(path.join("tasks.json"), b"[{").unwrap();
        assert!(state.tasks().is_empty());
        assert_eq!(state.drained(), drained);
        fs::write(path.join("drained.json"), b"[1]").unwrap();
        assert!(state.drained().is_empty());
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_second_coordinator_and_a_foreign_folder_are_refused() {
        use std::os::unix::fs::PermissionsExt;
        let path = path("lock");
        let first = StateDir::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        let error = StateDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("another odp"), "{error}");
        drop(first);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(StateDir::open(&path).is_err());
        fs::remove_dir_all(&path).unwrap();
    }
}
