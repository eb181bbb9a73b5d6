//! The coordinator's loop: events to the [`Machine`], its actions to processes, the outcome to
//! [`Status`].

mod actions;
mod member;

use crate::estate::Adopted;
use crate::event::{Event, GenerationId};
use crate::generation::Report;
use crate::handle::{Handle, Refusal, Wish};
use crate::listener::Listeners;
use crate::machine::{Beginning, Machine, Now};
use crate::message::{Heartbeat, Hello};
use crate::operation::Operation;
use crate::plan::{Plan, Planner};
use crate::status::{Heard, Status};
use crate::table::{Command, State, Verdict};
use crate::{Error, Program};
use member::Member;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// What a coordinator runs.
pub struct Settings {
    /// What the first generation is started from.
    pub plan: Plan,
    /// Makes the plans of the later ones.
    pub planner: Arc<dyn Planner>,
    /// The arguments of a data plane: the role, and nothing that is secret, for every user can read
    /// them.
    pub arguments: Vec<OsString>,
    /// The arguments with which the coordinator itself was started, without the name.
    pub own_arguments: Vec<OsString>,
    /// What generations are told beside their configuration, until [`Handle::notice`] says more.
    /// Nothing is told while it is empty.
    pub notice: Vec<u8>,
    /// Descriptors that the coordinator's next image gets as they are.
    pub companions: Vec<OwnedFd>,
}

/// Where a coordinator begins.
#[derive(Debug)]
pub enum Start {
    /// With open listeners: the first generation is started.
    Serving(Listeners),
    /// Without any: it waits for a command.
    Stopped,
    /// With a data plane that runs already, and the upgrade that it came from, if it did.
    Adopted(Box<Adopted>, Option<Operation>),
}

/// Keeps one generation of the data plane running over listeners that never close.
pub struct Coordinator {
    settings: Settings,
    listeners: Arc<Listeners>,
    machine: Machine,
    members: BTreeMap<GenerationId, Member>,
    /// What serves, what comes, and what served before the last commit.
    current: Plan,
    candidate: Option<(GenerationId, Plan)>,
    previous: Option<Program>,
    snapshot: Option<Arc<[u8]>>,
    /// The machine wants this process to become another binary.
    to_be_replaced: bool,
    status: watch::Sender<Arc<Status>>,
    reports: mpsc::Receiver<(GenerationId, Report)>,
    reports_sender: mpsc::Sender<(GenerationId, Report)>,
    wishes: mpsc::Receiver<Wish>,
    /// What the loop tells itself: answers of actions.
    answers: mpsc::Receiver<Answer>,
    answers_sender: mpsc::Sender<Answer>,
}

/// What came of an action that took its time.
enum Answer {
    Planned(GenerationId, Box<Result<Plan, String>>),
    Opened(Result<(), String>),
    NotReplaced(String),
    NotSpawned(GenerationId, String),
}

impl Coordinator {
    /// Reports that may wait; a generation sends four a second.
    const REPORTS: usize = 64;
    /// The longest sleep, so that the machine can tell that it did not run itself.
    const LONGEST_SLEEP: Duration = Duration::from_secs(1);

    /// A coordinator and the hold on it. Nothing is started before [`Self::run`].
    ///
    /// # Errors
    /// When an adopted data plane cannot be held.
    pub fn new(settings: Settings, start: Start) -> Result<(Self, Handle), Error> {
        let (status, status_receiver) = watch::channel(Arc::new(Status {
            state: State::Starting,
            generation: 0,
            data_plane: None,
            unready_since: Some(Instant::now()),
            heard: None,
            leaving: Vec::new(),
            last_exit: None,
            last_log: Vec::new(),
            operations: Vec::new(),
            program: settings.plan.program.clone(),
        }));
        let (reports_sender, reports) = mpsc::channel(Self::REPORTS);
        let (answers_sender, answers) = mpsc::channel(Self::REPORTS);
        let (wishes_sender, wishes) = mpsc::channel(8);
        let mut members = BTreeMap::new();
        let (beginning, listeners) = match start {
            Start::Serving(listeners) => (Beginning::Fresh, listeners),
            Start::Stopped => (Beginning::Stopped, Listeners::none()),
            Start::Adopted(adopted, upgrade) => {
                let number = adopted.generation;
                let (member, listeners) = Member::adopted(*adopted, reports_sender.clone())?;
                members.insert(number, member);
                let beginning = Beginning::Serving {
                    generation: number,
                    upgrade,
                };
                (beginning, listeners)
            }
        };
        let machine = Machine::new(&beginning, settings.plan.timing, Now::read());
        let coordinator = Self {
            current: settings.plan.clone(),
            settings,
            listeners: Arc::new(listeners),
            machine,
            members,
            candidate: None,
            previous: None,
            snapshot: None,
            to_be_replaced: false,
            status,
            reports,
            reports_sender,
            wishes,
            answers,
            answers_sender,
        };
        coordinator
            .settings
            .planner
            .listening(&coordinator.listeners);
        coordinator.notify_all();
        coordinator.publish_machine();
        let handle = Handle {
            status: status_receiver,
            wishes: wishes_sender,
        };
        Ok((coordinator, handle))
    }

    /// Runs until an exit is done and the data plane has ended.
    pub async fn run(mut self) {
        self.on(Event::Start);
        while !self.machine.is_done() {
            if std::mem::take(&mut self.to_be_replaced) {
                self.replace().await;
            }
            let longest = Instant::now() + Self::LONGEST_SLEEP;
            let wakeup = self.machine.wakeup().unwrap_or(longest).min(longest);
            tokio::select! {
                biased;
                Some((generation, report)) = self.reports.recv() => {
                    self.heard(generation, report);
                }
                Some(answer) = self.answers.recv() => self.answered(answer),
                Some(wish) = self.wishes.recv() => self.obey(wish),
                () = tokio::time::sleep_until(wakeup.into()) => self.on(Event::Tick),
            }
        }
    }

    fn obey(&mut self, wish: Wish) {
        let (id, command, answer) = match wish {
            Wish::Event(event) => return self.on(event),
            Wish::Notice(notice) => {
                self.settings.notice = notice;
                return self.notify_all();
            }
            Wish::Command(id, command, answer) => (id, command, answer),
        };
        let verdict = self.judge(&command);
        if verdict.is_ok() {
            self.on(Event::Command(id, command));
        }
        // Whoever asked may have gone away; the operation tells the rest.
        answer.send(verdict).ok();
    }

    fn judge(&self, command: &Command) -> Result<(), Refusal> {
        let state = self.machine.state();
        if self.machine.is_exiting() {
            return Err(Refusal::Ending);
        }
        match (state.admits(command), self.machine.operation()) {
            (Verdict::Admitted | Verdict::Supersedes, _) => Ok(()),
            (Verdict::Refused, Some(operation)) => Err(Refusal::Busy(operation.id)),
            (Verdict::Refused, None) => Err(Refusal::State(state)),
        }
    }

    fn answered(&mut self, answer: Answer) {
        let event = match answer {
            Answer::Planned(generation, plan) => match *plan {
                Ok(plan) if self.listeners.may_serve(&plan.listeners) => {
                    let timing = plan.timing;
                    self.candidate = Some((generation, plan));
                    Event::Prepared(generation, Ok(timing))
                }
                Ok(_) => {
                    let reason = "the configuration names other listeners than those that are \
                                  open; they change by stop and start only";
                    Event::Prepared(generation, Err(reason.to_owned()))
                }
                Err(reason) => {
                    tracing::error!(generation, reason, "the next generation cannot be started");
                    Event::Prepared(generation, Err(reason))
                }
            },
            Answer::Opened(result) => Event::Opened(result),
            Answer::NotReplaced(reason) => Event::NotReplaced(reason),
            Answer::NotSpawned(generation, reason) => {
                tracing::error!(generation, reason, "the data plane was not started");
                self.publish(|status| status.last_exit = Some(reason.clone()));
                Event::Exited(generation, reason)
            }
        };
        self.on(event);
    }

    fn heard(&mut self, generation: GenerationId, report: Report) {
        let event = match report {
            Report::Hello(hello) => {
                tracing::debug!(
                    generation,
                    pid = hello.pid,
                    version = hello.version,
                    "hello"
                );
                let fits = self.fits(&hello);
                self.member(generation, |member| member.hello = Some(hello));
                Event::Hello(generation, fits)
            }
            Report::Ready => Event::Ready(generation),
            Report::Failed(reason) => {
                tracing::error!(generation, reason, "the data plane cannot serve");
                self.member(generation, |member| member.refusal = Some(reason.clone()));
                Event::Failed(generation, reason)
            }
            Report::Heartbeat(heartbeat) => self.beat(generation, heartbeat),
            Report::Snapshot(snapshot) => {
                self.snapshot = snapshot;
                Event::Snapshot(generation)
            }
            Report::Drained => Event::Drained(generation),
            Report::Exited(how) => self.gone(generation, how),
        };
        self.on(event);
    }

    /// Whether a successor can take up what the serving generation writes.
    fn fits(&self, hello: &Hello) -> Result<(), String> {
        let serving = self
            .machine
            .serving()
            .and_then(|number| self.members.get(&number));
        let Some(predecessor) = serving.and_then(|member| member.hello.as_ref()) else {
            return Ok(());
        };
        match predecessor.record_formats.first() {
            Some(written) if !hello.record_formats.contains(written) => Err(format!(
                "release {} reads the session records {:?}, release {} writes {written}",
                hello.version, hello.record_formats, predecessor.version
            )),
            _ => Ok(()),
        }
    }

    fn beat(&mut self, generation: GenerationId, heartbeat: Heartbeat) -> Event {
        let heard = Heard {
            generation,
            at: Instant::now(),
            snapshot: heartbeat.snapshot.into(),
        };
        if let Some(operation) = self.machine.operation_mut()
            && operation.leaving == Some(generation)
        {
            // A data plane answers the order to drain with how it was at that moment.
            if operation.last.is_none() {
                operation.before = Some(heard.snapshot.to_vec());
            }
            operation.last = Some(heard.snapshot.to_vec());
        }
        if let Some(member) = self.members.get_mut(&generation) {
            member.ticks.clone_from(&heartbeat.ticks);
            member.heard = Some(heard);
        }
        Event::Heartbeat(generation, heartbeat.ticks)
    }

    fn gone(&mut self, generation: GenerationId, how: String) -> Event {
        let Some(member) = self.members.remove(&generation) else {
            return Event::Exited(generation, how);
        };
        let log = member.generation.log();
        let last_words = log.last().map(|line| format!("; its last words: {line}"));
        let mut reason = member.refusal.clone().unwrap_or(how);
        if self.machine.is_ending(generation) {
            tracing::info!(generation, how = reason, "the data plane has ended");
        } else {
            tracing::error!(generation, how = reason, "the data plane has died");
            self.publish(|status| {
                status.last_exit = Some(reason.clone());
                status.last_log = log;
            });
            if member.refusal.is_none() {
                reason.push_str(&last_words.unwrap_or_default());
            }
        }
        Event::Exited(generation, reason)
    }

    fn on(&mut self, event: Event) {
        let actions = self.machine.on(event, Now::read());
        for action in actions {
            tracing::debug!(?action, "action");
            self.perform(action);
        }
        self.publish_machine();
    }

    fn member(&mut self, generation: GenerationId, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.get_mut(&generation) {
            change(member);
        }
    }

    fn publish_machine(&self) {
        let serving = self.machine.serving();
        let member = |number: GenerationId| self.members.get(&number);
        let heard = serving
            .and_then(member)
            .and_then(|member| member.heard.clone());
        // While no generation serves, the one that comes up is the data plane.
        let shown = serving.or_else(|| {
            let newest = self.members.keys().next_back().copied();
            newest.filter(|&newest| newest == self.machine.latest())
        });
        let leaving = self
            .members
            .iter()
            .filter(|&(&number, _)| self.machine.is_ending(number))
            .filter_map(|(_, member)| member.heard.clone())
            .collect();
        let data_plane = shown.and_then(member).map(|member| member.generation.pid());
        self.publish(|status| {
            status.state = self.machine.state();
            status.generation = serving.unwrap_or(self.machine.latest());
            status.data_plane = data_plane;
            status.unready_since = match (serving, status.unready_since) {
                (Some(_), _) => None,
                (None, since) => since.or_else(|| Some(Instant::now())),
            };
            status.heard = heard.or_else(|| status.heard.take());
            status.leaving = leaving;
            status.operations = self.machine.operations().cloned().collect();
            status.program = self.current.program.clone();
        });
    }

    fn publish(&self, change: impl FnOnce(&mut Status)) {
        self.status
            .send_modify(|status| change(Arc::make_mut(status)));
    }
}

#[cfg(test)]
mod tests;
