//! `odp data-plane`: one generation of the process that serves clients.
//!
//! This thread speaks with the coordinator and accepts; each worker thread ([`worker`]) serves the
//! clients it is given; one more thread runs discovery.

mod acceptor;
mod control;
mod discovery;
mod lookup;
mod report;
mod wiring;
mod worker;
mod workers;

use crate::config::Settings;
use crate::coordinator::MYSQL_LISTENER;
use crate::error::Error;
use crate::logging;
use control::Control;
use odp_restart::{Hello, OfferedListener, Successor};
use odp_routing::Router;
use odp_session::SessionIds;
use std::sync::Arc;
use workers::Workers;

/// Runs one generation to its end.
pub(crate) fn run() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    runtime.block_on(serve())
}

async fn serve() -> Result<(), Error> {
    let hello = Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        record_formats: Vec::new(),
    };
    let offered = Successor::from_stdin()?.hello(hello).await?;
    let settings = match Settings::from_bytes(&offered.config) {
        Ok(settings) => settings,
        Err(reason) => return Ok(offered.link.failed(reason).await?),
    };
    logging::start(&settings);
    let Some(listener) = mysql_listener(offered.listeners) else {
        let reason = "the offer has no listener for MySQL".to_owned();
        return Ok(offered.link.failed(reason).await?);
    };
    let router = Arc::new(Router::new(wiring::router_limits(&settings)));
    let discovery = discovery::start(&settings, &router)?;
    discovery::first_result(&discovery).await;
    let session_settings = Arc::new(wiring::session_settings(&settings));
    let ids = SessionIds::new(session_settings.proxy_id, offered.generation);
    let shared = worker::Shared {
        settings: session_settings,
        router,
        discovery,
        ids,
    };
    let workers = Workers::start(wiring::worker_count(&settings), &shared)?;
    offered.link.ready().await?;
    let control = Control::new(offered.link, listener, workers, shared, &settings);
    control.run().await
}

fn mysql_listener(listeners: Vec<OfferedListener>) -> Option<std::net::TcpListener> {
    let found = listeners
        .into_iter()
        .find(|offered| offered.name == MYSQL_LISTENER)?;
    Some(found.listener)
}
