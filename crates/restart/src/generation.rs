//! One generation of the data plane: its process and its end of the control channel, as a task.

use crate::channel::Channel;
use crate::listener::Listeners;
use crate::message::{Down, Heartbeat, Hello, Up};
use crate::process::{Killer, Process};
use crate::{Error, Settings};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// What a generation lets the coordinator know.
#[derive(Debug)]
pub(crate) enum Report {
    Hello(Hello),
    Ready,
    Failed(String),
    Heartbeat(Heartbeat),
    Drained,
    /// Its process has ended: how, in words.
    Exited(String),
}

/// The coordinator's hold on a running generation.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) pid: u32,
    killer: Killer,
    orders: mpsc::Sender<(Down, Option<Arc<Listeners>>)>,
}

impl Generation {
    /// How long a message to a data plane may take that does not read; it is lost then, and the
    /// deadline of the step that needed it decides.
    const SEND_TIMEOUT: Duration = Duration::from_secs(5);
    /// More orders than a generation ever gets.
    const ORDERS: usize = 16;

    /// Starts the process and the task that speaks with it; its last report is `Exited`.
    pub(crate) fn spawn(
        number: u64,
        settings: &Settings,
        reports: mpsc::Sender<(u64, Report)>,
    ) -> Result<Self, Error> {
        let (process, control) = Process::spawn(&settings.binary, &settings.arguments)?;
        let channel = Channel::new(control)?;
        let (orders, inbox) = mpsc::channel(Self::ORDERS);
        let generation = Self {
            pid: process.pid(),
            killer: process.killer(),
            orders,
        };
        let task = Task {
            number,
            process,
            channel,
            inbox,
            reports,
        };
        tokio::spawn(task.run());
        Ok(generation)
    }

    /// Sends an order, with the listeners whose descriptors go with it; a generation that is gone or
    /// does not read loses it.
    pub(crate) fn order(&self, order: Down, listeners: Option<Arc<Listeners>>) {
        if let Err(error) = self.orders.try_send((order, listeners)) {
            tracing::warn!(pid = self.pid, %error, "an order to the data plane was lost");
        }
    }

    pub(crate) fn kill(&self) {
        self.killer.kill();
    }
}

struct Task {
    number: u64,
    process: Process,
    channel: Channel,
    inbox: mpsc::Receiver<(Down, Option<Arc<Listeners>>)>,
    reports: mpsc::Sender<(u64, Report)>,
}

impl Task {
    async fn run(mut self) {
        let mut readable = true;
        let ended = loop {
            tokio::select! {
                status = self.process.exited() => break match status {
                    Ok(status) => status.to_string(),
                    Err(error) => format!("could not be waited for: {error}"),
                },
                message = self.channel.recv::<Up>(), if readable => match message {
                    Ok((message, _)) => self.report(report(message)).await,
                    Err(error) => {
                        readable = false;
                        if !matches!(error, Error::Closed) {
                            tracing::error!(generation = self.number, %error, "data plane");
                            self.report(Report::Failed(error.to_string())).await;
                        }
                    }
                },
                Some((order, listeners)) = self.inbox.recv() => self.send(order, listeners).await,
            }
        };
        self.report(Report::Exited(ended)).await;
    }

    async fn send(&self, order: Down, listeners: Option<Arc<Listeners>>) {
        let descriptors = listeners
            .as_deref()
            .map(Listeners::descriptors)
            .unwrap_or_default();
        let sent = self.channel.send(&order, &descriptors);
        let error = match tokio::time::timeout(Generation::SEND_TIMEOUT, sent).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it does not read".to_owned(),
        };
        tracing::warn!(
            generation = self.number,
            error,
            "an order did not reach the data plane"
        );
    }

    async fn report(&self, report: Report) {
        // Nobody listens only when the coordinator has ended, and then nobody needs to know.
        self.reports.send((self.number, report)).await.ok();
    }
}

fn report(message: Up) -> Report {
    match message {
        Up::Hello(hello) => Report::Hello(hello),
        Up::Ready => Report::Ready,
        Up::Failed { reason } => Report::Failed(reason),
        Up::Heartbeat(heartbeat) => Report::Heartbeat(heartbeat),
        Up::Drained => Report::Drained,
    }
}
