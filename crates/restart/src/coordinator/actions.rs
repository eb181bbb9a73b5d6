//! What the machine asks for, done to processes and listeners.

use super::member::Member;
use super::{Answer, Coordinator};
use crate::event::{Action, GenerationId, KillReason, Launch};
use crate::generation::{Generation, Order};
use crate::listener::Listeners;
use crate::message::{Down, Heartbeat, Offer};
use crate::plan::Plan;
use crate::resume::Legacy;
use std::sync::Arc;

impl Coordinator {
    /// Turns of the runtime after which a signal that came before they were held back has become a
    /// wish: one to read it, one for the task that waits for it, one to spare.
    const TURNS: u32 = 3;

    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::Prepare(generation, launch) => self.prepare(generation, launch),
            Action::Spawn(generation) => self.spawn(generation),
            Action::AskSnapshot(generation) => {
                self.snapshot = None;
                self.order(generation, Down::Snapshot);
            }
            Action::Offer(generation) => self.offer(generation),
            Action::Commit(generation) => {
                self.order(generation, Down::Commit);
                let candidate = self.candidate.take();
                if let Some((_, plan)) = candidate.filter(|(number, _)| *number == generation) {
                    let former = std::mem::replace(&mut self.current, plan);
                    self.previous = Some(former.program);
                }
            }
            Action::Drain {
                generation,
                timeout,
                pace,
            } => {
                self.note_before(generation);
                let deadline_ms =
                    timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
                self.order(generation, Down::Drain { deadline_ms, pace });
            }
            Action::Open => self.open(),
            Action::Close => {
                self.listeners = Arc::new(Listeners::none());
                self.settings.planner.listening(&self.listeners);
            }
            Action::Kill(generation, reason) => {
                if reason == KillReason::Forced {
                    self.note_before(generation);
                }
                tracing::warn!(generation, ?reason, "the data plane is killed");
                if let Some(member) = self.members.get(&generation) {
                    member.generation.kill();
                }
            }
            Action::Revert => {
                if let Some(program) = self.previous.take() {
                    tracing::warn!(binary = %program.path().display(), "back to the old binary");
                    self.current.program = program;
                }
            }
            Action::Replace => self.to_be_replaced = true,
        }
    }

    fn prepare(&mut self, generation: GenerationId, launch: Launch) {
        self.candidate = None;
        let planner = Arc::clone(&self.settings.planner);
        let current = self.current.clone();
        let answers = self.answers_sender.clone();
        tokio::task::spawn_blocking(move || {
            let plan = Box::new(planner.plan(&launch, &current));
            // The coordinator may have ended meanwhile.
            answers
                .blocking_send(Answer::Planned(generation, plan))
                .ok();
        });
    }

    fn spawn(&mut self, generation: GenerationId) {
        let plan = self.plan_of(generation);
        let reports = self.reports_sender.clone();
        let arguments = &self.settings.arguments;
        match Generation::spawn(generation, &plan.program, arguments, reports) {
            Ok(started) => {
                tracing::debug!(generation, pid = started.pid(), "data plane started");
                self.members.insert(generation, Member::new(started));
            }
            Err(error) => self.answer(Answer::NotSpawned(generation, error.to_string())),
        }
    }

    fn offer(&mut self, generation: GenerationId) {
        let plan = self.plan_of(generation);
        let config = plan.config.clone();
        let snapshot = self.snapshot.take();
        let length = snapshot.as_ref().map(|snapshot| snapshot.len());
        let offer = Offer {
            generation,
            listeners: self.listeners.metas(),
            config,
            snapshot: length.and_then(|length| u64::try_from(length).ok()),
        };
        let listeners = Arc::clone(&self.listeners);
        if let Some(member) = self.members.get_mut(&generation) {
            member.is_offered = true;
            member.generation.order(Order::Offer {
                offer,
                listeners,
                snapshot,
            });
        }
        self.notify(generation);
    }

    /// Tells every generation what holds beside its configuration. One without an offer expects
    /// nothing else first, and is told after it.
    pub(super) fn notify_all(&self) {
        for (&generation, member) in &self.members {
            if member.is_offered {
                self.notify(generation);
            }
        }
    }

    fn notify(&self, generation: GenerationId) {
        if !self.settings.notice.is_empty() {
            self.order(generation, Down::Notice(self.settings.notice.clone()));
        }
    }

    /// What a generation is started from: a plan of its own, or what is known to have worked.
    fn plan_of(&self, generation: GenerationId) -> &Plan {
        match &self.candidate {
            Some((number, plan)) if *number == generation => plan,
            _ => &self.current,
        }
    }

    fn open(&mut self) {
        let candidate = self.candidate.as_ref().map(|(_, plan)| plan);
        let plan = candidate.unwrap_or(&self.current);
        let opened = match Listeners::open(&plan.listeners) {
            Ok(listeners) => {
                self.listeners = Arc::new(listeners);
                self.settings.planner.listening(&self.listeners);
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        };
        self.answer(Answer::Opened(opened));
    }

    fn order(&self, generation: GenerationId, order: Down) {
        if let Some(member) = self.members.get(&generation) {
            member.generation.order(Order::Plain(order));
        }
    }

    /// Keeps what a generation said last before its sessions were touched.
    fn note_before(&mut self, generation: GenerationId) {
        let heard = self.members.get(&generation).and_then(|m| m.heard.as_ref());
        let said = heard.map(|heard| heard.snapshot.to_vec());
        if let Some(operation) = self.machine.operation_mut()
            && operation.before.is_none()
        {
            operation.before = said;
        }
    }

    /// Becomes the binary that serves now. Everything that this image holds and the next one needs
    /// goes with it, signals that come meanwhile included.
    pub(super) async fn replace(&mut self) {
        if let Err(error) = odp_sys::hold_back_end_signals() {
            tracing::warn!(%error, "a signal may be lost while the coordinator is replaced");
        }
        for _ in 0..Self::TURNS {
            tokio::task::yield_now().await;
        }
        while let Ok(wish) = self.wishes.try_recv() {
            self.obey(wish);
        }
        if self.machine.awaits_replacement() {
            let failed = match self.become_current().await {
                Ok(never) => match never {},
                Err(reason) => reason,
            };
            tracing::error!(reason = failed, "the coordinator could not be replaced");
            self.answer(Answer::NotReplaced(failed));
        }
        if let Err(error) = odp_sys::let_end_signals_in() {
            tracing::error!(%error, "SIGTERM and SIGINT have no effect any more");
        }
    }

    async fn become_current(&mut self) -> Result<std::convert::Infallible, String> {
        let none = || "no data plane serves".to_owned();
        let generation = self.machine.serving().ok_or_else(none)?;
        let operation = self.machine.operation().cloned().ok_or_else(none)?;
        let member = self.members.get_mut(&generation).ok_or_else(none)?;
        let heartbeat = Heartbeat {
            pid: member.generation.pid(),
            ticks: member.ticks.clone(),
            snapshot: member
                .heard
                .as_ref()
                .map_or_else(Vec::new, |h| h.snapshot.to_vec()),
        };
        let hello = member.hello.clone().ok_or_else(none)?;
        let released = member.generation.release().await.ok_or_else(none)?;
        let legacy = Legacy {
            generation,
            released,
            listeners: &self.listeners,
            hello,
            heartbeat,
            operation,
            companions: &self.settings.companions,
        };
        let program = &self.current.program;
        let error = legacy.exec(program, &self.settings.own_arguments).await;
        let reports = self.reports_sender.clone();
        let held = legacy
            .recover()
            .and_then(|running| Generation::hold(generation, running, reports));
        match held {
            Ok(held) => {
                if let Some(member) = self.members.get_mut(&generation) {
                    member.generation = held;
                }
            }
            Err(error) => tracing::error!(%error, "the data plane cannot be held any more"),
        }
        Err(error.to_string())
    }

    /// Tells the loop what came of an action. The loop itself empties the queue, so that it must not
    /// wait for room in it.
    fn answer(&self, answer: Answer) {
        let answers = self.answers_sender.clone();
        tokio::spawn(async move { answers.send(answer).await.ok() });
    }
}
