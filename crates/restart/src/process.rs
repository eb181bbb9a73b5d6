//! A data plane's process, seen through a pidfd: its own child, or one that another coordinator left.

use crate::Error;
use crate::program::Program;
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open,
    pidfd_send_signal, waitid,
};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A process that may be waited for and killed; the pidfd never comes to mean another one.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pid: u32,
    /// None when it was gone, end and all, before it could be held.
    pidfd: Option<Arc<AsyncFd<OwnedFd>>>,
}

/// A process that was just started.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) process: Process,
    /// Our end of its control channel.
    pub(crate) control: UnixStream,
    /// What it writes to stderr.
    pub(crate) stderr: OwnedFd,
}

impl Process {
    /// Starts `program` with the control channel as its stdin.
    ///
    /// It leads a process group of its own: a Ctrl-C on the terminal is for the coordinator, which then
    /// drains. Every descriptor but the standard ones is closed on exec.
    pub(crate) fn spawn(program: &Program, arguments: &[OsString]) -> Result<Spawned, Error> {
        let failed = |source: io::Error| Error::Spawn {
            path: program.path().to_owned(),
            source,
        };
        let (control, theirs) = UnixStream::pair().map_err(failed)?;
        let mut command = program.command(arguments);
        // What the service manager says to the coordinator is not meant for its children.
        for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            command.env_remove(variable);
        }
        for variable in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] {
            command.env_remove(variable);
        }
        let mut child = command
            .stdin(OwnedFd::from(theirs))
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let stderr = child.stderr.take().map(OwnedFd::from);
        match (Self::open(child.id()), stderr) {
            (Ok(process), Some(stderr)) => Ok(Spawned {
                process,
                control,
                stderr,
            }),
            (opened, _) => {
                // The standard library's own hold on the child is the only one left.
                child.kill().and_then(|()| child.wait()).ok();
                let error = opened
                    .err()
                    .unwrap_or_else(|| io::Error::other("no stderr"));
                Err(failed(error))
            }
        }
    }

    /// Takes hold of a process, which need not be a child, and may have ended. Needs a tokio runtime.
    pub(crate) fn open(id: u32) -> io::Result<Self> {
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("no process id"))?;
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(Errno::SRCH) => {
                return Ok(Self {
                    pid: id,
                    pidfd: None,
                });
            }
            Err(error) => return Err(error.into()),
        };
        #[expect(
            deprecated,
            reason = "its successor is unsafe because of types that do not own their descriptor"
        )]
        let pidfd = AsyncFd::with_interest(pidfd, Interest::READABLE)?;
        Ok(Self {
            pid: id,
            pidfd: Some(Arc::new(pidfd)),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the end of the process, reaps it if it is a child, and says how it ended. Cancel-safe.
    pub(crate) async fn exited(&self) -> String {
        let Some(pidfd) = &self.pidfd else {
            return "ended".to_owned();
        };
        if let Err(error) = pidfd.readable().await {
            return format!("could not be waited for: {error}");
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match waitid(WaitId::PidFd(pidfd.get_ref().as_fd()), options) {
            Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => format!("exit status: {code}"),
                (_, Some(signal)) => format!("signal: {signal}{}", name(signal)),
                _ => "ended".to_owned(),
            },
            // Somebody else's child: its status is not for us.
            Ok(None) | Err(_) => "ended".to_owned(),
        }
    }

    /// Sends SIGKILL to the process and, where it leads one, to its process group: what a wrapper has
    /// started must not outlive it. A process that has ended already is no error.
    pub(crate) fn kill(&self) {
        let Some(pidfd) = &self.pidfd else {
            return;
        };
        match pidfd_send_signal(pidfd.get_ref(), Signal::KILL) {
            // Not yet waited for, so that the number cannot have come to mean another group.
            Ok(()) => {
                let group = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
                if let Some(group) = group {
                    kill_process_group(group, Signal::KILL).ok();
                }
            }
            Err(Errno::SRCH) => {}
            Err(error) => {
                tracing::error!(%error, pid = self.pid, "the data plane could not be killed");
            }
        }
    }
}

fn name(signal: i32) -> &'static str {
    match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}
