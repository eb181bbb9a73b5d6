//! The version that clients read in the greeting, before anybody knows which server they will use.
//!
//! Drivers choose by it what they send, so it must be the servers' own. A worker reads it once from a
//! server's greeting and then follows what further logins see.

use crate::context::Context;
use odp_pool::connect_raw;
use odp_protocol::Greeting;
use odp_routing::{Decision, LookupPhase, Request};
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// What is said while no server can be asked (`OBProxy`'s default).
const UNKNOWN: &str = "5.6.25";

/// How long a client waits for its greeting while a server is asked.
const PATIENCE: Duration = Duration::from_secs(1);

/// The version of the servers, as far as it is known; empty at first.
#[derive(Debug, Default)]
pub struct ServerVersion(RefCell<String>);

impl ServerVersion {
    /// Takes in what a server said.
    pub(crate) fn learn(&self, version: &str) {
        if *self.0.borrow() != version {
            version.clone_into(&mut self.0.borrow_mut());
        }
    }
}

/// The version for the greeting of a client: the configured one, else the servers' own.
pub(crate) async fn for_greeting(context: &Context) -> String {
    let configured = &context.settings.version;
    if !configured.is_empty() {
        return configured.clone();
    }
    if context.server_version.0.borrow().is_empty() {
        // Late or refused, the next client asks again.
        let asked = tokio::time::timeout(PATIENCE, ask(context)).await;
        if let Some(version) = asked.ok().flatten() {
            context.server_version.learn(&version);
        }
    }
    let known = context.server_version.0.borrow();
    if known.is_empty() { UNKNOWN } else { &known }.to_owned()
}

async fn ask(context: &Context) -> Option<String> {
    let nowhere = odp_cluster::DatabaseName::default();
    let request = Request {
        lookup: LookupPhase::Done,
        ..Request::new(&context.settings.default_tenant, &nowhere)
    };
    let Decision::Route(route) = context.router.decide(&request, Instant::now()) else {
        return None;
    };
    let (_, payload) = connect_raw(route.server, &context.settings.connect)
        .await
        .ok()?;
    Greeting::parse(&payload)
        .ok()
        .map(|greeting| greeting.version)
}
