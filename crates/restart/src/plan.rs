//! What a generation is started from, and who finds that out.

use crate::event::Launch;
use crate::{ListenerSpec, Listeners, Program, Timing};

/// Everything that a start needs, read from disk and checked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The binary.
    pub program: Program,
    /// The configuration, opaque; it travels over the control channel only.
    pub config: Vec<u8>,
    /// The deadlines of that configuration.
    pub timing: Timing,
    /// The listeners of that configuration.
    pub listeners: Vec<ListenerSpec>,
}

/// Reads and checks what the next generation is started from.
pub trait Planner: Send + Sync + 'static {
    /// Makes the plan. May block; has a deadline of its own for whatever it runs.
    ///
    /// # Errors
    /// One line for the operator; nothing has changed then.
    fn plan(&self, launch: &Launch, current: &Plan) -> Result<Plan, String>;

    /// Takes notice of the listeners that are open from now on; of none when they were closed.
    fn listening(&self, _listeners: &Listeners) {}
}
