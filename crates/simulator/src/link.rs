//! What the cluster's process and a node's process say to each other: lines of JSON over a socket pair.

use crate::error::SimulatorError;
use crate::fault::Fault;
use crate::node::Node;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What a node has counted since it was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) statements: u64,
    pub(crate) leader_hits: u64,
    pub(crate) leader_misses: u64,
}

impl Counts {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            statements: self.statements + other.statements,
            leader_hits: self.leader_hits + other.leader_hits,
            leader_misses: self.leader_misses + other.leader_misses,
        }
    }
}

/// What a node is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Nothing but the report that every reply carries.
    Report,
    /// To have these faults and no others.
    Faults(Vec<Fault>),
    /// [`Node::hold`].
    Hold,
    /// [`Node::release`].
    Release,
    /// [`Node::fence`].
    Fence,
}

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    number: u64,
    order: Order,
}

/// A node's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reply {
    number: u64,
    pub(crate) counts: Counts,
    pub(crate) faults: Vec<Fault>,
    error: Option<String>,
}

/// The end of the cluster's process.
#[derive(Debug)]
pub(crate) struct Link {
    stream: BufReader<UnixStream>,
    line: String,
    number: u64,
}

impl Link {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self {
            stream: BufReader::new(stream),
            line: String::new(),
            number: 0,
        }
    }

    /// Waits for the node's first word: it listens.
    pub(crate) fn wait_for_start(&mut self, limit: Duration) -> Result<Reply, SimulatorError> {
        self.reply(limit)
    }

    /// Gives an order and waits for the reply.
    pub(crate) fn ask(&mut self, order: Order, limit: Duration) -> Result<Reply, SimulatorError> {
        self.number += 1;
        let request = Request {
            number: self.number,
            order,
        };
        send(self.stream.get_ref(), &request)?;
        self.reply(limit)
    }

    /// Replies to orders that nobody waited for any more are passed over.
    fn reply(&mut self, limit: Duration) -> Result<Reply, SimulatorError> {
        self.stream.get_ref().set_read_timeout(Some(limit))?;
        loop {
            // A line that was cut by the deadline goes on where it ended.
            if self.stream.read_line(&mut self.line)? == 0 {
                return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            let reply: Reply = serde_json::from_str(&std::mem::take(&mut self.line))?;
            if reply.number == self.number {
                return match reply.error {
                    Some(text) => Err(SimulatorError::Impossible(text)),
                    None => Ok(reply),
                };
            }
        }
    }
}

/// Runs one node of a cluster, whose data is in `dir`, in this process until the cluster's process,
/// which holds the other end of the standard input, has ended.
///
/// # Errors
/// [`SimulatorError`] when the data directory is no cluster's or the port is taken.
pub fn run_node(dir: &Path, id: i64, addr: SocketAddr) -> Result<(), SimulatorError> {
    let stream = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let node = Node::open(dir, id, addr)?;
    let report = |number, error| Reply {
        number,
        counts: node.counts(),
        faults: node.conditions.faults(),
        error,
    };
    send(&stream, &report(0, None))?;
    for line in BufReader::new(&stream).lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let outcome = match request.order {
            Order::Report => Ok(()),
            Order::Faults(faults) => node.set_faults(&faults),
            Order::Hold => node.hold(),
            Order::Release => {
                node.release();
                Ok(())
            }
            Order::Fence => {
                node.fence();
                Ok(())
            }
        };
        let error = match outcome {
            Ok(()) => None,
            Err(SimulatorError::Impossible(text)) => Some(text),
            Err(error) => Some(error.to_string()),
        };
        send(&stream, &report(request.number, error))?;
    }
    Ok(())
}

/// Writes a message as one line of JSON.
pub(crate) fn send(
    mut stream: &UnixStream,
    message: &impl Serialize,
) -> Result<(), SimulatorError> {
    let mut line = serde_json::to_string(message)?;
    line.push('\n');
    Ok(stream.write_all(line.as_bytes())?)
}
