//! The thread on which discovery runs.

use super::wiring::discovery_config;
use crate::config::Settings;
use crate::error::Error;
use odp_cluster::ServerAddr;
use odp_discovery::{Discovery, DiscoveryConfig, Handle};
use odp_routing::Router;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Starts discovery on a thread of its own; it lives as long as the process.
pub(super) fn start(
    settings: &Settings,
    remembered: Vec<ServerAddr>,
    router: &Arc<Router>,
) -> Result<Handle, Error> {
    let config = DiscoveryConfig {
        remembered,
        ..discovery_config(settings)
    };
    let (discovery, handle) = Discovery::new(Arc::clone(router), config);
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

/// Waits until discovery has come to a first result, good or bad, but not for long.
///
/// Clients that arrive meanwhile wait in the listen queue, which is better than an answer that no
/// server is known yet.
pub(super) async fn first_result(handle: &Handle) {
    const PATIENCE: Duration = Duration::from_secs(1);
    const PEEK: Duration = Duration::from_millis(2);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let state = handle.state();
        if state.rounds + state.failed_rounds > 0 || Instant::now() >= deadline {
            return;
        }
        tokio::time::sleep(PEEK).await;
    }
}
