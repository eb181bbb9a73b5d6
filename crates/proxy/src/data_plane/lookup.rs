//! How sessions ask discovery for locations.

use super::asked_tables::AskedTables;
use odp_discovery::Handle;
use odp_routing::TableKey;
use odp_session::Lookup;
use std::pin::Pin;
use std::sync::Arc;

/// Discovery, as sessions see it.
pub(super) struct DiscoveryLookup {
    pub(super) discovery: Handle,
    pub(super) asked: Arc<AskedTables>,
}

impl Lookup for DiscoveryLookup {
    fn lookup(&self, key: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        self.asked.note(&key);
        Box::pin(self.discovery.lookup(key))
    }

    fn refresh(&self, key: &TableKey) {
        self.asked.note(key);
        self.discovery.refresh(key.clone());
    }

    fn refresh_cluster(&self) {
        self.discovery.refresh_cluster();
    }
}
