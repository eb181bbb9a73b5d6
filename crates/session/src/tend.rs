//! What a worker does for the pools beside its clients: gives up and forgets what is old, opens ahead.

use crate::borrow;
use crate::context::Context;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::MissedTickBehavior;

/// How often the pools are looked after.
const ROUND: Duration = Duration::from_secs(1);

/// Looks after the pools; never ends by itself. One worker, the first, gives up what is idle for too
/// long, too old, or of an account that has changed; every worker opens ahead.
pub async fn tend(context: Rc<Context>) -> Infallible {
    let mut round = tokio::time::interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        round.tick().await;
        let now = Instant::now();
        let credentials = &context.credentials;
        let mut known_logins = context.known_logins.borrow_mut();
        known_logins.tidy(|sighting| credentials.believes(sighting, now));
        drop(known_logins);
        if context.thread == 0 {
            context.pools.sweep(now);
            context.pools.retire_idle(|key| {
                let known = credentials.peek(&key.identity.name());
                known.is_some_and(|known| key.identity.is_outdated(&known))
            });
        }
        if context.is_draining() {
            continue;
        }
        for ahead in context.pools.open_ahead(context.thread, now) {
            let within = Rc::clone(&context);
            context.tasks.spawn_local(async move {
                let server = ahead.key.server;
                if let Err(error) = borrow::open_ahead(ahead, &within).await {
                    tracing::debug!(%server, %error, "no session could be opened ahead");
                }
            });
        }
    }
}
