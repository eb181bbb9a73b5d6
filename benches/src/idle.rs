//! What a client costs that is connected and silent: memory of the proxy for each.

use crate::Error;
use crate::backend::Backend;
use crate::load::Clients;
use crate::processes;
use crate::target::Target;
use crate::workload::Workload;
use serde::Serialize;
use std::time::Duration;

/// The memory of idle clients at one proxy.
#[derive(Debug, Clone, Serialize)]
pub struct Idle {
    /// The proxy.
    pub target: String,
    /// How many clients.
    pub clients: usize,
    /// Resident memory before they came, in kB.
    pub before_kb: u64,
    /// Resident memory while they are silent, in kB.
    pub with_kb: u64,
}

/// Silence before the memory is read: proxies give buffers back after a while.
const REST: Duration = Duration::from_millis(3500);

impl Idle {
    /// kB for each client.
    #[must_use]
    pub fn each_kb(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 kB")]
        let (grown, clients) = (
            self.with_kb.saturating_sub(self.before_kb) as f64,
            self.clients.max(1) as f64,
        );
        grown / clients
    }

    /// Connects `clients` clients to a proxy that has not served as many before, and lets them rest.
    ///
    /// # Errors
    /// When one of them cannot log in.
    pub fn measure(backend: &Backend, target: &Target, clients: usize) -> Result<Self, Error> {
        let before_kb = processes::rss_kb(&target.pids());
        let held = Clients::open(Workload::Idle, clients, &target.addrs, &backend.login)?;
        std::thread::sleep(REST);
        let with_kb = processes::rss_kb(&target.pids());
        drop(held);
        Ok(Self {
            target: target.name.clone(),
            clients,
            before_kb,
            with_kb,
        })
    }
}
