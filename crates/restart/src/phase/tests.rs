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
    phase: Phase,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self {
            phase: Phase::Idle,
            now: Instant::now(),
        }
    }

    fn serving() -> Self {
        let mut bench = Self::new();
        bench.on(Event::Start);
        bench.on(Event::Ready { generation: 1 });
        bench
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "the tables below read better with events as values"
    )]
    fn on(&mut self, event: Event) -> Vec<Action> {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        let (phase, actions) = phase.on(&event, self.now, &TIMING);
        self.phase = phase;
        actions
    }

    fn after(&mut self, seconds: u64, event: Event) -> Vec<Action> {
        self.now += Duration::from_secs(seconds);
        self.on(event)
    }
}

fn killed(generation: u64, reason: KillReason) -> Vec<Action> {
    vec![Action::Kill { generation, reason }]
}

#[test]
fn a_generation_comes_up_in_four_steps() {
    let mut bench = Bench::new();
    assert_eq!(bench.on(Event::Start), [Action::Spawn { generation: 1 }]);
    assert_eq!(
        bench.on(Event::Hello { generation: 1 }),
        [Action::Offer { generation: 1 }]
    );
    assert_eq!(
        bench.on(Event::Ready { generation: 1 }),
        [Action::Commit { generation: 1 }]
    );
    assert!(matches!(bench.phase, Phase::Serving { .. }));
}

#[test]
fn a_dead_generation_is_followed_at_once_by_the_next_number() {
    let mut bench = Bench::serving();
    assert_eq!(
        bench.after(60, Event::Exited { generation: 1 }),
        [Action::Spawn { generation: 2 }]
    );
}

#[test]
fn words_of_an_earlier_generation_change_nothing() {
    let mut bench = Bench::serving();
    bench.on(Event::Exited { generation: 1 });
    for event in [
        Event::Hello { generation: 1 },
        Event::Ready { generation: 1 },
        Event::Failed { generation: 1 },
        Event::Exited { generation: 1 },
    ] {
        assert!(bench.on(event).is_empty());
        assert!(matches!(bench.phase, Phase::Starting { generation: 2, .. }));
    }
}

#[test]
fn a_generation_that_is_not_ready_in_time_is_killed_and_replaced() {
    let mut bench = Bench::new();
    bench.on(Event::Start);
    assert!(bench.after(9, Event::Tick).is_empty());
    assert_eq!(bench.after(1, Event::Tick), killed(1, KillReason::NotReady));
    assert_eq!(
        bench.on(Event::Exited { generation: 1 }),
        [Action::Spawn { generation: 2 }]
    );
}

#[test]
fn a_silent_worker_is_the_end_of_its_data_plane() {
    let mut bench = Bench::serving();
    for second in 1..10 {
        let ticks = vec![second, 1];
        assert!(
            bench
                .after(
                    1,
                    Event::Heartbeat {
                        generation: 1,
                        ticks
                    }
                )
                .is_empty()
        );
        assert!(bench.on(Event::Tick).is_empty());
    }
    assert!(bench.after(1, Event::Tick).is_empty());
    assert_eq!(bench.after(1, Event::Tick), killed(1, KillReason::Hung));
}

#[test]
fn a_coordinator_that_did_not_run_itself_blames_nobody() {
    let mut bench = Bench::serving();
    assert!(bench.after(3600, Event::Tick).is_empty());
    assert!(bench.after(9, Event::Tick).is_empty());
    assert_eq!(bench.after(1, Event::Tick), killed(1, KillReason::Hung));
}

#[test]
fn a_crash_loop_backs_off_and_goes_on() {
    let mut bench = Bench::new();
    bench.on(Event::Start);
    for generation in 1..=3 {
        let next = Action::Spawn {
            generation: generation + 1,
        };
        assert_eq!(bench.on(Event::Exited { generation }), [next]);
    }
    assert!(bench.on(Event::Exited { generation: 4 }).is_empty());
    assert!(matches!(bench.phase, Phase::BackingOff { next: 5, .. }));
    assert_eq!(
        bench.after(1, Event::Tick),
        [Action::Spawn { generation: 5 }]
    );
}

#[test]
fn a_stop_waits_for_load_balancers_then_drains_then_ends() {
    let mut bench = Bench::serving();
    assert!(bench.on(Event::Stop).is_empty());
    assert!(matches!(bench.phase, Phase::Leaving { .. }));
    let drain = Action::Drain {
        generation: 1,
        timeout: TIMING.drain_timeout,
    };
    assert_eq!(bench.after(5, Event::Tick), [drain, Action::Close]);
    assert!(bench.on(Event::Stop).is_empty());
    bench.on(Event::Exited { generation: 1 });
    assert!(matches!(bench.phase, Phase::Done));
}

#[test]
fn a_data_plane_that_does_not_drain_is_killed_after_its_deadline() {
    let mut bench = Bench::serving();
    bench.on(Event::Stop);
    bench.after(5, Event::Tick);
    assert!(bench.after(31, Event::Tick).is_empty());
    assert_eq!(
        bench.after(1, Event::Tick),
        killed(1, KillReason::NotDrained)
    );
}

#[test]
fn a_force_kills_from_every_phase() {
    let stopping = |events: &[Event]| {
        let mut bench = Bench::new();
        for event in events {
            bench.on(event.clone());
        }
        let actions = bench.on(Event::Force);
        (actions, bench.phase)
    };
    let ready = Event::Ready { generation: 1 };
    for events in [
        vec![Event::Start],
        vec![Event::Start, ready.clone()],
        vec![Event::Start, ready, Event::Stop],
    ] {
        let (actions, phase) = stopping(&events);
        assert_eq!(actions, killed(1, KillReason::Forced));
        let (phase, _) = phase.on(&Event::Exited { generation: 1 }, Instant::now(), &TIMING);
        assert!(matches!(phase, Phase::Done));
    }
    assert!(matches!(stopping(&[]).1, Phase::Done));
}

#[test]
fn a_stop_before_the_first_ready_ends_without_a_drain() {
    let mut bench = Bench::new();
    bench.on(Event::Start);
    assert_eq!(bench.on(Event::Stop), killed(1, KillReason::Forced));
}
