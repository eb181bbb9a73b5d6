//! The thread on which discovery runs.

use super::wiring::discovery_config;
use crate::config::Settings;
use crate::error::Error;
use odp_discovery::{Discovery, Handle};
use odp_routing::Router;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Starts discovery on a thread of its own; it lives as long as the process.
pub(super) fn start(settings: &Settings, router: &Arc<Router>) -> Result<Handle, Error> {
    let (discovery, handle) = Discovery::new(Arc::clone(router), discovery_config(settings));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    std::thread::Builder::new()
        .name("odp-discovery".to_owned())
        .spawn(move || runtime.block_on(discovery.run(CancellationToken::new())))
        .map_err(Error::Runtime)?;
    Ok(handle)
}
