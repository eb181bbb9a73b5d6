//! The tables that a run ends in: medians of ratios within one round, losses included.

use crate::cell::Measured;
use crate::idle::Idle;
use crate::statistics::median;
use crate::target::{DIRECT, HAPROXY, ODP};
use serde::Serialize;
use std::fmt::Write as _;

/// The medians of one target in one cell.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// What stands behind the proxies.
    pub backend: &'static str,
    /// The work.
    pub workload: &'static str,
    /// How many clients do it.
    pub clients: usize,
    /// The target.
    pub target: String,
    /// Units of work a second.
    pub per_second: f64,
    /// The same as a part of what the server itself does, within one round.
    pub of_direct: Option<f64>,
    /// Latency added to the direct one within one round, in microseconds: p50, p95, p99.
    pub added_us: Option<[f64; 3]>,
    /// CPU time for each unit of work in microseconds: user, kernel.
    pub cpu_us: Option<[f64; 2]>,
    /// The CPU time as a multiple of `HAProxy`'s, within one round.
    pub cpu_of_haproxy: Option<f64>,
    /// Units of work a second as a multiple of `HAProxy`'s, within one round.
    pub rate_of_haproxy: Option<f64>,
    /// System calls for each unit of work.
    pub syscalls: Option<f64>,
    /// Resident memory of the proxy in MB.
    pub rss_mb: Option<f64>,
    /// How much of the machine others used, in percent: the median and the worst turn.
    pub others_percent: [f64; 2],
}

/// The lines of one cell, in the order of the targets.
#[must_use]
pub fn lines(backend: &'static str, measured: &Measured) -> Vec<Line> {
    let mut names: Vec<&str> = Vec::new();
    for sample in &measured.samples {
        if !names.contains(&sample.target.as_str()) {
            names.push(&sample.target);
        }
    }
    names
        .into_iter()
        .map(|name| line(backend, measured, name))
        .collect()
}

fn line(backend: &'static str, measured: &Measured, name: &str) -> Line {
    let rounds = || {
        let of = move |target: &'static str| {
            let samples = &measured.samples;
            move |round| {
                samples
                    .iter()
                    .find(move |sample| sample.target == target && sample.round == round)
            }
        };
        let own = measured.samples.iter().filter(|s| s.target == name);
        own.map(move |sample| (sample, of(DIRECT)(sample.round), of(HAPROXY)(sample.round)))
    };
    let added = |at: usize| {
        median(rounds().filter_map(|(own, direct, _)| {
            Some(own.latency_us.get(at)? - direct?.latency_us.get(at)?)
        }))
    };
    let is_proxy = name != DIRECT;
    let added = [added(0), added(1), added(2)];
    let cpu = [
        median(rounds().filter_map(|(own, ..)| own.user_us)),
        median(rounds().filter_map(|(own, ..)| own.system_us)),
    ];
    let others = || rounds().map(|(own, ..)| own.others_percent);
    let calls = measured.syscalls.iter().find(|(target, _)| target == name);
    Line {
        backend,
        workload: measured.cell.workload.name(),
        clients: measured.cell.clients,
        target: name.to_owned(),
        per_second: median(rounds().map(|(own, ..)| own.per_second)).unwrap_or_default(),
        of_direct: median(
            rounds().filter_map(|(own, direct, _)| Some(own.per_second / direct?.per_second)),
        ),
        added_us: all(added).filter(|_| is_proxy),
        cpu_us: all(cpu),
        cpu_of_haproxy: median(
            rounds().filter_map(|(own, _, haproxy)| Some(own.cpu_us()? / haproxy?.cpu_us()?)),
        ),
        rate_of_haproxy: median(
            rounds().filter_map(|(own, _, haproxy)| Some(own.per_second / haproxy?.per_second)),
        ),
        syscalls: calls.and_then(|(_, count)| *count),
        rss_mb: median(rounds().filter_map(|(own, ..)| megabytes(own.rss_kb?))),
        others_percent: [
            median(others()).unwrap_or_default(),
            others().fold(0.0, f64::max),
        ],
    }
}

fn all<const N: usize>(values: [Option<f64>; N]) -> Option<[f64; N]> {
    values
        .iter()
        .all(Option::is_some)
        .then(|| values.map(Option::unwrap_or_default))
}

fn megabytes(kb: u64) -> Option<f64> {
    u32::try_from(kb).ok().map(|kb| f64::from(kb) / 1024.0)
}

/// The lines as a Markdown table.
#[must_use]
pub fn markdown(lines: &[Line]) -> String {
    let mut out = String::from(
        "| behind | work | clients | through | per s | of direct | added µs p50 / p95 / p99 | CPU µs user + kernel | CPU × HAProxy | calls | RSS MB | others busy % |\n\
         |---|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for line in lines {
        let added = line
            .added_us
            .map_or_else(none, |[a, b, c]| format!("{a:.0} / {b:.0} / {c:.0}"));
        let cpu = line.cpu_us.map_or_else(none, |[user, kernel]| {
            format!("{:.1} = {user:.1} + {kernel:.1}", user + kernel)
        });
        let [others, worst] = line.others_percent;
        writeln!(
            out,
            "| {} | {} | {} | {} | {:.0} | {} | {added} | {cpu} | {} | {} | {} | {others:.0} (≤ {worst:.0}) |",
            line.backend,
            line.workload,
            line.clients,
            line.target,
            line.per_second,
            number(line.of_direct),
            number(line.cpu_of_haproxy),
            number(line.syscalls),
            line.rss_mb.map_or_else(none, |mb| format!("{mb:.0}")),
        )
        .expect("writing to a string does not fail");
    }
    out
}

fn none() -> String {
    "–".to_owned()
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(none, |value| format!("{value:.2}"))
}

/// One line a cell, odp beside `HAProxy`: the short form of the table.
#[must_use]
pub fn summary(lines: &[Line]) -> String {
    let mut out = String::from(
        "| behind | work | clients | per s: direct, odp, HAProxy | added p50 µs: odp, HAProxy | added p99 µs: odp, HAProxy | CPU µs: odp, HAProxy | odp × HAProxy | others busy % |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut rest = lines;
    while let Some(first) = rest.first() {
        let of_cell = |line: &&Line| {
            (line.backend, line.workload, line.clients)
                == (first.backend, first.workload, first.clients)
        };
        let count = rest.iter().take_while(of_cell).count();
        let (cell, others) = rest.split_at(count);
        rest = others;
        let find = |name| cell.iter().find(|line| line.target == name);
        let (odp, haproxy) = (find(ODP), find(HAPROXY));
        let pair = |value: &dyn Fn(&Line) -> Option<String>| {
            [odp, haproxy]
                .map(|line| line.and_then(value).unwrap_or_else(none))
                .join(", ")
        };
        let added =
            |at: usize| move |line: &Line| Some(format!("{:.0}", line.added_us.as_ref()?.get(at)?));
        writeln!(
            out,
            "| {} | {} | {} | {}, {} | {} | {} | {} | {} | {:.0} |",
            first.backend,
            first.workload,
            first.clients,
            find(DIRECT).map_or_else(none, |line| format!("{:.0}", line.per_second)),
            pair(&|line| Some(format!("{:.0}", line.per_second))),
            pair(&added(0)),
            pair(&added(2)),
            pair(&|line| Some(format!("{:.1}", line.cpu_us?.iter().sum::<f64>()))),
            number(odp.and_then(|line| line.cpu_of_haproxy)),
            first.others_percent[0],
        )
        .expect("writing to a string does not fail");
    }
    out
}

/// Where odp does worse than `HAProxy`: more CPU time, or fewer units of work.
#[must_use]
pub fn losses(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines.iter().filter(|line| line.target == ODP) {
        let mut parts = Vec::new();
        if let Some(ratio) = line.cpu_of_haproxy.filter(|ratio| *ratio > 1.0) {
            parts.push(format!("{ratio:.2} × the CPU time"));
        }
        if let Some(ratio) = line.rate_of_haproxy.filter(|ratio| *ratio < 1.0) {
            parts.push(format!("{ratio:.2} × the rate"));
        }
        if !parts.is_empty() {
            writeln!(
                out,
                "- {}, {}, {} clients: {} of HAProxy",
                line.backend,
                line.workload,
                line.clients,
                parts.join(" and ")
            )
            .expect("writing to a string does not fail");
        }
    }
    if out.is_empty() {
        out.push_str("- none\n");
    }
    out
}

/// The memory of idle clients as a Markdown table.
#[must_use]
pub fn idle_markdown(measured: &[Idle]) -> String {
    let mut out =
        String::from("| through | idle clients | kB each | RSS MB |\n|---|--:|--:|--:|\n");
    for idle in measured {
        let rss = megabytes(idle.with_kb).unwrap_or_default();
        writeln!(
            out,
            "| {} | {} | {:.1} | {rss:.0} |",
            idle.target,
            idle.clients,
            idle.each_kb(),
        )
        .expect("writing to a string does not fail");
    }
    out
}
