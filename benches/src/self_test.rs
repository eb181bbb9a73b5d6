//! Whether the driver can be believed: it finds a slowdown put in on purpose and calls equal things equal.

use crate::Error;
use crate::backend::Backend;
use crate::cell::{Cell, Effort, Sample};
use crate::statistics::median;
use crate::target::{RelayKind, Target};
use crate::workload::Workload;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// What is put in for each query.
const SPIN: Duration = Duration::from_micros(2);
/// How far the slowdown found may lie from the one put in, in microseconds of CPU time a query.
const FOUND_WITHIN_US: f64 = 1.0;
/// How far two equal proxies may seem apart.
const EQUAL_WITHIN: f64 = 0.03;

/// Up to which share of the machine in other hands, in percent, rates are judged; above it they say more
/// about the others. CPU time is judged always.
const QUIET_PERCENT: f64 = 20.0;

/// Two targets compared within rounds.
#[derive(Debug)]
struct Comparison {
    /// The second's rate as a multiple of the first's.
    rate: f64,
    /// The second's CPU time as a multiple of the first's.
    cpu: f64,
    /// The second's CPU time more than the first's, in microseconds.
    added_us: f64,
    /// How much of the machine others used, in percent.
    others_percent: f64,
}

/// Runs both tests and gives what they found as text.
///
/// # Errors
/// [`Error::SelfTest`] with the same text when one of them is not passed.
pub fn run(odp: &Path, effort: Effort) -> Result<String, Error> {
    let backend = Backend::observer(&[])?;
    let cell = Cell {
        workload: Workload::Point,
        clients: 64,
    };
    let mut text = String::new();
    let slow = {
        let relay = |name, spin| Target::relay(RelayKind::CurrentThread, name, &backend, spin);
        let targets = [relay("relay", Duration::ZERO)?, relay("slow relay", SPIN)?];
        compare(cell, &backend, &targets, effort)?
    };
    let found = (slow.added_us - micros(SPIN)).abs() <= FOUND_WITHIN_US;
    slow.tell(
        &mut text,
        "a relay against itself with a spin of 2 µs a query",
        found,
    );
    let equal = {
        let odp = |name| {
            let refused = || Error::Usage("odp refuses its configuration".to_owned());
            Target::odp(odp, &backend, name)?.ok_or_else(refused)
        };
        let targets = [odp("odp")?, odp("second odp")?];
        compare(cell, &backend, &targets, effort)?
    };
    let near = |ratio: f64| (ratio - 1.0).abs() <= EQUAL_WITHIN;
    let is_quiet = equal.others_percent <= QUIET_PERCENT;
    let called_equal = near(equal.cpu) && (near(equal.rate) || !is_quiet);
    equal.tell(&mut text, "odp against a second odp", called_equal);
    if !is_quiet {
        text.push_str("the rates were not judged: others use too much of the machine\n");
    }
    if found && called_equal {
        Ok(text)
    } else {
        Err(Error::SelfTest(text))
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn compare(
    cell: Cell,
    backend: &Backend,
    targets: &[Target; 2],
    effort: Effort,
) -> Result<Comparison, Error> {
    let mut samples = Vec::new();
    for round in 0..effort.rounds {
        samples.extend(cell.round(backend, targets, round, effort.turn)?);
    }
    let [first, second] = targets;
    let of = |round: usize, target: &Target, value: fn(&Sample) -> f64| {
        let of = |s: &&Sample| s.round == round && s.target == target.name;
        samples.iter().find(of).map(value).unwrap_or_default()
    };
    let over =
        |each: &dyn Fn(usize) -> f64| median((0..effort.rounds).map(each)).unwrap_or_default();
    let rate: fn(&Sample) -> f64 = |sample| sample.per_second;
    let cpu: fn(&Sample) -> f64 = |sample| sample.cpu_us().unwrap_or_default();
    Ok(Comparison {
        rate: over(&|round| of(round, second, rate) / of(round, first, rate)),
        cpu: over(&|round| of(round, second, cpu) / of(round, first, cpu)),
        added_us: over(&|round| of(round, second, cpu) - of(round, first, cpu)),
        others_percent: median(samples.iter().map(|s| s.others_percent)).unwrap_or_default(),
    })
}

impl Comparison {
    fn tell(&self, text: &mut String, what: &str, passed: bool) {
        writeln!(
            text,
            "{what}: rate × {:.3}, CPU time × {:.3} ({:+.2} µs a query), others busy {:.0} %: {}",
            self.rate,
            self.cpu,
            self.added_us,
            self.others_percent,
            if passed { "passed" } else { "NOT passed" },
        )
        .expect("writing to a string does not fail");
    }
}
