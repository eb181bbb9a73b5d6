//! Who gets what when.

use super::*;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

const LIMITS: Limits = Limits {
    total: Some(2),
    idle: 2,
    idle_min: 0,
    waiting: 3,
    idle_timeout: Duration::from_mins(1),
    ping_after: Duration::from_secs(10),
};

const KIND: Kind = Kind(1);
const OTHER: Kind = Kind(2);
const ANY: Wish = Wish {
    kind: KIND,
    is_bare: false,
};
const BARE: Wish = Wish {
    kind: KIND,
    is_bare: true,
};
const OTHERS: Wish = Wish {
    kind: OTHER,
    is_bare: false,
};

fn empty(limits: Limits, now: Instant) -> Shelf<u32> {
    let mut shelf = Shelf::new(limits);
    assert_eq!([KIND, OTHER], [(); 2].map(|()| shelf.add_kind(now)));
    shelf
}

fn life(now: Instant, thread: usize) -> Life {
    Life {
        kind: KIND,
        expires: now + Duration::from_hours(1),
        is_bare: true,
        thread,
    }
}

fn take(answer: Answer<u32>) -> u32 {
    match answer {
        Answer::Take(taken) => taken.session,
        other => panic!("{other:?}"),
    }
}

fn wait(answer: &Answer<u32>) -> WaiterId {
    match answer {
        Answer::Wait(id) => *id,
        other => panic!("{other:?}"),
    }
}

/// A shelf with these sessions idle.
fn stocked(limits: Limits, sessions: &[(u32, Life)], now: Instant) -> Shelf<u32> {
    let mut shelf = empty(limits, now);
    for _ in sessions {
        assert_eq!(shelf.ask(ANY, 0, now), Answer::Open);
        shelf.opened(KIND);
    }
    for (session, life) in sessions {
        assert_eq!(shelf.give_back(*session, *life, now), Back::Kept);
    }
    shelf
}

#[test]
fn the_newest_session_of_the_own_thread_is_lent_then_one_of_another() {
    let now = Instant::now();
    let limits = Limits {
        total: Some(9),
        idle: 9,
        ..LIMITS
    };
    let sessions = [(1, life(now, 0)), (2, life(now, 0)), (3, life(now, 1))];
    let mut shelf = stocked(limits, &sessions, now);
    assert_eq!(take(shelf.ask(ANY, 0, now)), 2);
    assert_eq!(take(shelf.ask(ANY, 0, now)), 1);
    assert_eq!(take(shelf.ask(ANY, 0, now)), 3);
    assert_eq!(shelf.ask(ANY, 0, now), Answer::Open);
}

#[test]
fn whoever_waited_first_is_served_first() {
    let now = Instant::now();
    let mut shelf = stocked(LIMITS, &[(1, life(now, 0)), (2, life(now, 0))], now);
    take(shelf.ask(ANY, 0, now));
    take(shelf.ask(ANY, 0, now));
    let waiters: Vec<_> = (0..3).map(|_| wait(&shelf.ask(ANY, 0, now))).collect();
    assert_eq!(shelf.ask(ANY, 0, now), Answer::Full);
    let granted = |back| match back {
        Back::Granted(waiter, Grant::Take(taken)) => (waiter, taken.session),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        granted(shelf.give_back(2, life(now, 0), now)),
        (waiters[0], 2)
    );
    assert!(shelf.give_up(waiters[1]));
    assert!(!shelf.give_up(waiters[0]), "it has its session");
    assert_eq!(
        granted(shelf.give_back(1, life(now, 0), now)),
        (waiters[2], 1)
    );
    assert_eq!(shelf.give_back(1, life(now, 0), now), Back::Kept);
}

#[test]
fn a_session_that_is_lost_lets_the_first_who_waits_open_one() {
    let now = Instant::now();
    let mut shelf = stocked(LIMITS, &[(1, life(now, 0)), (2, life(now, 0))], now);
    take(shelf.ask(ANY, 0, now));
    take(shelf.ask(ANY, 0, now));
    let first = wait(&shelf.ask(ANY, 0, now));
    let second = wait(&shelf.ask(ANY, 0, now));
    assert_eq!(shelf.gone(KIND), Some(first));
    assert_eq!(
        shelf.not_opened(KIND),
        Some(second),
        "the first failed, the second may try"
    );
    shelf.opened(KIND);
    assert_eq!(
        (shelf.in_use(KIND), shelf.idle(KIND), shelf.waiting(KIND)),
        (2, 0, 0)
    );
}

#[test]
fn a_database_cannot_be_taken_back() {
    let now = Instant::now();
    let chosen = Life {
        is_bare: false,
        ..life(now, 0)
    };
    let mut shelf = stocked(LIMITS, &[(1, chosen)], now);
    assert_eq!(shelf.ask(BARE, 0, now), Answer::Open);
    assert_eq!(take(shelf.ask(ANY, 0, now)), 1);
    assert_eq!(shelf.ask(ANY, 0, now), Answer::Wait(WaiterId(1)));
    assert!(shelf.give_up(WaiterId(1)));
    let bare = wait(&shelf.ask(BARE, 0, now));
    assert_eq!(shelf.give_back(1, chosen, now), Back::Replaced(1, bare));
}

#[test]
fn sessions_without_a_database_are_spared_for_who_needs_one() {
    let now = Instant::now();
    let limits = Limits {
        total: Some(9),
        idle: 9,
        ..LIMITS
    };
    let chosen = Life {
        is_bare: false,
        ..life(now, 1)
    };
    let mut shelf = stocked(limits, &[(1, chosen), (2, life(now, 0))], now);
    assert_eq!(take(shelf.ask(ANY, 0, now)), 1, "of another thread");
    assert_eq!(take(shelf.ask(ANY, 0, now)), 2);
}

#[test]
fn nobody_waits_for_ever_while_others_get_what_it_cannot_use() {
    let now = Instant::now();
    let chosen = Life {
        is_bare: false,
        ..life(now, 0)
    };
    let mut shelf = stocked(LIMITS, &[(1, chosen), (2, chosen)], now);
    for _ in 0..2 {
        take(shelf.ask(ANY, 0, now));
    }
    let first = wait(&shelf.ask(BARE, 0, now));
    let second = wait(&shelf.ask(ANY, 0, now));
    let third = wait(&shelf.ask(ANY, 0, now));
    match shelf.give_back(1, chosen, now + PATIENCE / 2) {
        Back::Granted(waiter, Grant::Take(_)) => assert_eq!(waiter, second, "passed over at first"),
        other => panic!("{other:?}"),
    }
    match shelf.give_back(2, chosen, now + PATIENCE) {
        Back::Replaced(2, waiter) => assert_eq!(waiter, first, "before the third"),
        other => panic!("{other:?}"),
    }
    shelf.opened(KIND);
    match shelf.give_back(3, life(now, 0), now + PATIENCE) {
        Back::Granted(waiter, Grant::Take(_)) => assert_eq!(waiter, third),
        other => panic!("{other:?}"),
    }
}

#[test]
fn idle_sessions_are_asked_after_a_while_and_given_up_after_a_longer_one() {
    let now = Instant::now();
    let limits = Limits {
        idle_min: 1,
        ..LIMITS
    };
    let mut shelf = stocked(limits, &[(1, life(now, 0)), (2, life(now, 0))], now);
    let Answer::Take(taken) = shelf.ask(ANY, 0, now + Duration::from_secs(10)) else {
        panic!()
    };
    assert!(taken.ask_first);
    let back = now + Duration::from_secs(30);
    shelf.give_back(taken.session, taken.life, back);
    assert!(shelf.sweep(KIND, now + Duration::from_secs(59)).is_empty());
    assert_eq!(
        shelf.sweep(KIND, now + Duration::from_mins(1)),
        [(1, Retired::Idle)]
    );
    assert_eq!(
        shelf.sweep(KIND, back + Duration::from_mins(1)),
        [(2, Retired::Idle)]
    );
    assert!(shelf.is_deserted(KIND, back + Duration::from_mins(1)));
}

#[test]
fn the_minimum_stays_while_the_shelf_is_in_use_and_is_opened_ahead() {
    let now = Instant::now();
    let limits = Limits {
        total: Some(5),
        idle: 5,
        idle_min: 2,
        ..LIMITS
    };
    let mut shelf = stocked(limits, &[(1, life(now, 0))], now);
    assert_eq!(shelf.open_ahead(KIND, now), 1);
    assert_eq!(shelf.open_ahead(KIND, now), 0, "it is on its way");
    shelf.opened(KIND);
    assert_eq!(shelf.give_back(2, life(now, 0), now), Back::Kept);
    let later = now + Duration::from_secs(59);
    take(shelf.ask(ANY, 0, later));
    assert!(shelf.sweep(KIND, now + Duration::from_secs(61)).is_empty());
    assert_eq!(shelf.open_ahead(KIND, later), 1);
    assert_eq!(
        shelf.open_ahead(KIND, later + LIMITS.idle_timeout),
        0,
        "nobody uses it"
    );
}

#[test]
fn what_is_on_its_way_back_is_waited_for() {
    let now = Instant::now();
    let limits = Limits {
        total: None,
        ..LIMITS
    };
    let mut shelf = stocked(limits, &[(1, life(now, 0))], now);
    take(shelf.ask(ANY, 0, now));
    shelf.returns(KIND);
    let waiter = wait(&shelf.ask(ANY, 0, now));
    assert_eq!(shelf.ask(ANY, 0, now), Answer::Open, "it is for one only");
    shelf.arrived(KIND);
    let back = shelf.give_back(1, life(now, 0), now);
    assert!(matches!(back, Back::Granted(id, Grant::Take(_)) if id == waiter));
    shelf.returns(KIND);
    let waiter = wait(&shelf.ask(ANY, 0, now));
    shelf.arrived(KIND);
    assert_eq!(
        shelf.gone(KIND),
        Some(waiter),
        "it broke, so another is opened"
    );
}

#[test]
fn a_session_of_age_is_not_lent() {
    let now = Instant::now();
    let mut shelf = stocked(LIMITS, &[(1, life(now, 0))], now);
    let late = now + Duration::from_hours(1);
    assert_eq!(shelf.ask(ANY, 0, late), Answer::Open);
    assert_eq!(shelf.sweep(KIND, late), [(1, Retired::Age)]);
    shelf.opened(KIND);
    assert_eq!(
        shelf.give_back(2, life(now, 0), late),
        Back::Retired(2, Retired::Age)
    );
}

fn of_other(life: Life) -> Life {
    Life {
        kind: OTHER,
        ..life
    }
}

#[test]
fn the_bound_is_one_for_all_kinds_together() {
    let now = Instant::now();
    let mut shelf = stocked(LIMITS, &[(1, life(now, 0)), (2, life(now, 0))], now);
    assert_eq!(
        shelf.ask(OTHERS, 0, now),
        Answer::OpenInPlaceOf(1, KIND),
        "what is idle for others makes room"
    );
    shelf.opened(OTHER);
    assert_eq!(take(shelf.ask(ANY, 0, now)), 2);
    let others = wait(&shelf.ask(OTHERS, 0, now));
    let own = wait(&shelf.ask(ANY, 0, now));
    match shelf.give_back(2, life(now, 0), now) {
        Back::Granted(waiter, Grant::Take(_)) => assert_eq!(waiter, own, "a login is saved"),
        other => panic!("{other:?}"),
    }
    let next = wait(&shelf.ask(ANY, 0, now));
    assert_eq!(
        shelf.give_back(2, life(now, 0), now + PATIENCE),
        Back::Replaced(2, others),
        "nobody starves"
    );
    assert_eq!((shelf.in_use(KIND), shelf.in_use(OTHER)), (0, 2));
    assert_eq!(
        shelf.give_back(3, of_other(life(now, 0)), now),
        Back::Replaced(3, next)
    );
}

#[test]
fn a_crowd_of_idle_ones_loses_its_oldest_of_any_kind() {
    let now = Instant::now();
    let limits = Limits {
        total: None,
        ..LIMITS
    };
    let mut shelf = stocked(limits, &[(1, life(now, 0)), (2, life(now, 0))], now);
    assert_eq!(shelf.ask(OTHERS, 0, now), Answer::Open);
    shelf.opened(OTHER);
    assert_eq!(
        shelf.give_back(3, of_other(life(now, 0)), now),
        Back::KeptInPlaceOf(1, KIND)
    );
    assert_eq!((shelf.idle(KIND), shelf.idle(OTHER)), (1, 1));
    assert_eq!(shelf.empty(OTHER), [3]);
    assert_eq!((shelf.idle(KIND), shelf.idle(OTHER)), (1, 0));
}

#[test]
fn what_comes_back_of_one_kind_is_not_closed_for_who_waits_for_another() {
    let now = Instant::now();
    let limits = Limits {
        total: None,
        ..LIMITS
    };
    let mut shelf = stocked(limits, &[(1, life(now, 0)), (2, life(now, 0))], now);
    take(shelf.ask(ANY, 0, now));
    assert_eq!(shelf.ask(OTHERS, 0, now), Answer::Open);
    shelf.opened(OTHER);
    shelf.returns(OTHER);
    let waiter = wait(&shelf.ask(OTHERS, 0, now));
    assert_eq!(shelf.give_back(2, life(now, 0), now), Back::Kept);
    shelf.arrived(OTHER);
    assert_eq!(shelf.gone(OTHER), Some(waiter), "it broke");
}

#[test]
fn nothing_is_opened_ahead_where_it_would_drive_out_what_is_idle() {
    let now = Instant::now();
    let limits = Limits {
        total: None,
        idle_min: 2,
        ..LIMITS
    };
    let mut shelf = stocked(limits, &[(1, life(now, 0))], now);
    assert_eq!(shelf.open_ahead(OTHER, now), 1);
    assert_eq!(shelf.open_ahead(KIND, now), 0);
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Ask(Kind, bool),
    Opened,
    NotOpened,
    Back(bool),
    Gone,
    GiveUp,
    Sweep(Kind),
}

proptest! {
    #[test]
    fn no_session_is_lent_twice_and_no_bound_is_passed(moves in prop::collection::vec(
        prop_oneof![
            4 => (any::<bool>(), any::<bool>()).prop_map(|(own, bare)| Move::Ask(kind_of(own), bare)),
            3 => Just(Move::Opened),
            1 => Just(Move::NotOpened),
            4 => any::<bool>().prop_map(Move::Back),
            1 => Just(Move::Gone),
            1 => Just(Move::GiveUp),
            1 => any::<bool>().prop_map(|own| Move::Sweep(kind_of(own))),
        ], 0..200))
    {
        let mut now = Instant::now();
        let limits = Limits { total: Some(3), idle: 2, waiting: 4, ..LIMITS };
        let mut shelf = empty(limits, now);
        let (mut lent, mut opening, mut next) = (Vec::new(), Vec::new(), 0_u32);
        let mut waiting = HashMap::new();
        for step in moves {
            now += Duration::from_secs(7);
            let mut granted = None;
            match step {
                Move::Ask(kind, is_bare) => {
                    match shelf.ask(Wish { kind, is_bare }, 0, now) {
                        Answer::Take(taken) => {
                            prop_assert_eq!(taken.life.kind, kind);
                            lent.push((taken.session, taken.life));
                        }
                        Answer::Open | Answer::OpenInPlaceOf(..) => opening.push(kind),
                        Answer::Wait(id) => { waiting.insert(id, kind); }
                        Answer::Full => prop_assert_eq!(waiting.len(), 4),
                    }
                }
                Move::Opened if !opening.is_empty() => {
                    let kind = opening.remove(0);
                    next += 1;
                    shelf.opened(kind);
                    lent.push((next, Life { kind, ..life(now, 0) }));
                }
                Move::NotOpened if !opening.is_empty() => {
                    let kind = opening.remove(0);
                    granted = shelf.not_opened(kind).map(|id| (id, Grant::Open));
                }
                Move::Back(bare) if !lent.is_empty() => {
                    let (session, life) = lent.swap_remove(0);
                    let life = Life { is_bare: life.is_bare && bare, ..life };
                    match shelf.give_back(session, life, now) {
                        Back::Granted(id, grant) => granted = Some((id, grant)),
                        Back::Replaced(_, id) => granted = Some((id, Grant::Open)),
                        Back::Kept | Back::KeptInPlaceOf(..) | Back::Retired(..) => {}
                    }
                }
                Move::Gone if !lent.is_empty() => {
                    let (_, life) = lent.swap_remove(0);
                    granted = shelf.gone(life.kind).map(|id| (id, Grant::Open));
                }
                Move::GiveUp => {
                    if let Some(id) = waiting.keys().next().copied() {
                        waiting.remove(&id);
                        prop_assert!(shelf.give_up(id));
                    }
                }
                Move::Sweep(kind) => { shelf.sweep(kind, now); }
                _ => {}
            }
            if let Some((id, grant)) = granted {
                let kind = waiting.remove(&id);
                prop_assert!(kind.is_some(), "only who waits is granted");
                match (grant, kind) {
                    (Grant::Take(taken), kind) => {
                        prop_assert_eq!(Some(taken.life.kind), kind);
                        lent.push((taken.session, taken.life));
                    }
                    (Grant::Open, kind) => opening.extend(kind),
                }
            }
            let distinct: HashSet<_> = lent.iter().map(|(session, _)| session).collect();
            prop_assert_eq!(distinct.len(), lent.len());
            for kind in [KIND, OTHER] {
                let lent = lent.iter().filter(|(_, life)| life.kind == kind).count();
                let opening = opening.iter().filter(|of| **of == kind).count();
                prop_assert_eq!(shelf.in_use(kind), lent + opening);
                let waiting = waiting.values().filter(|of| **of == kind).count();
                prop_assert_eq!(shelf.waiting(kind), waiting);
            }
            let in_use = lent.len() + opening.len();
            let idle = shelf.idle(KIND) + shelf.idle(OTHER);
            prop_assert!(in_use + idle <= 3 && idle <= 2);
            prop_assert!(waiting.is_empty() || in_use == 3, "nobody waits for nothing");
        }
    }
}

fn kind_of(is_own: bool) -> Kind {
    if is_own { KIND } else { OTHER }
}
