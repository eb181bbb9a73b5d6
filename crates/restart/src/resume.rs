//! A coordinator that replaces itself by another binary, in place: same process, listeners, data plane.
//!
//! Everything the new image needs waits, descriptors included, in a socket that becomes its stdin. So
//! no descriptor but that one survives the exec, and none is ever named by a number.

use crate::channel::Channel;
use crate::generation::{Released, Running};
use crate::listener::{Listeners, OfferedListener};
use crate::message::{Heartbeat, Hello, ListenerMeta};
use crate::process::Process;
use crate::{Adopted, Error, GenerationId, Operation, Program};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::time::Duration;

/// The environment variable that tells the new image to look at its stdin; holds the process id.
pub const RESUME_VARIABLE: &str = "ODP_RESUME";

/// The message; its descriptors are the listeners, the control channel, the data plane's stderr if it
/// is held, and the companions.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    generation: GenerationId,
    pid: u32,
    inbox: Vec<u8>,
    stderr: bool,
    listeners: Vec<ListenerMeta>,
    hello: Hello,
    heartbeat: Heartbeat,
    operation: Operation,
}

/// What the old image leaves.
pub(crate) struct Legacy<'a> {
    pub(crate) generation: GenerationId,
    pub(crate) released: Released,
    pub(crate) listeners: &'a Listeners,
    pub(crate) hello: Hello,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) operation: Operation,
    pub(crate) companions: &'a [OwnedFd],
}

impl Legacy<'_> {
    /// How long the message may take to be written.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Becomes `program`; returns only when that fails.
    pub(crate) async fn exec(&self, program: &Program, arguments: &[OsString]) -> Error {
        match self.pack().await {
            Ok(stdin) => {
                let error = program
                    .command(arguments)
                    .env(RESUME_VARIABLE, std::process::id().to_string())
                    .stdin(stdin)
                    .exec();
                Error::Spawn {
                    path: program.path().to_owned(),
                    source: error,
                }
            }
            Err(error) => error,
        }
    }

    async fn pack(&self) -> Result<OwnedFd, Error> {
        let (ours, theirs) = UnixStream::pair()?;
        let record = Record {
            generation: self.generation,
            pid: self.released.pid,
            inbox: self.released.inbox.clone(),
            stderr: self.released.stderr.is_some(),
            listeners: self.listeners.metas(),
            hello: self.hello.clone(),
            heartbeat: self.heartbeat.clone(),
            operation: self.operation.clone(),
        };
        let mut descriptors: Vec<BorrowedFd<'_>> = self.listeners.descriptors();
        descriptors.push(self.released.channel.as_fd());
        descriptors.extend(self.released.stderr.as_ref().map(AsFd::as_fd));
        descriptors.extend(self.companions.iter().map(AsFd::as_fd));
        let channel = Channel::new(ours)?;
        let sent = channel.send(&record, &descriptors);
        // Nobody reads yet: what does not fit into the socket would wait for ever.
        match tokio::time::timeout(Self::PATIENCE, sent).await {
            Ok(sent) => sent?,
            Err(_) => return Err(Error::Protocol("the handover does not fit into a socket")),
        }
        Ok(theirs.into())
    }

    /// Puts the data plane's channel together again after a failed exec.
    pub(crate) fn recover(self) -> Result<Running, Error> {
        Ok(Running {
            process: Process::open(self.released.pid)?,
            channel: Channel::from_parts(self.released.channel, self.released.inbox)?,
            stderr: self.released.stderr,
        })
    }
}

/// What the new image begins with.
#[derive(Debug)]
pub struct Resumed {
    /// The data plane and the listeners.
    pub adopted: Adopted,
    /// The upgrade whose last step this is.
    pub operation: Operation,
    /// The descriptors that the old image passed for its own use, in its order.
    pub companions: Vec<OwnedFd>,
}

impl Resumed {
    /// Takes what waits in stdin, which is empty afterwards.
    ///
    /// # Errors
    /// When stdin is not what the old image left.
    pub async fn from_stdin() -> Result<Self, Error> {
        let stdin = std::io::stdin().as_fd().try_clone_to_owned()?;
        let nothing = File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&nothing).map_err(std::io::Error::from)?;
        let mut channel = Channel::new(stdin.into())?;
        let (record, descriptors) = channel.recv::<Record>().await?;
        let mut descriptors = descriptors.into_iter();
        let missing = || Error::Protocol("the handover lacks descriptors");
        let mut listeners = Vec::new();
        for meta in record.listeners {
            let descriptor = descriptors.next().ok_or_else(missing)?;
            listeners.push(OfferedListener::accept(meta, descriptor)?);
        }
        let control = descriptors.next().ok_or_else(missing)?;
        let stderr = if record.stderr {
            Some(descriptors.next().ok_or_else(missing)?)
        } else {
            None
        };
        let adopted = Adopted {
            generation: record.generation,
            hello: record.hello,
            heartbeat: record.heartbeat,
            listeners: Listeners::from_offered(listeners),
            running: Running {
                process: Process::open(record.pid)?,
                channel: Channel::from_parts(control, record.inbox)?,
                stderr,
            },
        };
        Ok(Self {
            adopted,
            operation: record.operation,
            companions: descriptors.collect(),
        })
    }
}
