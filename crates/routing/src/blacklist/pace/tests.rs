//! Answers in many orders, and what becomes of the estimate.

use super::*;
use proptest::prelude::*;

const FACTOR: u32 = 8;

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// Which of these servers are slow.
fn slow(peers: &[Pace], factor: u32, now: Millis) -> Vec<bool> {
    let known = peers.iter().filter_map(|pace| pace.estimate(now));
    let bound = Steps::bound(&mut known.collect::<Vec<_>>(), factor);
    let is_slow = |pace: &Pace| {
        bound
            .zip(pace.estimate(now))
            .is_some_and(|(bound, own)| own >= bound)
    };
    peers.iter().map(is_slow).collect()
}

fn time(pace: Pace, now: Millis) -> Option<Duration> {
    pace.estimate(now).map(Steps::time)
}

/// After these answers, one every three milliseconds from `start` on; gives the next moment too.
fn after(mut pace: Pace, answers: impl IntoIterator<Item = u64>, start: Millis) -> (Pace, Millis) {
    let mut now = start;
    for took in answers {
        pace = pace.with_answer(micros(took), now).unwrap();
        now += 3;
    }
    (pace, now)
}

fn steady(took: u64) -> Pace {
    after(Pace::default(), [took; 20], 0).0
}

#[test]
fn who_is_slow_follows_the_table() {
    // The paces of all peers in microseconds, and which of them are slow.
    let table: &[(&[u64], &[bool])] = &[
        (&[300, 300, 300], &[false, false, false]),
        (&[300, 300, 15_000], &[false, false, true]),
        // Far above, but nobody would notice.
        (&[50, 50, 1_500], &[false, false, false]),
        // Not far enough above.
        (&[10_000, 10_000, 70_000], &[false, false, false]),
        (&[10_000, 10_000, 81_000], &[false, false, true]),
        // The middle one decides: most cannot be slow.
        (&[300, 15_000, 15_000], &[false, false, false]),
        (&[300, 15_000], &[false, true]),
        (&[15_000], &[false]),
        (&[300, 300, 15_000, 15_000], &[false, false, true, true]),
    ];
    for (times, expected) in table {
        let peers: Vec<Pace> = times.iter().map(|&time| steady(time)).collect();
        assert_eq!(slow(&peers, FACTOR, 100), *expected, "{times:?}");
        assert!(!slow(&peers, 0, 100).contains(&true), "off");
    }
}

#[test]
fn a_server_that_gets_slow_is_found_so_within_thirty_answers_and_well_again_within_ten() {
    let slow = |pace: Pace, now| slow(&[pace, steady(300), steady(300)], FACTOR, now)[0];
    let (mut pace, mut now) = after(Pace::default(), [300; 20], 0);
    let mut answers = 0;
    while !slow(pace, now) {
        (pace, now) = after(pace, [15_000], now);
        answers += 1;
    }
    assert!((10..=30).contains(&answers), "{answers}");
    (pace, now) = after(pace, [15_000; 30], now);
    let mut answers = 0;
    while slow(pace, now) {
        (pace, now) = after(pace, [300], now);
        answers += 1;
    }
    assert!(answers <= 10, "{answers}");
}

#[test]
fn an_estimate_counts_from_eight_answers_on_and_is_forgotten_after_ten_seconds_without_any() {
    let (few, now) = after(Pace::default(), [300; 7], 0);
    assert_eq!(time(few, now), None);
    let (enough, now) = after(few, [300], now);
    assert_eq!(time(enough, now), Some(micros(300)));
    let last = now - 3;
    assert_eq!(time(enough, last + FRESH), Some(micros(300)));
    assert_eq!(time(enough, last + FRESH + 1), None);
    // What comes after that begins anew.
    let (anew, now) = after(enough, [9_000; 8], last + FRESH + 1);
    assert_eq!(time(anew, now), Some(micros(8_992)));
    // Too soon after the last one.
    assert_eq!(anew.with_answer(micros(1), now - 2), None);
}

proptest! {
    #[test]
    fn steps_are_the_time_within_half_a_percent(time in 1_u64..1 << 48) {
        let back = Steps::of(time).micros();
        prop_assert!(back <= time && time - back <= time / 200 + 1, "{time} {back}");
    }

    #[test]
    fn longer_times_never_have_fewer_steps(one in 1_u64..1 << 40, other in 1_u64..1 << 40) {
        prop_assert!(Steps::of(one.min(other)) <= Steps::of(one.max(other)));
    }

    #[test]
    fn the_estimate_stays_between_the_quickest_and_the_longest_answer(
        answers in prop::collection::vec(1_u64..10_000_000, 8..200)
    ) {
        let (pace, now) = after(Pace::default(), answers.clone(), 0);
        let estimate = time(pace, now).unwrap();
        let quickest = *answers.iter().min().unwrap();
        let longest = *answers.iter().max().unwrap();
        prop_assert!(estimate <= micros(longest) && estimate + micros(quickest / 200 + 1) >= micros(quickest));
    }

    /// Reads that are long by themselves: up to half of all, in any order, make nobody slow.
    #[test]
    fn long_reads_among_short_ones_make_nobody_slow(
        long in prop::collection::vec(any::<bool>(), 100..400), seed in 0_usize..7
    ) {
        let peers = [steady(300), steady(300)];
        let (mut pace, mut now) = after(Pace::default(), [300; 20], 0);
        for (at, long) in long.iter().enumerate() {
            let took = if *long && (at + seed) % 2 == 0 { 2_000_000 } else { 300 };
            (pace, now) = after(pace, [took], now);
            prop_assert!(!slow(&[pace, peers[0], peers[1]], FACTOR, now)[0], "after {at}");
        }
    }

    #[test]
    fn less_than_half_of_the_peers_are_slow_whatever_they_answered(
        answers in prop::collection::vec(prop::collection::vec(1_u64..10_000_000, 0..40), 1..9)
    ) {
        let peers: Vec<Pace> = answers.iter().map(|own| after(Pace::default(), own.clone(), 0).0).collect();
        let now = 130;
        let slow = slow(&peers, FACTOR, now).into_iter().filter(|&slow| slow).count();
        prop_assert!(2 * slow <= peers.len(), "{slow} of {}", peers.len());
    }
}
