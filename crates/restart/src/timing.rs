//! The deadlines of a coordinator.

use std::time::Duration;

/// The deadlines that the machine applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From the start of a generation to its Ready.
    pub ready_timeout: Duration,
    /// How long a worker may be silent before its data plane is replaced.
    pub hang_timeout: Duration,
    /// From the wish to stop until the listeners are left alone, so that load balancers look away.
    pub exit_delay: Duration,
    /// From the drain until the last sessions are cut; none waits for the last client.
    pub drain_timeout: Option<Duration>,
}

impl Timing {
    /// How long after its own deadline a draining data plane is killed.
    pub(crate) const DRAIN_GRACE: Duration = Duration::from_secs(2);
    /// The machine was not run in time itself when it is this late: it cannot judge others then.
    pub(crate) const OWN_DELAY: Duration = Duration::from_secs(1);
}
