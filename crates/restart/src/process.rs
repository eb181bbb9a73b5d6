//! A data plane's process: started with the control channel as its stdin, killed through a pidfd.

use crate::Error;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use tokio::process::{Child, Command};

/// A running child that is not yet reaped; its pid can therefore not belong to anyone else.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: u32,
    pidfd: Arc<OwnedFd>,
}

/// Kills a process, whoever waits for it at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Killer(Arc<OwnedFd>);

impl Process {
    /// Starts `binary` and returns it with our end of its control channel.
    ///
    /// It leads a process group of its own: a Ctrl-C on the terminal is for the coordinator, which then
    /// drains. Every descriptor but the standard ones is closed on exec.
    pub(crate) fn spawn(binary: &Path, args: &[OsString]) -> Result<(Self, UnixStream), Error> {
        let (ours, theirs) = UnixStream::pair().map_err(Error::Spawn)?;
        let mut child = Command::new(binary)
            .args(args)
            .stdin(OwnedFd::from(theirs))
            .process_group(0)
            .spawn()
            .map_err(Error::Spawn)?;
        match watch(&child) {
            Ok((pid, pidfd)) => Ok((Self { child, pid, pidfd }, ours)),
            Err(error) => {
                child.start_kill().ok();
                Err(Error::Spawn(error))
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.pidfd))
    }

    /// Waits for the end of the process. Cancel-safe.
    pub(crate) async fn exited(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

impl Killer {
    /// Sends SIGKILL; a process that has ended already is no error.
    pub(crate) fn kill(&self) {
        if let Err(error) = pidfd_send_signal(&self.0, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::error!(%error, "the data plane could not be killed");
        }
    }
}

fn watch(child: &Child) -> io::Result<(u32, Arc<OwnedFd>)> {
    let gone = || io::Error::other("the process is gone already");
    let id = child.id().ok_or_else(gone)?;
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    let pidfd = pidfd_open(pid.ok_or_else(gone)?, PidfdFlags::empty())?;
    Ok((id, Arc::new(pidfd)))
}
