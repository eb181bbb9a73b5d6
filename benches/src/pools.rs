//! What pooling saves where clients connect for one statement, in front of the real engine.

use crate::Error;
use crate::backend::Backend;
use crate::cell::{Cell, Effort, Sample};
use crate::statistics::median;
use crate::target::{DIRECT, Target};
use crate::workload::Workload;
use odp_tests::mysql::Connection;
use std::fmt::Write as _;
use std::path::Path;

/// How many clients connect at a time.
const CLIENTS: [usize; 2] = [1, 16];
const OFF: &str = "odp, off";
const POOLED: &str = "odp, session";
/// What is asked of a warm pool: visits as a multiple of those without one.
const ASKED: f64 = 3.0;

/// Lets clients connect, select and quit directly, through odp without pooling and through odp with a
/// warm pool, in turns, and gives a table.
///
/// # Errors
/// When the engine cannot be had or a client cannot do its work.
pub fn run(odp: &Path, effort: Effort) -> Result<String, Error> {
    let backend = Backend::seekdb()?;
    let refused = || Error::Usage("odp refuses its configuration".to_owned());
    let through = |name, mode| {
        Target::odp_with(odp, &backend, name, &[("pool_mode", mode)])?.ok_or_else(refused)
    };
    let targets = [
        Target::direct(&backend),
        through(OFF, "\"off\"")?,
        through(POOLED, "\"session\"")?,
    ];
    let mut text = String::from(
        "| clients | through | visits per s | of direct | of unpooled | p50 µs | p99 µs | proxy CPU µs | others busy % |\n\
         |--:|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for clients in CLIENTS {
        let workload = Workload::Visit;
        let cell = Cell { workload, clients };
        // The first visits find an empty pool.
        cell.round(&backend, &targets, 0, effort.turn)?;
        let mut samples = Vec::new();
        for round in 0..effort.rounds {
            samples.extend(cell.round(&backend, &targets, round, effort.turn)?);
        }
        for target in &targets {
            line(&mut text, clients, target, &samples);
        }
    }
    let pooled = targets.get(2..).unwrap_or_default();
    let logins = logins_while(&backend, || {
        let workload = Workload::Visit;
        let clients = 16;
        let cell = Cell { workload, clients };
        cell.round(&backend, pooled, 0, effort.turn).map(drop)
    })?;
    writeln!(
        text,
        "\nlogins at the engine while {POOLED} was at work alone: {logins}; asked of it: {ASKED} × unpooled"
    )
    .expect("writing to a string does not fail");
    Ok(text)
}

fn line(text: &mut String, clients: usize, target: &Target, samples: &[Sample]) {
    let of = |name: &str, round: usize| {
        let is_it = |sample: &&Sample| sample.target == name && sample.round == round;
        samples.iter().find(is_it).map(|sample| sample.per_second)
    };
    let own = || samples.iter().filter(|it| it.target == target.name);
    let middle = |value: fn(&Sample) -> f64| median(own().map(value)).unwrap_or_default();
    let ratio = |name: &str| {
        let ratios = own().filter_map(|it| Some(it.per_second / of(name, it.round)?));
        median(ratios).unwrap_or_default()
    };
    writeln!(
        text,
        "| {clients} | {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} |",
        target.name,
        middle(|it| it.per_second),
        ratio(DIRECT),
        ratio(OFF),
        middle(|it| it.latency_us[0]),
        middle(|it| it.latency_us[2]),
        middle(|it| it.cpu_us().unwrap_or_default()),
        middle(|it| it.others_percent),
    )
    .expect("writing to a string does not fail");
}

/// How many logins the engine itself counts while `work` runs.
fn logins_while(backend: &Backend, work: impl FnOnce() -> Result<(), Error>) -> Result<u64, Error> {
    let port = backend.addrs.first().map_or(0, std::net::SocketAddr::port);
    let mut root = Connection::login(port, "root", "")?;
    let mut count = || {
        const COUNTER: &str =
            "SELECT value FROM oceanbase.gv$sysstat WHERE name = 'user logons cumulative'";
        let rows = root.query(COUNTER)?;
        let value = rows
            .first()
            .and_then(|row| row.first()?.as_deref()?.parse().ok());
        value.ok_or_else(|| Error::Usage(format!("the engine does not count logins: {rows:?}")))
    };
    let before: u64 = count()?;
    work()?;
    Ok(count()? - before)
}
