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
use control::{Control, Prepared};
use odp_restart::{Hello, Offered, OfferedListener, Successor};
use odp_routing::Router;
use odp_session::SessionIds;
use std::sync::Arc;
use worker::Shared;
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
    let Offered {
        generation,
        listeners,
        config,
        link,
        ..
    } = Successor::from_stdin()?.hello(hello).await?;
    match prepare(generation, listeners, &config).await {
        Ok(prepared) => {
            link.ready().await?;
            Control::new(link, prepared).run().await
        }
        Err(reason) => {
            link.failed(reason.clone()).await?;
            Err(Error::NotReady(reason))
        }
    }
}

/// Everything up to Ready; an error is one line for the operator.
async fn prepare(
    generation: u64,
    listeners: Vec<OfferedListener>,
    config: &[u8],
) -> Result<Prepared, String> {
    let settings = Settings::from_bytes(config)?;
    logging::start(&settings);
    let listener = mysql_listener(listeners).ok_or("the offer has no listener for MySQL")?;
    let policies = wiring::policy_settings(&settings);
    let router = Router::with_policies(wiring::router_limits(&settings), policies);
    let router = Arc::new(router);
    let discovery = discovery::start(&settings, &router).map_err(|error| error.to_string())?;
    let session_settings = Arc::new(wiring::session_settings(&settings));
    let ids = SessionIds::new(session_settings.proxy_id, generation);
    let shared = Shared {
        settings: session_settings,
        router,
        discovery,
        ids,
    };
    let workers = Workers::start(wiring::worker_count(&settings), &shared)
        .map_err(|error| error.to_string())?;
    discovery::first_result(&shared.discovery).await;
    Ok(Prepared {
        listener,
        workers,
        shared,
        orphan_timeout: settings.orphan_timeout.0,
    })
}

fn mysql_listener(listeners: Vec<OfferedListener>) -> Option<std::net::TcpListener> {
    let found = listeners
        .into_iter()
        .find(|offered| offered.name == MYSQL_LISTENER)?;
    Some(found.listener)
}
