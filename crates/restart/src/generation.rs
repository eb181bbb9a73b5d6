//! One generation of the data plane: its process and its end of the control channel, as a task.

use crate::channel::Channel;
use crate::listener::Listeners;
use crate::log_tail::{LogTail, receiver};
use crate::message::{CHUNK, Down, Heartbeat, Hello, MAX_SNAPSHOT, Offer, Up};
use crate::process::{Process, Spawned};
use crate::{Error, Program};
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};

/// What a generation lets the coordinator know.
#[derive(Debug)]
pub(crate) enum Report {
    Hello(Hello),
    Ready,
    Failed(String),
    Heartbeat(Heartbeat),
    /// A copy of what it knows; none when it had nothing that could be taken.
    Snapshot(Option<Arc<[u8]>>),
    Drained,
    /// Its process has ended: how, in words.
    Exited(String),
}

/// What a generation is told.
#[derive(Debug)]
pub(crate) enum Order {
    Plain(Down),
    Offer {
        offer: Offer,
        listeners: Arc<Listeners>,
        snapshot: Option<Arc<[u8]>>,
    },
}

/// The coordinator's hold on a running generation.
#[derive(Debug)]
pub(crate) struct Generation {
    process: Process,
    orders: mpsc::Sender<Order>,
    release: Option<oneshot::Sender<oneshot::Sender<Option<Released>>>>,
    log: LogTail,
}

/// A generation that another process image will hold: what it needs for that.
#[derive(Debug)]
pub(crate) struct Released {
    pub(crate) pid: u32,
    pub(crate) channel: OwnedFd,
    /// What was read of a message that is not complete.
    pub(crate) inbox: Vec<u8>,
    pub(crate) stderr: Option<OwnedFd>,
}

/// A generation that already runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) channel: Channel,
    pub(crate) stderr: Option<OwnedFd>,
}

impl Generation {
    /// How long a message to a data plane may take that does not read; it is lost then, and the
    /// deadline of the step that needed it decides.
    const SEND_TIMEOUT: Duration = Duration::from_secs(5);
    /// More orders than a generation ever gets.
    const ORDERS: usize = 16;
    /// How long the last words of a process that has ended are waited for.
    const LAST_WORDS: Duration = Duration::from_millis(200);

    /// Starts the process and the task that speaks with it; its last report is `Exited`.
    pub(crate) fn spawn(
        number: u64,
        program: &Program,
        arguments: &[OsString],
        reports: mpsc::Sender<(u64, Report)>,
    ) -> Result<Self, Error> {
        let Spawned {
            process,
            control,
            stderr,
        } = Process::spawn(program, arguments)?;
        let channel = match Channel::new(control) {
            Ok(channel) => channel,
            Err(error) => {
                process.kill();
                return Err(error);
            }
        };
        let running = Running {
            process,
            channel,
            stderr: Some(stderr),
        };
        Self::hold(number, running, reports)
    }

    /// Takes hold of a generation that runs already.
    pub(crate) fn hold(
        number: u64,
        running: Running,
        reports: mpsc::Sender<(u64, Report)>,
    ) -> Result<Self, Error> {
        let (orders, inbox) = mpsc::channel(Self::ORDERS);
        let (release, released) = oneshot::channel();
        let stderr = running.stderr.map(receiver).transpose()?;
        let generation = Self {
            process: running.process.clone(),
            orders,
            release: Some(release),
            log: LogTail::default(),
        };
        let task = Task {
            number,
            process: running.process,
            channel: running.channel,
            inbox,
            reports,
            stderr,
            log: generation.log.clone(),
            snapshot: Some(Vec::new()),
        };
        tokio::spawn(task.run(released));
        Ok(generation)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The last lines of its stderr.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Gives an order; a generation that is gone or does not read loses it.
    pub(crate) fn order(&self, order: Order) {
        if let Err(error) = self.orders.try_send(order) {
            tracing::warn!(pid = self.pid(), %error, "an order to the data plane was lost");
        }
    }

    pub(crate) fn kill(&self) {
        self.process.kill();
    }

    /// Ends the task and leaves the process alone; none when it has just ended.
    pub(crate) async fn release(&mut self) -> Option<Released> {
        let (answer, released) = oneshot::channel();
        self.release.take()?.send(answer).ok()?;
        released.await.ok()?
    }
}

struct Task {
    number: u64,
    process: Process,
    channel: Channel,
    inbox: mpsc::Receiver<Order>,
    reports: mpsc::Sender<(u64, Report)>,
    stderr: Option<pipe::Receiver>,
    log: LogTail,
    /// The chunks of a snapshot so far; none when it grew too long.
    snapshot: Option<Vec<u8>>,
}

impl Task {
    async fn run(mut self, released: oneshot::Receiver<oneshot::Sender<Option<Released>>>) {
        let (mut readable, mut releasable) = (true, true);
        tokio::pin!(released);
        let ended = loop {
            tokio::select! {
                ended = self.process.exited() => break ended,
                message = self.channel.recv::<Up>(), if readable => match message {
                    Ok((message, _)) => self.heard(message).await,
                    Err(error) => {
                        readable = false;
                        if !matches!(error, Error::Closed) {
                            tracing::error!(generation = self.number, %error, "data plane");
                            self.report(Report::Failed(error.to_string())).await;
                        }
                    }
                },
                order = self.inbox.recv() => match order {
                    Some(order) => self.send(order).await,
                    // The coordinator is gone; its data plane finds that out by the closed channel.
                    None => return,
                },
                () = follow(&self.log, &mut self.stderr) => self.stderr = None,
                answer = &mut released, if releasable => match answer {
                    Ok(answer) => {
                        answer.send(self.into_released()).ok();
                        return;
                    }
                    Err(_) => releasable = false,
                },
            }
        };
        // What it said before it ended is still in the pipes.
        let rest = async {
            while let Ok((message, _)) = self.channel.recv::<Up>().await {
                self.heard(message).await;
            }
            follow(&self.log, &mut self.stderr).await;
        };
        tokio::time::timeout(Generation::LAST_WORDS, rest)
            .await
            .ok();
        self.report(Report::Exited(ended)).await;
    }

    async fn heard(&mut self, message: Up) {
        let report = match message {
            Up::Hello(hello) => Report::Hello(hello),
            Up::Ready => Report::Ready,
            Up::Failed { reason } => Report::Failed(reason),
            Up::Heartbeat(heartbeat) => Report::Heartbeat(heartbeat),
            Up::Drained => Report::Drained,
            Up::Chunk { bytes, last } => match self.collect(&bytes, last) {
                Some(report) => report,
                None => return,
            },
            Up::Estate(_) => Report::Failed("a second estate on the control channel".to_owned()),
        };
        self.report(report).await;
    }

    fn collect(&mut self, bytes: &[u8], last: bool) -> Option<Report> {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.extend_from_slice(bytes);
            if snapshot.len() > MAX_SNAPSHOT {
                self.snapshot = None;
            }
        }
        last.then(|| {
            let snapshot = self.snapshot.replace(Vec::new());
            let snapshot = snapshot.filter(|snapshot| !snapshot.is_empty());
            Report::Snapshot(snapshot.map(Arc::from))
        })
    }

    async fn send(&self, order: Order) {
        let sent = async {
            match order {
                Order::Plain(order) => self.channel.send(&order, &[]).await,
                Order::Offer {
                    offer,
                    listeners,
                    snapshot,
                } => {
                    self.send_offer(offer, &listeners, snapshot.as_deref())
                        .await
                }
            }
        };
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

    async fn send_offer(
        &self,
        offer: Offer,
        listeners: &Listeners,
        snapshot: Option<&[u8]>,
    ) -> Result<(), Error> {
        let stderr = std::io::stderr();
        let mut descriptors = listeners.descriptors();
        descriptors.push(stderr.as_fd());
        self.channel.send(&Down::Offer(offer), &descriptors).await?;
        for chunk in snapshot.unwrap_or_default().chunks(CHUNK) {
            self.channel.send(&Down::Chunk(chunk.to_vec()), &[]).await?;
        }
        Ok(())
    }

    async fn report(&self, report: Report) {
        // Nobody listens only when the coordinator has ended, and then nobody needs to know.
        self.reports.send((self.number, report)).await.ok();
    }

    fn into_released(self) -> Option<Released> {
        let pid = self.process.pid();
        let (channel, inbox) = self.channel.into_parts()?;
        Some(Released {
            pid,
            channel,
            inbox,
            stderr: self.stderr.and_then(|pipe| pipe.into_nonblocking_fd().ok()),
        })
    }
}

async fn follow(log: &LogTail, stderr: &mut Option<pipe::Receiver>) {
    match stderr {
        Some(pipe) => log.follow(pipe).await,
        None => std::future::pending().await,
    }
}
