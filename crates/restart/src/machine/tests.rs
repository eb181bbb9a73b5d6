//! The machine, event by event.

use super::*;

const TIMING: Timing = Timing {
    ready_timeout: Duration::from_secs(10),
    hang_timeout: Duration::from_secs(10),
    exit_delay: Duration::from_secs(5),
    drain_timeout: Some(Duration::from_secs(30)),
};

/// A machine with a clock of its own.
struct Bench {
    machine: Machine,
    now: Now,
    ticks: u64,
}

impl Bench {
    fn new() -> Self {
        Self::beginning(&Beginning::Fresh)
    }

    fn beginning(beginning: &Beginning) -> Self {
        let now = Now::read();
        Self {
            machine: Machine::new(beginning, TIMING, now),
            now,
            ticks: 0,
        }
    }

    fn serving() -> Self {
        let mut bench = Self::new();
        for event in [Event::Start, Event::Hello(1, Ok(())), Event::Ready(1)] {
            bench.on(event);
        }
        bench
    }

    /// Generation 1 serves, 2 has come as far as the last of these words.
    fn replacing(command: Command, words: usize) -> Self {
        let mut bench = Self::serving();
        let all = [
            Event::Command(7, command),
            Event::Prepared(2, Ok(TIMING)),
            Event::Hello(2, Ok(())),
            Event::Snapshot(1),
            Event::Ready(2),
        ];
        for event in all.into_iter().take(words) {
            bench.on(event);
        }
        bench
    }

    fn stopped() -> Self {
        let mut bench = Self::serving();
        bench.on(Event::Command(7, Command::Stop));
        bench.after(5, Event::Tick);
        bench.on(Event::Drained(1));
        bench.on(exited(1));
        bench
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        self.machine.on(event, self.now)
    }

    fn after(&mut self, seconds: u64, event: Event) -> Vec<Action> {
        self.now.instant += Duration::from_secs(seconds);
        // Workers tick while time passes.
        let mut actions = Vec::new();
        if let Some(serving) = self.machine.serving() {
            self.ticks += 1;
            actions = self.on(Event::Heartbeat(serving, vec![self.ticks]));
        }
        actions.extend(self.on(event));
        actions
    }

    fn state(&self) -> State {
        self.machine.state()
    }

    fn outcome(&self, id: u64) -> Outcome {
        let operation = self
            .machine
            .operations()
            .find(|operation| operation.id == id);
        operation.unwrap().outcome.clone()
    }

    fn failure(&self, id: u64) -> String {
        match self.outcome(id) {
            Outcome::Failed(reason) => reason,
            other => panic!("{other:?}"),
        }
    }
}

use crate::operation::Outcome;

fn exited(generation: u64) -> Event {
    Event::Exited(generation, "signal: 9 (SIGKILL)".to_owned())
}

fn killed(generation: u64, reason: KillReason) -> Action {
    Action::Kill(generation, reason)
}

fn drain(generation: u64, pace: Pace) -> Action {
    Action::Drain {
        generation,
        timeout: TIMING.drain_timeout,
        pace,
    }
}

#[test]
fn a_generation_comes_up_in_four_steps() {
    let mut bench = Bench::new();
    assert_eq!(bench.on(Event::Start), [Action::Spawn(1)]);
    assert_eq!(bench.on(Event::Hello(1, Ok(()))), [Action::Offer(1)]);
    assert_eq!(bench.on(Event::Ready(1)), [Action::Commit(1)]);
    assert_eq!(bench.state(), State::Running);
}

#[test]
fn a_dead_generation_is_followed_at_once_by_the_next_number() {
    let mut bench = Bench::serving();
    assert_eq!(bench.after(60, exited(1)), [Action::Spawn(2)]);
    assert_eq!(bench.state(), State::Starting);
    for event in [Event::Hello(1, Ok(())), Event::Ready(1), exited(1)] {
        assert!(bench.on(event).is_empty());
    }
}

#[test]
fn a_silent_worker_is_the_end_of_its_data_plane_unless_the_coordinator_slept_itself() {
    let mut bench = Bench::serving();
    bench.now.instant += Duration::from_hours(1);
    assert!(bench.on(Event::Tick).is_empty());
    bench.now.instant += Duration::from_secs(10);
    assert_eq!(bench.on(Event::Tick), [killed(1, KillReason::Hung)]);
}

#[test]
fn a_crash_loop_backs_off_and_goes_on() {
    let mut bench = Bench::new();
    bench.on(Event::Start);
    for generation in 1..=3 {
        assert_eq!(
            bench.on(exited(generation)),
            [Action::Spawn(generation + 1)]
        );
    }
    assert!(bench.on(exited(4)).is_empty());
    assert_eq!(bench.state(), State::Unavailable);
    assert_eq!(bench.after(1, Event::Tick), [Action::Spawn(5)]);
}

#[test]
fn a_restart_leaves_the_old_generation_alone_until_the_commit() {
    let mut bench = Bench::serving();
    let actions = bench.on(Event::Command(7, Command::Restart));
    assert_eq!(actions, [Action::Prepare(2, Launch::Disk)]);
    assert_eq!(bench.state(), State::Restarting);
    assert_eq!(bench.on(Event::Prepared(2, Ok(TIMING))), [Action::Spawn(2)]);
    assert_eq!(bench.on(Event::Hello(2, Ok(()))), [Action::AskSnapshot(1)]);
    assert_eq!(bench.on(Event::Snapshot(1)), [Action::Offer(2)]);
    assert_eq!(bench.machine.serving(), Some(1));
    assert_eq!(
        bench.on(Event::Ready(2)),
        [Action::Commit(2), drain(1, Pace::Spread)]
    );
    assert_eq!(bench.machine.serving(), Some(2));
    assert_eq!(bench.state(), State::Restarting);
    bench.on(Event::Drained(1));
    bench.on(exited(1));
    assert_eq!(bench.state(), State::Running);
    assert_eq!(bench.outcome(7), Outcome::Completed);
}

#[test]
fn whatever_fails_before_the_commit_is_rolled_back_with_its_reason() {
    let why = || "why".to_owned();
    let not_ready = [killed(2, KillReason::NotReady)];
    let failed = [killed(2, KillReason::Failed)];
    let cases: [(usize, u64, Event, &[Action], &str); 8] = [
        (1, 0, Event::Prepared(2, Err(why())), &[], "why"),
        (1, 10, Event::Tick, &[], "configuration"),
        (2, 0, exited(2), &[], "signal: 9"),
        (
            2,
            10,
            Event::Tick,
            &not_ready,
            "did not say hello within 10 s",
        ),
        (2, 0, Event::Hello(2, Err(why())), &failed, "why"),
        (4, 0, Event::Failed(2, why()), &failed, "why"),
        (4, 10, Event::Tick, &not_ready, "was not ready within 10 s"),
        (4, 0, exited(2), &[], "signal: 9"),
    ];
    for (words, seconds, event, actions, reason) in cases {
        for command in [Command::Restart, Command::Upgrade("/new".into())] {
            let mut bench = Bench::replacing(command, words);
            let case = format!("{words} {event:?}");
            assert_eq!(bench.after(seconds, event.clone()), actions, "{case}");
            assert_eq!(bench.state(), State::Running, "{case}");
            assert_eq!(bench.machine.serving(), Some(1), "{case}");
            assert!(bench.failure(7).contains(reason), "{case}");
        }
    }
}

#[test]
fn a_snapshot_that_does_not_come_is_done_without() {
    let mut bench = Bench::replacing(Command::Restart, 3);
    assert_eq!(bench.after(5, Event::Tick), [Action::Offer(2)]);
    assert_eq!(bench.state(), State::Restarting);
}

#[test]
fn an_old_generation_that_dies_before_the_commit_leaves_the_new_one_to_serve() {
    for words in 1..=4 {
        let mut bench = Bench::replacing(Command::Restart, words);
        bench.on(exited(1));
        let all = [
            Event::Prepared(2, Ok(TIMING)),
            Event::Hello(2, Ok(())),
            Event::Ready(2),
        ];
        for event in all {
            bench.on(event);
        }
        assert_eq!(bench.machine.serving(), Some(2), "{words}");
        assert_eq!(bench.state(), State::Running, "{words}");
        assert!(bench.failure(7).contains("generation 1 died"), "{words}");
    }
}

#[test]
fn sessions_lost_after_the_commit_are_told() {
    let mut bench = Bench::replacing(Command::Restart, 5);
    bench.on(exited(1));
    assert_eq!(bench.state(), State::Running);
    assert!(bench.failure(7).contains("those left are lost"));
}

#[test]
fn a_new_generation_that_dies_after_the_commit_is_replaced_and_the_restart_has_failed() {
    let mut bench = Bench::replacing(Command::Restart, 5);
    assert_eq!(bench.on(exited(2)), [Action::Spawn(3)]);
    assert!(bench.failure(7).contains("after the commit"));
}

#[test]
fn an_upgrade_goes_back_when_the_new_binary_dies_after_the_commit() {
    let mut bench = Bench::replacing(Command::Upgrade("/new".into()), 5);
    assert_eq!(bench.state(), State::Upgrading);
    assert_eq!(bench.on(exited(2)), [Action::Revert, Action::Spawn(3)]);
    assert!(bench.failure(7).contains("after the commit"));
}

#[test]
fn an_upgrade_ends_with_the_coordinator_when_the_new_binary_has_lived_a_while() {
    let mut bench = Bench::replacing(Command::Upgrade("/new".into()), 5);
    bench.on(Event::Drained(1));
    assert!(bench.on(exited(1)).is_empty());
    assert_eq!(bench.state(), State::Upgrading);
    assert!(bench.after(1, Event::Tick).is_empty());
    assert_eq!(bench.after(1, Event::Tick), [Action::Replace]);
    assert!(bench.after(1, Event::Tick).is_empty());
    let operation = bench.machine.operation().cloned();
    let mut next = Bench::beginning(&Beginning::Serving {
        generation: 2,
        upgrade: operation,
    });
    next.on(Event::Start);
    assert_eq!(next.state(), State::Running);
    assert_eq!(next.outcome(7), Outcome::Completed);
    bench.on(Event::NotReplaced("why".to_owned()));
    assert!(bench.failure(7).contains("why"));
    assert_eq!(bench.state(), State::Running);
}

#[test]
fn a_force_prepares_then_kills_then_starts() {
    let mut bench = Bench::serving();
    let actions = bench.on(Event::Command(7, Command::ForceRestart));
    assert_eq!(actions, [Action::Prepare(2, Launch::Disk)]);
    assert_eq!(
        bench.on(Event::Prepared(2, Ok(TIMING))),
        [killed(1, KillReason::Forced), Action::Spawn(2)]
    );
    bench.on(exited(1));
    bench.on(Event::Hello(2, Ok(())));
    assert_eq!(bench.on(Event::Ready(2)), [Action::Commit(2)]);
    assert_eq!(bench.outcome(7), Outcome::Completed);
    assert_eq!(bench.state(), State::Running);
}

#[test]
fn a_force_supersedes_whatever_runs_and_works_from_everywhere() {
    let stopping = || {
        let mut bench = Bench::serving();
        bench.on(Event::Command(7, Command::Stop));
        bench
    };
    let draining = || {
        let mut bench = stopping();
        bench.after(5, Event::Tick);
        bench
    };
    let restarting = |words| Bench::replacing(Command::Restart, words);
    let mut starting = Bench::new();
    starting.on(Event::Start);
    for mut bench in [
        stopping(),
        draining(),
        restarting(1),
        restarting(4),
        restarting(5),
        starting,
        Bench::stopped(),
    ] {
        let closed = bench.machine.closed;
        let running = bench.machine.operation().is_some();
        bench.on(Event::Command(8, Command::ForceRestart));
        let next = bench.machine.latest();
        assert_eq!(bench.state(), State::Restarting);
        if running {
            assert_eq!(bench.failure(7), SUPERSEDED);
        }
        let actions = bench.on(Event::Prepared(next, Ok(TIMING)));
        if closed {
            assert_eq!(actions.last(), Some(&Action::Open));
            assert_eq!(bench.on(Event::Opened(Ok(()))), [Action::Spawn(next)]);
        } else {
            assert_eq!(actions.last(), Some(&Action::Spawn(next)));
        }
        bench.on(Event::Hello(next, Ok(())));
        bench.on(Event::Ready(next));
        for generation in 1..next {
            bench.on(exited(generation));
        }
        assert_eq!(bench.state(), State::Running);
        assert_eq!(bench.outcome(8), Outcome::Completed);
    }
}

#[test]
fn a_stop_waits_for_load_balancers_then_drains_then_closes() {
    let mut bench = Bench::serving();
    assert!(bench.on(Event::Command(7, Command::Stop)).is_empty());
    assert_eq!(bench.state(), State::Stopping);
    assert_eq!(bench.machine.serving(), Some(1));
    assert_eq!(
        bench.after(5, Event::Tick),
        [Action::Close, drain(1, Pace::AtOnce)]
    );
    assert_eq!(bench.state(), State::Stopping);
    bench.on(Event::Drained(1));
    bench.on(exited(1));
    assert_eq!(bench.state(), State::Stopped);
    assert_eq!(bench.outcome(7), Outcome::Completed);
}

#[test]
fn a_data_plane_that_does_not_drain_is_killed_after_its_deadline() {
    let mut bench = Bench::serving();
    bench.on(Event::Command(7, Command::Stop));
    bench.after(5, Event::Tick);
    assert!(bench.after(31, Event::Tick).is_empty());
    assert_eq!(
        bench.after(1, Event::Tick),
        [killed(1, KillReason::NotDrained)]
    );
    bench.on(exited(1));
    assert_eq!(bench.state(), State::Stopped);
}

#[test]
fn a_start_opens_the_listeners_first() {
    let mut bench = Bench::stopped();
    bench.on(Event::Command(8, Command::Start));
    assert_eq!(bench.state(), State::Starting);
    assert_eq!(bench.on(Event::Prepared(2, Ok(TIMING))), [Action::Open]);
    bench.on(Event::Opened(Ok(())));
    bench.on(Event::Hello(2, Ok(())));
    bench.on(Event::Ready(2));
    assert_eq!(bench.state(), State::Running);
    assert_eq!(bench.outcome(8), Outcome::Completed);
}

#[test]
fn a_start_that_cannot_be_stays_stopped() {
    for failure in [
        Event::Prepared(2, Err("why".to_owned())),
        Event::Opened(Err("why".to_owned())),
    ] {
        let mut bench = Bench::stopped();
        bench.on(Event::Command(8, Command::Start));
        if matches!(failure, Event::Opened(_)) {
            bench.on(Event::Prepared(2, Ok(TIMING)));
        }
        bench.on(failure);
        assert_eq!(bench.state(), State::Stopped);
        assert_eq!(bench.failure(8), "why");
    }
}

#[test]
fn a_coordinator_that_begins_stopped_waits_for_a_command() {
    let mut bench = Bench::beginning(&Beginning::Stopped);
    assert!(bench.on(Event::Start).is_empty());
    assert_eq!(bench.state(), State::Stopped);
    let actions = bench.on(Event::Command(1, Command::Start));
    assert_eq!(actions, [Action::Prepare(1, Launch::Disk)]);
}

#[test]
fn an_exit_is_a_stop_and_a_second_one_kills() {
    let mut bench = Bench::serving();
    bench.on(Event::Exit);
    bench.after(5, Event::Tick);
    bench.on(Event::Drained(1));
    bench.on(exited(1));
    assert!(bench.machine.is_done());

    let mut bench = Bench::replacing(Command::Restart, 5);
    bench.on(Event::Exit);
    let actions = bench.on(Event::ForceExit);
    assert!(
        actions.contains(&killed(1, KillReason::Forced)),
        "{actions:?}"
    );
    assert!(
        actions.contains(&killed(2, KillReason::Forced)),
        "{actions:?}"
    );
    bench.on(exited(1));
    assert!(!bench.machine.is_done());
    bench.on(exited(2));
    assert!(bench.machine.is_done());
    assert_eq!(bench.failure(7), SUPERSEDED);

    let mut bench = Bench::stopped();
    bench.on(Event::Exit);
    assert!(bench.machine.is_done());
}

#[test]
fn a_stop_during_a_restart_ends_both_generations() {
    let mut bench = Bench::replacing(Command::Restart, 4);
    let actions = bench.on(Event::Command(8, Command::Stop));
    assert_eq!(actions, [killed(2, KillReason::Superseded)]);
    bench.after(5, Event::Tick);
    bench.on(exited(2));
    bench.on(Event::Drained(1));
    bench.on(exited(1));
    assert_eq!(bench.state(), State::Stopped);
    assert_eq!(bench.outcome(8), Outcome::Completed);
    assert_eq!(bench.failure(7), SUPERSEDED);
}
