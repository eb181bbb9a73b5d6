//! The coordinator's loop: events to [`Phase`], its actions to processes, the outcome to [`Status`].

use crate::generation::{Generation, Report};
use crate::listener::Listeners;
use crate::message::{Down, Offer};
use crate::phase::{Action, Event, Phase};
use crate::timing::Timing;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// What a coordinator runs.
#[derive(Clone)]
pub struct Settings {
    /// The binary of the data plane.
    pub binary: PathBuf,
    /// Its arguments: the role, and nothing that is secret, for every user can read them.
    pub arguments: Vec<OsString>,
    /// The configuration, opaque; it travels over the control channel only.
    pub config: Vec<u8>,
    /// The deadlines.
    pub timing: Timing,
}

/// What users see of the phase, in OCP's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A generation is coming up.
    Starting,
    /// A generation serves.
    Running,
    /// The proxy is about to end.
    Stopping,
    /// The proxy has ended.
    Stopped,
    /// The data plane dies again and again.
    Unavailable,
}

/// The last heartbeat of a generation.
#[derive(Debug, Clone)]
pub struct Heard {
    /// When it arrived.
    pub at: Instant,
    /// What it said; opaque.
    pub snapshot: Arc<[u8]>,
}

/// What the coordinator knows at this moment.
#[derive(Debug, Clone)]
pub struct Status {
    /// The phase.
    pub state: State,
    /// The number of the latest generation; 0 before the first.
    pub generation: u64,
    /// The process id of the data plane; none while none runs.
    pub data_plane: Option<u32>,
    /// When the last generation that was Ready ceased to be; none while one is Ready.
    pub unready_since: Option<Instant>,
    /// The last heartbeat of any generation.
    pub heard: Option<Heard>,
    /// How the last generation ended, in words.
    pub last_exit: Option<String>,
}

/// A hold on a running coordinator: asks it, tells it to end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    status: watch::Receiver<Arc<Status>>,
    wishes: mpsc::Sender<Event>,
}

impl Handle {
    /// The status now; never waits.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status.borrow())
    }

    /// Waits until the status has changed, and returns it; none when the coordinator has ended.
    pub async fn changed(&mut self) -> Option<Arc<Status>> {
        self.status.changed().await.ok()?;
        Some(Arc::clone(&self.status.borrow_and_update()))
    }

    /// Drains and ends everything. [`Coordinator::run`] returns then.
    pub async fn stop(&self) {
        self.wish(Event::Stop).await;
    }

    /// Ends everything now.
    pub async fn force(&self) {
        self.wish(Event::Force).await;
    }

    async fn wish(&self, wish: Event) {
        // A coordinator that has ended has fulfilled every wish of this kind.
        self.wishes.send(wish).await.ok();
    }
}

/// Keeps one generation of the data plane running over listeners that never close.
pub struct Coordinator {
    settings: Settings,
    listeners: Arc<Listeners>,
    phase: Phase,
    current: Option<Generation>,
    /// Why the current generation said that it cannot serve.
    refusal: Option<String>,
    status: watch::Sender<Arc<Status>>,
    reports: mpsc::Receiver<(u64, Report)>,
    reports_sender: mpsc::Sender<(u64, Report)>,
    wishes: mpsc::Receiver<Event>,
}

impl Coordinator {
    /// Reports that may wait; a generation sends four a second.
    const REPORTS: usize = 64;
    /// The longest sleep, so that the machine can tell that it did not run itself.
    const LONGEST_SLEEP: Duration = Duration::from_secs(1);

    /// A coordinator over open listeners, and the hold on it. Nothing is started before [`Self::run`].
    #[must_use]
    pub fn new(settings: Settings, listeners: Listeners) -> (Self, Handle) {
        let (status, status_receiver) = watch::channel(Arc::new(Status {
            state: State::Starting,
            generation: 0,
            data_plane: None,
            unready_since: Some(Instant::now()),
            heard: None,
            last_exit: None,
        }));
        let (reports_sender, reports) = mpsc::channel(Self::REPORTS);
        let (wishes_sender, wishes) = mpsc::channel(8);
        let coordinator = Self {
            settings,
            listeners: Arc::new(listeners),
            phase: Phase::Idle,
            current: None,
            refusal: None,
            status,
            reports,
            reports_sender,
            wishes,
        };
        let handle = Handle {
            status: status_receiver,
            wishes: wishes_sender,
        };
        (coordinator, handle)
    }

    /// Runs until a stop or a force is done and the data plane has ended.
    pub async fn run(mut self) {
        self.on(&Event::Start);
        while !matches!(self.phase, Phase::Done) {
            let longest = Instant::now() + Self::LONGEST_SLEEP;
            let wakeup = self.phase.wakeup(&self.settings.timing).unwrap_or(longest);
            tokio::select! {
                biased;
                Some((generation, report)) = self.reports.recv() => self.heard(generation, report),
                Some(wish) = self.wishes.recv() => self.on(&wish),
                () = tokio::time::sleep_until(wakeup.min(longest).into()) => self.on(&Event::Tick),
            }
        }
    }

    fn heard(&mut self, generation: u64, report: Report) {
        let event = match report {
            Report::Hello(hello) => {
                tracing::debug!(
                    generation,
                    pid = hello.pid,
                    version = hello.version,
                    "hello"
                );
                Event::Hello { generation }
            }
            Report::Ready => Event::Ready { generation },
            Report::Failed(reason) => {
                tracing::error!(generation, reason, "the data plane cannot serve");
                self.refusal = Some(reason);
                Event::Failed { generation }
            }
            Report::Heartbeat(heartbeat) => {
                let heard = Heard {
                    at: Instant::now(),
                    snapshot: heartbeat.snapshot.into(),
                };
                self.publish(|status| status.heard = Some(heard));
                Event::Heartbeat {
                    generation,
                    ticks: heartbeat.ticks,
                }
            }
            Report::Drained => {
                tracing::debug!(generation, "drained");
                return;
            }
            Report::Exited(how) => {
                self.log_exit(generation, &how);
                let how = self.refusal.take().unwrap_or(how);
                self.publish(|status| status.last_exit = Some(how));
                self.current = None;
                Event::Exited { generation }
            }
        };
        self.on(&event);
    }

    fn log_exit(&self, generation: u64, how: &str) {
        if matches!(self.phase, Phase::Draining { .. }) {
            tracing::info!(generation, how, "the data plane has ended");
        } else {
            tracing::error!(
                generation,
                how,
                "the data plane has died, a new one is started"
            );
        }
    }

    fn on(&mut self, event: &Event) {
        let now = Instant::now();
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        let (phase, actions) = phase.on(event, now, &self.settings.timing);
        self.phase = phase;
        for action in actions {
            self.perform(action);
        }
        self.publish_phase(now);
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Spawn { generation } => self.spawn(generation),
            Action::Offer { generation } => self.offer(generation),
            Action::Commit { .. } => self.order(Down::Commit, None),
            Action::Drain { timeout, .. } => {
                let deadline_ms =
                    timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
                self.order(Down::Drain { deadline_ms }, None);
            }
            Action::Close => self.listeners = Arc::new(Listeners::none()),
            Action::Kill { generation, reason } => {
                tracing::warn!(generation, ?reason, "the data plane is killed");
                if let Some(current) = &self.current {
                    current.kill();
                }
            }
        }
    }

    fn spawn(&mut self, generation: u64) {
        let reports = self.reports_sender.clone();
        match Generation::spawn(generation, &self.settings, reports.clone()) {
            Ok(started) => {
                tracing::debug!(generation, pid = started.pid, "data plane started");
                self.current = Some(started);
            }
            Err(error) => {
                // The loop itself empties the queue of reports, so it must not wait for room in it.
                let report = (generation, Report::Exited(error.to_string()));
                tokio::spawn(async move { reports.send(report).await.ok() });
            }
        }
    }

    fn offer(&self, generation: u64) {
        let status = self.status.borrow().clone();
        let snapshot = status.heard.as_ref().map(|heard| heard.snapshot.to_vec());
        let offer = Offer {
            generation,
            listeners: self.listeners.metas(),
            config: self.settings.config.clone(),
            snapshot,
        };
        let listeners = Arc::clone(&self.listeners);
        self.order(Down::Offer(offer), Some(listeners));
    }

    fn order(&self, order: Down, listeners: Option<Arc<Listeners>>) {
        if let Some(current) = &self.current {
            current.order(order, listeners);
        }
    }

    fn publish_phase(&self, now: Instant) {
        let state = match self.phase {
            Phase::Idle | Phase::Starting { .. } => State::Starting,
            Phase::Serving { .. } => State::Running,
            Phase::BackingOff { .. } => State::Unavailable,
            Phase::Leaving { .. } | Phase::Draining { .. } => State::Stopping,
            Phase::Done => State::Stopped,
        };
        let ready = matches!(self.phase, Phase::Serving { .. });
        let generation = self.phase.generation();
        let data_plane = self.current.as_ref().map(|current| current.pid);
        self.publish(|status| {
            status.state = state;
            status.generation = generation.unwrap_or(status.generation);
            status.data_plane = data_plane;
            status.unready_since = match (ready, status.unready_since) {
                (true, _) => None,
                (false, since) => since.or(Some(now)),
            };
        });
    }

    fn publish(&self, change: impl FnOnce(&mut Status)) {
        self.status
            .send_modify(|status| change(Arc::make_mut(status)));
    }
}

#[cfg(test)]
mod tests;
