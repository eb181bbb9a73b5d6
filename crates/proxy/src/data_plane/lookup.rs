//! How sessions ask discovery for locations.

use odp_discovery::Handle;
use odp_routing::{Evidence, TableKey};
use odp_session::Lookup;
use std::pin::Pin;

/// Discovery, as sessions see it.
pub(super) struct DiscoveryLookup {
    pub(super) discovery: Handle,
}

impl Lookup for DiscoveryLookup {
    fn lookup(&self, key: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(self.discovery.lookup(key))
    }

    fn refresh(&self, key: &TableKey) {
        self.discovery.refresh(key.clone());
    }

    fn settled(&self, key: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(self.discovery.settled(key))
    }

    fn report(&self, evidence: Evidence) {
        self.discovery.report(evidence);
    }

    fn refresh_cluster(&self) {
        self.discovery.refresh_cluster();
    }
}
