//! The data plane's conversation with the coordinator, from Ready to the end.
//!
//! A coordinator that is lost is waited for: the next one takes this process over as it is.

use super::handover::Handover;
use super::remembered::Remembered;
use super::worker::Shared;
use super::workers::Workers;
use super::{acceptor, report};
use crate::coordinator::{MYSQL_LISTENER, StateDir};
use crate::error::Error;
use crate::notice::Notice;
use odp_cluster::ServerAddr;
use odp_restart::{Belongings, Heartbeat, Hello, Link, Order, Orphan, Pace};
use odp_session::Counts;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// What the conversation is about.
pub(super) struct Control {
    link: Link,
    linked: bool,
    committed: bool,
    prepared: Prepared,
    /// What the acceptor takes when it starts.
    listener: Option<TcpListener>,
    stop_accepting: CancellationToken,
    draining: Option<Draining>,
}

/// A data plane that could serve.
pub(super) struct Prepared {
    pub(super) hello: Hello,
    pub(super) generation: u64,
    /// A hold on the listener beside the acceptor's, for the next coordinator; none while draining.
    pub(super) listener: Option<TcpListener>,
    pub(super) workers: Workers,
    pub(super) shared: Shared,
    pub(super) remembered: Remembered,
    /// What generations before this one have counted.
    pub(super) inherited: Counts,
    /// Where to write to when the coordinator is gone.
    pub(super) stderr: OwnedFd,
    /// Where to wait for another coordinator; none waits for nobody.
    pub(super) state_dir: Option<PathBuf>,
    pub(super) orphan_timeout: Duration,
    /// How long sessions may take when nobody takes this process over.
    pub(super) drain_timeout: Option<Duration>,
}

/// A drain under way.
#[derive(Debug, Clone, Copy)]
struct Draining {
    /// When the process ends whatever is left; none waits for the last client.
    until: Option<Instant>,
}

impl Control {
    /// The time between two heartbeats.
    const BEAT: Duration = Duration::from_millis(250);
    /// The moments of a drain without limit lie in a time that nobody sees the end of.
    const FOREVER: Duration = Duration::from_hours(24 * 365);
    /// What sessions get beyond their deadline to say so to their clients.
    const GRACE: Duration = Duration::from_millis(500);

    pub(super) fn new(link: Link, prepared: Prepared) -> Result<Self, Error> {
        let listener = prepared.listener.as_ref().map(TcpListener::try_clone);
        Ok(Self {
            link,
            linked: true,
            committed: false,
            listener: listener.transpose().map_err(Error::Runtime)?,
            prepared,
            stop_accepting: CancellationToken::new(),
            draining: None,
        })
    }

    /// Runs to the end of this generation.
    pub(super) async fn run(mut self) -> Result<(), Error> {
        // A stopped process is sent one when the coordinator ends, which must not end this one, too.
        let _hangup = signal(SignalKind::hangup()).map_err(Error::Runtime)?;
        let mut signals = Signals {
            terminate: signal(SignalKind::terminate()).map_err(Error::Runtime)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Error::Runtime)?,
        };
        let mut beat = tokio::time::interval(Self::BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let draining = self.draining;
            tokio::select! {
                order = self.link.order(), if self.linked => {
                    if self.obey(order, &mut signals).await == Next::End {
                        return Ok(());
                    }
                }
                () = signals.next() => {
                    if !self.linked {
                        return Ok(());
                    }
                    tracing::info!("signal ignored: the coordinator decides");
                }
                () = self.prepared.workers.ended(), if draining.is_some() => break,
                () = until(draining) => break,
                _ = beat.tick() => {
                    self.prepared.remembered.keep(&self.prepared.shared.router.view());
                    self.report().await;
                }
            }
        }
        // The receipt is made from the last words.
        self.report().await;
        if self.linked && self.link.drained().await.is_err() {
            tracing::debug!("the coordinator ended first");
        }
        Ok(())
    }

    async fn obey(&mut self, order: Order, signals: &mut Signals) -> Next {
        match order {
            Order::Commit => self.accept(),
            Order::Drain { timeout, pace } => {
                // The receipt begins with how it was before.
                self.report().await;
                self.drain(timeout, pace);
            }
            Order::Shutdown => return Next::End,
            Order::Snapshot => self.hand_out().await,
            Order::Notice(notice) => {
                self.take_out(&notice);
                // Whoever asked for it looks at the status next.
                self.report().await;
            }
            Order::Lost => return self.lost(signals).await,
        }
        Next::GoOn
    }

    fn take_out(&self, notice: &[u8]) {
        let Some(notice) = Notice::from_bytes(notice) else {
            tracing::error!("a notice of the coordinator is not understood");
            return;
        };
        let drained: Vec<_> = notice.drained.into_iter().map(ServerAddr::from).collect();
        self.prepared.shared.router.set_drained(&drained);
    }

    fn accept(&mut self) {
        let Some(listener) = self.listener.take() else {
            return;
        };
        self.committed = true;
        let dealer = self.prepared.workers.dealer();
        let accepting = acceptor::run(listener, dealer, self.stop_accepting.clone());
        tokio::spawn(async {
            if let Err(error) = accepting.await {
                tracing::error!(%error, "accepting ended");
            }
        });
    }

    fn drain(&mut self, timeout: Option<Duration>, pace: Pace) {
        self.listener = None;
        self.prepared.listener = None;
        self.stop_accepting.cancel();
        // Whoever leaves last still needs a moment for its transaction.
        let spread = match (pace, timeout) {
            (Pace::AtOnce, _) => Duration::ZERO,
            (Pace::Spread, Some(timeout)) => timeout * 9 / 10,
            (Pace::Spread, None) => Self::FOREVER,
        };
        let now = Instant::now();
        let until = timeout.map(|timeout| now + timeout);
        self.prepared.workers.drain(now, spread, until);
        self.draining = Some(Draining {
            until: until.map(|until| until + Self::GRACE),
        });
    }

    /// Goes on without the coordinator until another one comes, or for its time.
    async fn lost(&mut self, signals: &mut Signals) -> Next {
        self.linked = false;
        // The coordinator read what was written to stderr.
        rustix::stdio::dup2_stderr(&self.prepared.stderr).ok();
        if !self.committed {
            return Next::End;
        }
        let patience = self.prepared.orphan_timeout;
        if let Some(draining) = &mut self.draining {
            let latest = Instant::now() + patience;
            draining.until = Some(draining.until.map_or(latest, |until| until.min(latest)));
            return Next::GoOn;
        }
        tracing::error!("the coordinator is gone; clients are served on");
        tokio::select! {
            link = self.adopted() => {
                tracing::info!("another coordinator has taken over");
                self.link = link;
                self.linked = true;
                return Next::GoOn;
            }
            () = signals.next() => tracing::info!("signal: draining"),
            () = tokio::time::sleep(patience) => {
                tracing::error!("no coordinator came: draining");
            }
        }
        let timeout = self.prepared.drain_timeout.unwrap_or(patience);
        self.drain(Some(timeout), Pace::AtOnce);
        Next::GoOn
    }

    /// Waits for another coordinator; for ever, when none can come.
    async fn adopted(&self) -> Link {
        let (Some(state_dir), Some(listener)) = (&self.prepared.state_dir, &self.prepared.listener)
        else {
            return std::future::pending().await;
        };
        let path = StateDir::control_socket(state_dir);
        let (orphan, addr) = match (Orphan::wait_at(&path), listener.local_addr()) {
            (Ok(orphan), Ok(addr)) => (orphan, addr),
            (Err(error), _) => {
                tracing::error!(path = %path.display(), %error, "nobody can take over");
                return std::future::pending().await;
            }
            (_, Err(_)) => return std::future::pending().await,
        };
        loop {
            let belongings = Belongings {
                hello: self.prepared.hello.clone(),
                generation: self.prepared.generation,
                listeners: vec![(MYSQL_LISTENER, addr, listener)],
                heartbeat: self.heartbeat(),
            };
            match orphan.adopted(&belongings).await {
                Ok(link) => return link,
                Err(error) => {
                    tracing::warn!(%error, "a coordinator did not take over");
                    tokio::time::sleep(Self::BEAT).await;
                }
            }
        }
    }

    async fn hand_out(&self) {
        let shared = self.prepared.shared.clone();
        let counts = self.counts();
        let made = tokio::task::spawn_blocking(move || Handover::of(&shared, counts).to_bytes());
        let bytes = made.await.unwrap_or_default();
        if let Err(error) = self.link.snapshot(&bytes).await {
            tracing::debug!(%error, "snapshot");
        }
    }

    fn counts(&self) -> Counts {
        let mut counts = self.prepared.inherited;
        counts += self.prepared.workers.counts();
        counts
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat {
            pid: std::process::id(),
            ticks: self.prepared.workers.ticks(),
            snapshot: report::snapshot(&self.prepared.shared, &self.counts()).to_bytes(),
        }
    }

    async fn report(&mut self) {
        if !self.linked {
            return;
        }
        if let Err(error) = self.link.heartbeat(self.heartbeat()).await {
            // The next order says that the coordinator is lost.
            tracing::debug!(%error, "heartbeat");
        }
    }
}

/// The signals that are the coordinator's to obey, while there is one.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    End,
}

async fn until(draining: Option<Draining>) {
    match draining.and_then(|draining| draining.until) {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
