//! `odp data-plane`: one generation of the process that serves clients.
//!
//! This thread speaks with the coordinator and accepts; each worker thread ([`worker`]) serves the
//! clients it is given; one more thread runs discovery.

mod acceptor;
mod control;
mod discovery;
mod handover;
mod locations_copy;
mod lookup;
mod pool_report;
mod pooling;
mod remembered;
mod report;
mod server_report;
mod wiring;
mod worker;
mod workers;

use crate::config::Settings;
use crate::coordinator::MYSQL_LISTENER;
use crate::error::Error;
use crate::logging;
use control::{Control, Prepared};
use handover::{Handover, Loaded};
use odp_restart::{Hello, Link, Offered, OfferedListener, Successor};
use odp_routing::Router;
use odp_session::{Counts, SessionIds, SessionRecord};
use remembered::Remembered;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use worker::Shared;
use workers::Workers;

/// How the process calls itself.
pub(crate) const PROCESS_NAME: &str = "odp";

/// Runs one generation to its end.
pub(crate) fn run() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    runtime.block_on(serve())
}

async fn serve() -> Result<(), Error> {
    // The kernel names a process after the file that was executed, here a descriptor's number.
    std::fs::write("/proc/self/comm", PROCESS_NAME).ok();
    let hello = Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        record_formats: SessionRecord::FORMATS.to_vec(),
    };
    let offered = Successor::from_stdin()?.hello(hello.clone()).await?;
    let (link, offer) = Offer::split(hello, offered);
    match offer.prepare().await {
        Ok(prepared) => {
            link.ready().await?;
            Control::new(link, prepared)?.run().await
        }
        Err(reason) => {
            link.failed(reason.clone()).await?;
            Err(Error::NotReady(reason))
        }
    }
}

/// What this generation starts from.
struct Offer {
    hello: Hello,
    generation: u64,
    listeners: Vec<OfferedListener>,
    config: Vec<u8>,
    snapshot: Option<Vec<u8>>,
    stderr: OwnedFd,
}

impl Offer {
    fn split(hello: Hello, offered: Offered) -> (Link, Self) {
        let offer = Self {
            hello,
            generation: offered.generation,
            listeners: offered.listeners,
            config: offered.config,
            snapshot: offered.snapshot,
            stderr: offered.stderr,
        };
        (offered.link, offer)
    }

    /// Everything up to Ready; an error is one line for the operator.
    async fn prepare(self) -> Result<Prepared, String> {
        let settings = Settings::from_bytes(&self.config)?;
        logging::start(&settings);
        let listener =
            mysql_listener(self.listeners).ok_or("the offer has no listener for MySQL")?;
        let router = Arc::new(Router::with_policies(
            wiring::router_limits(&settings),
            wiring::policy_settings(&settings),
        ));
        let warm = Warmth::of(self.snapshot, &router);
        let remembered = Remembered::new(&settings);
        let discovery = discovery::start(&settings, remembered.servers(), &router)
            .map_err(|error| error.to_string())?;
        let session_settings = Arc::new(wiring::session_settings(&settings));
        let ids = SessionIds::new(session_settings.proxy_id, self.generation);
        let pooling = pooling::start(&settings, &router);
        let shared = Shared {
            settings: session_settings,
            pooling,
            router,
            discovery,
            ids,
        };
        let workers = Workers::start(wiring::worker_count(&settings), &shared)
            .map_err(|error| error.to_string())?;
        let inherited = warm.complete(&shared).await?;
        Ok(Prepared {
            hello: self.hello,
            generation: self.generation,
            listener: Some(listener),
            workers,
            shared,
            remembered,
            inherited,
            stderr: self.stderr,
            state_dir: Some(PathBuf::from(&settings.state_dir))
                .filter(|path| !path.as_os_str().is_empty()),
            orphan_timeout: settings.orphan_timeout.0,
            drain_timeout: settings.hot_upgrade_exit_timeout.0,
        })
    }
}

/// What is known of the cluster before anybody was asked.
enum Warmth {
    /// What the generation before knew, and has counted.
    Warm(Counts),
    /// Likewise, but without locations.
    Lukewarm(Box<Handover>),
    /// There was none, or it knew no server.
    Cold(Counts),
    /// What it told is not understood.
    Broken(String),
}

impl Warmth {
    fn of(snapshot: Option<Vec<u8>>, router: &Router) -> Self {
        let Some(snapshot) = snapshot else {
            return Self::Cold(Counts::default());
        };
        match Handover::from_bytes(&snapshot.into()) {
            Ok(handover) => match handover.load(router) {
                Loaded::Everything => Self::Warm(handover.counts),
                Loaded::Cluster => Self::Lukewarm(Box::new(handover)),
                Loaded::Nothing => Self::Cold(handover.counts),
            },
            Err(reason) => Self::Broken(reason),
        }
    }

    /// Waits for discovery where nothing is known; answers what was counted before.
    async fn complete(self, shared: &Shared) -> Result<Counts, String> {
        match self {
            Self::Warm(counts) => Ok(counts),
            Self::Lukewarm(handover) => {
                handover.fetch_locations(shared).await;
                Ok(handover.counts)
            }
            Self::Cold(counts) => {
                discovery::first_result(&shared.discovery).await;
                Ok(counts)
            }
            Self::Broken(reason) => {
                tracing::warn!(reason, "the snapshot of the generation before is not used");
                discovery::first_result(&shared.discovery).await;
                if shared.discovery.state().rounds > 0 {
                    return Ok(Counts::default());
                }
                Err(format!("{reason}, and no OBServer answers"))
            }
        }
    }
}

fn mysql_listener(listeners: Vec<OfferedListener>) -> Option<std::net::TcpListener> {
    let found = listeners
        .into_iter()
        .find(|offered| offered.name == MYSQL_LISTENER)?;
    Some(found.listener)
}
