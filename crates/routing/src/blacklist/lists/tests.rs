//! Every step with its effect.

use super::Detected::{Alive, Dead, Unreachable};
use super::*;
use Admission::{No, Probe, Yes};
use Step::{Cleared, Drained, InService, Listed, Probed, Probing};

const PATIENCE: Duration = Duration::from_secs(1);

/// A step.
#[derive(Debug, Clone, Copy)]
enum Step {
    InService(bool),
    Drained(bool),
    Detected(Detected),
    Listed(Millis),
    Probing(Millis),
    Probed(Millis),
    Cleared,
}

fn take(lists: Lists, step: Step) -> Lists {
    match step {
        InService(on) => lists.in_service(on),
        Drained(on) => lists.drained(on),
        Step::Detected(detected) => lists.detected(detected),
        Listed(at) => lists.listed(at),
        Probing(now) => lists.probing(now, PATIENCE).unwrap_or(lists),
        Probed(next) => lists.probed(next),
        Cleared => lists.cleared(),
    }
}

/// Steps, the time, what is admitted then, the hope for the forced pass, what the probes said.
type Line = (&'static [Step], Millis, Admission, Option<u8>, Detected);

const TABLE: &[Line] = &[
    (&[], 0, Yes, Some(0), Alive),
    // Status.
    (&[InService(false)], 0, No, Some(1), Alive),
    (&[InService(false), InService(true)], 0, Yes, Some(0), Alive),
    // Drained.
    (&[Drained(true)], 0, No, None, Alive),
    (&[Drained(true), Drained(false)], 0, Yes, Some(0), Alive),
    (&[Drained(true), InService(false)], 0, No, None, Alive),
    // Detection.
    (&[Step::Detected(Unreachable)], 0, No, Some(2), Unreachable),
    (&[Step::Detected(Dead)], 0, No, Some(2), Dead),
    (
        &[Step::Detected(Dead), Step::Detected(Unreachable)],
        0,
        No,
        Some(2),
        Unreachable,
    ),
    (
        &[Step::Detected(Dead), Step::Detected(Alive)],
        0,
        Yes,
        Some(0),
        Alive,
    ),
    // Failed requests.
    (&[Listed(10)], 9, No, Some(0), Alive),
    (&[Listed(10)], 10, Probe, Some(0), Alive),
    (&[Listed(10), Cleared], 0, Yes, Some(0), Alive),
    (&[Listed(10), Probing(9)], 10, Probe, Some(0), Alive),
    (&[Listed(10), Probing(10)], 1009, No, Some(0), Alive),
    // A lost probe makes room for another one.
    (&[Listed(10), Probing(10)], 1010, Probe, Some(0), Alive),
    (
        &[Listed(10), Probing(10), Probing(500)],
        1010,
        Probe,
        Some(0),
        Alive,
    ),
    (
        &[Listed(10), Probing(10), Probed(50)],
        49,
        No,
        Some(0),
        Alive,
    ),
    (
        &[Listed(10), Probing(10), Probed(50)],
        50,
        Probe,
        Some(0),
        Alive,
    ),
    (&[Listed(10), Probing(10), Cleared], 10, Yes, Some(0), Alive),
    // Other failures do not end the probe.
    (
        &[Listed(10), Probing(10), Listed(20)],
        20,
        No,
        Some(0),
        Alive,
    ),
    (&[Listed(10), Probed(50)], 10, Probe, Some(0), Alive),
    // The lists do not touch each other.
    (&[Listed(10), InService(false)], 10, No, Some(1), Alive),
    (
        &[Listed(10), InService(false), Probing(10), InService(true)],
        10,
        Probe,
        Some(0),
        Alive,
    ),
    (
        &[Listed(10), Step::Detected(Dead), Probing(10)],
        10,
        No,
        Some(2),
        Dead,
    ),
    (
        &[Listed(10), Step::Detected(Dead), Step::Detected(Alive)],
        9,
        No,
        Some(0),
        Alive,
    ),
    (
        &[Listed(10), Step::Detected(Dead), Cleared],
        10,
        No,
        Some(2),
        Dead,
    ),
    (&[InService(false), Cleared], 0, No, Some(1), Alive),
];

#[test]
fn every_step_of_every_list_follows_the_table() {
    for &(steps, now, admission, despair, vital) in TABLE {
        let lists = steps
            .iter()
            .fold(Lists::default(), |lists, &step| take(lists, step));
        assert_eq!(lists.admits(now), admission, "{steps:?} at {now}");
        assert_eq!(
            (lists.despair(), lists.vital()),
            (despair, vital),
            "{steps:?}"
        );
        assert_eq!(lists, Lists::from_word(lists.word()));
    }
}
