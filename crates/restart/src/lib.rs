//! The coordinator: listeners, generations, handover of opaque records and descriptors.
//!
//! Two processes of one binary. The *coordinator* opens the listeners, starts *generations* of the
//! data plane and replaces one that dies; it never looks into the bytes that the two sides exchange.
//! [`Coordinator`] is its half, [`Successor`] and [`Link`] are the data plane's half of the control
//! channel: Hello → Offer → Ready → Commit, then heartbeats one way and orders the other.
//!
//! What to do is decided by [`Machine`], which has no I/O; the rest performs its actions. Which command
//! is admitted when stands in [`State::admits`]. A data plane that lost its coordinator waits as an
//! [`Orphan`] for the next one; a coordinator that replaces itself leaves itself a [`Resumed`].

mod channel;
mod coordinator;
mod crashes;
mod error;
mod estate;
mod event;
mod generation;
mod handle;
mod limits;
mod listener;
mod log_tail;
mod machine;
mod message;
mod operation;
mod plan;
mod process;
mod program;
mod resume;
mod status;
mod successor;
mod table;
mod timing;
mod watch;

pub use coordinator::{Coordinator, Settings, Start};
pub use error::Error;
pub use estate::{Adopted, Belongings, Orphan};
pub use event::{Action, Event, GenerationId, KillReason, Launch, Pace};
pub use handle::{Handle, Refusal};
pub use limits::{DescriptorLimit, raise_descriptor_limit};
pub use listener::{ListenerSpec, Listeners, OfferedListener};
pub use machine::{Beginning, Machine, Now};
pub use message::{Heartbeat, Hello, MAX_SNAPSHOT, PROTOCOL_VERSION};
pub use operation::{Operation, Outcome, SUPERSEDED, Step, StepName, StepState};
pub use plan::{Plan, Planner};
pub use program::Program;
pub use resume::{RESUME_VARIABLE, Resumed};
pub use status::{Heard, Status};
pub use successor::{Link, Offered, Order, Successor};
pub use table::{Command, State, Verdict};
pub use timing::Timing;
