//! The data plane's conversation with the coordinator, from Ready to the end.

use super::worker::Shared;
use super::workers::Workers;
use super::{acceptor, report};
use crate::error::Error;
use odp_restart::{Heartbeat, Link, Order};
use std::net::TcpListener;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// What the conversation is about.
pub(super) struct Control {
    link: Link,
    workers: Workers,
    shared: Shared,
    listener: Option<TcpListener>,
    stop_accepting: CancellationToken,
    draining: Option<Draining>,
    linked: bool,
    orphan_timeout: Duration,
}

/// A data plane that could serve.
pub(super) struct Prepared {
    pub(super) listener: TcpListener,
    pub(super) workers: Workers,
    pub(super) shared: Shared,
    pub(super) orphan_timeout: Duration,
}

/// A drain under way.
#[derive(Debug, Clone, Copy)]
struct Draining {
    /// When the process ends whatever is left.
    until: Instant,
}

impl Control {
    /// The time between two heartbeats.
    const BEAT: Duration = Duration::from_millis(250);
    /// A drain without limit, as a time.
    const FOREVER: Duration = Duration::from_hours(24 * 365);
    /// What sessions get beyond their deadline to say so to their clients.
    const GRACE: Duration = Duration::from_millis(500);

    pub(super) fn new(link: Link, prepared: Prepared) -> Self {
        Self {
            link,
            workers: prepared.workers,
            shared: prepared.shared,
            listener: Some(prepared.listener),
            stop_accepting: CancellationToken::new(),
            draining: None,
            linked: true,
            orphan_timeout: prepared.orphan_timeout,
        }
    }

    /// Runs to the end of this generation.
    pub(super) async fn run(mut self) -> Result<(), Error> {
        let mut terminate = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
        let mut beat = tokio::time::interval(Self::BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let draining = self.draining;
            tokio::select! {
                order = self.link.order(), if self.linked => {
                    if self.obey(order) == Next::End {
                        return Ok(());
                    }
                }
                () = signalled(&mut terminate, &mut interrupt) => {
                    if !self.linked {
                        return Ok(());
                    }
                    tracing::info!("signal ignored: the coordinator decides");
                }
                () = self.workers.ended(), if draining.is_some() => break,
                () = until(draining) => break,
                _ = beat.tick() => self.report().await,
            }
        }
        if self.linked && self.link.drained().await.is_err() {
            tracing::debug!("the coordinator ended first");
        }
        Ok(())
    }

    fn obey(&mut self, order: Order) -> Next {
        match order {
            Order::Commit => self.accept(),
            Order::Drain { timeout } => self.drain(timeout.unwrap_or(Self::FOREVER)),
            Order::Shutdown => return Next::End,
            Order::Lost => {
                self.linked = false;
                tracing::error!("the coordinator is gone: draining");
                self.drain(self.orphan_timeout);
            }
        }
        Next::GoOn
    }

    fn accept(&mut self) {
        let Some(listener) = self.listener.take() else {
            return;
        };
        let dealer = self.workers.dealer();
        let accepting = acceptor::run(listener, dealer, self.stop_accepting.clone());
        tokio::spawn(async {
            if let Err(error) = accepting.await {
                tracing::error!(%error, "accepting ended");
            }
        });
    }

    fn drain(&mut self, timeout: Duration) {
        let until = Instant::now() + timeout;
        self.listener = None;
        self.stop_accepting.cancel();
        self.workers.drain(until);
        self.draining = Some(Draining {
            until: until + Self::GRACE,
        });
    }

    async fn report(&mut self) {
        if !self.linked {
            return;
        }
        let heartbeat = Heartbeat {
            pid: std::process::id(),
            ticks: self.workers.ticks(),
            snapshot: report::snapshot(&self.shared, &self.workers.counts()).to_bytes(),
        };
        if let Err(error) = self.link.heartbeat(heartbeat).await {
            // The next order says that the coordinator is lost.
            tracing::debug!(%error, "heartbeat");
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

async fn signalled(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn until(draining: Option<Draining>) {
    match draining {
        Some(draining) => tokio::time::sleep_until(draining.until).await,
        None => std::future::pending().await,
    }
}
