//! The HTTP endpoint: routes, tasks, auth; knows what to call, not how it is done.
//!
//! [`Server`] speaks HTTP/1.1 with limits on everything a stranger could stretch; what the routes
//! answer comes from whoever implements [`Operations`].

mod access;
mod answer;
mod body;
mod error;
mod operations;
mod pools;
mod route;
mod server;
mod status;
mod task;

pub use access::Access;
pub use error::Error;
pub use operations::{Command, CommandRefusal, Health, Operations, ServerCommand, ServerRefusal};
pub use pools::{PoolRetired, PoolStatus, PoolWaits, Pools};
pub use server::{Limits, Server};
pub use status::{Discovery, Pids, PinnedBy, ServerStatus, Sessions, State, Status};
pub use task::{
    FatesByKind, Receipt, SessionFates, SessionKinds, Step, StepState, Task, TaskError, TaskKind,
    TaskState,
};
