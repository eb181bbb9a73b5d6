//! A server of the cluster: where it runs, and what is wrong with it.

use crate::error::SimulatorError;
use crate::fault::{Fault, Place};
use crate::link::Counts;
use crate::node::{Node, Port, listen};
use crate::node_process::NodeProcess;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;

/// What runs a node.
#[derive(Debug)]
pub(crate) enum Runner {
    /// Threads of this process.
    Threads(Arc<Node>),
    /// A process of its own.
    Process(Box<NodeProcess>),
}

/// A server.
#[derive(Debug)]
pub(crate) struct Member {
    /// 1 and up.
    pub(crate) id: i64,
    pub(crate) addr: SocketAddr,
    pub(crate) zone: String,
    pub(crate) runner: Runner,
    /// What is wrong with it, in the order it came; the node's own faults as they were asked for.
    pub(crate) faults: Mutex<Vec<Fault>>,
    /// Tablets with the servers that led them before the first fault that moved leaders.
    pub(crate) led_before: Mutex<Vec<(i64, i64)>>,
}

impl Member {
    pub(crate) fn new(id: i64, zone: String, runner: Runner) -> Self {
        let addr = match &runner {
            Runner::Threads(node) => node.addr(),
            Runner::Process(process) => process.addr(),
        };
        Self {
            id,
            addr,
            zone,
            runner,
            faults: Mutex::default(),
            led_before: Mutex::default(),
        }
    }

    /// The process that runs it; none when that is dead.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.runner {
            Runner::Threads(_) => Some(std::process::id()),
            Runner::Process(process) => process.pid(),
        }
    }

    /// The faults, with the scripted errors that are still to come, and the counts.
    pub(crate) fn look(&self) -> (Vec<Fault>, Counts) {
        let (own, counts) = match &self.runner {
            Runner::Threads(node) => (node.conditions.faults(), node.counts()),
            Runner::Process(process) => process.look(),
        };
        let mut faults = self.faults.lock().clone();
        faults.retain(|fault| fault.place() != Place::Node);
        faults.extend(own);
        (faults, counts)
    }

    pub(crate) fn has(&self, fault: &Fault) -> bool {
        self.faults.lock().iter().any(|own| own.is_like(fault))
    }

    /// Adds a fault to the list; one like it goes.
    pub(crate) fn note(&self, fault: &Fault) {
        let mut faults = self.faults.lock();
        faults.retain(|own| !own.is_like(fault));
        faults.push(fault.clone());
    }

    /// Brings about a fault of the node's own, besides those that it has.
    pub(crate) fn set_own(&self, fault: &Fault) -> Result<(), SimulatorError> {
        let (mut own, _) = self.look();
        own.retain(|own| own.place() == Place::Node && !own.is_like(fault));
        own.push(fault.clone());
        match &self.runner {
            Runner::Threads(node) => node.set_faults(&own),
            Runner::Process(process) => process.set_faults(own),
        }
    }

    /// The process, for faults that only a process can have.
    pub(crate) fn process(&self) -> Result<&NodeProcess, SimulatorError> {
        match &self.runner {
            Runner::Process(process) => Ok(process),
            Runner::Threads(_) => Err(SimulatorError::Impossible(
                "the server has no process of its own".to_owned(),
            )),
        }
    }

    /// Ends it.
    pub(crate) fn end(&self) {
        match &self.runner {
            Runner::Threads(node) => node.stop(),
            Runner::Process(process) => process.kill(),
        }
    }

    /// Lets it run and serve without any fault of the node or its process; dropped packets apart.
    pub(crate) fn revive(&self) -> Result<(), SimulatorError> {
        match &self.runner {
            Runner::Threads(node) if node.serves() => node.set_faults(&[]),
            Runner::Threads(node) => {
                node.conditions.set(Vec::new());
                node.serve(listen(self.addr, Port::Alone)?)
            }
            Runner::Process(process) => {
                process.go_on()?;
                process.start_again()?;
                process.set_faults(Vec::new())
            }
        }
    }
}
