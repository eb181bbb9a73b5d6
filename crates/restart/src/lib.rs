//! The coordinator: listeners, generations, handover of opaque records and descriptors.
//!
//! Two processes of one binary. The *coordinator* opens the listeners, starts *generations* of the
//! data plane and replaces one that dies; it never looks into the bytes that the two sides exchange.
//! [`Coordinator`] is its half, [`Successor`] and [`Link`] are the data plane's half of the control
//! channel: Hello → Offer → Ready → Commit, then heartbeats one way and orders the other.
//!
//! What to do is decided by [`Phase`], which has no I/O; the rest performs its actions.

mod channel;
mod coordinator;
mod crashes;
mod error;
mod generation;
mod limits;
mod listener;
mod message;
mod phase;
mod process;
mod successor;
mod timing;
mod watch;

pub use coordinator::{Coordinator, Handle, Heard, Settings, State, Status};
pub use error::Error;
pub use limits::{DescriptorLimit, raise_descriptor_limit};
pub use listener::{ListenerSpec, Listeners, OfferedListener};
pub use message::{Heartbeat, Hello, PROTOCOL_VERSION};
pub use phase::{Action, Event, KillReason, Phase};
pub use successor::{Link, Offered, Order, Successor};
pub use timing::Timing;
