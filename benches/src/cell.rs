//! One cell of the table: a workload with a number of clients, run against every target in turn.

use crate::Error;
use crate::backend::Backend;
use crate::load::Clients;
use crate::machine::Machine;
use crate::processes::{self, Cpu, TICKS_PER_SECOND};
use crate::statistics::Latencies;
use crate::syscalls::Counter;
use crate::target::Target;
use crate::workload::Workload;
use serde::Serialize;
use std::time::Duration;

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The work.
    pub workload: Workload,
    /// The clients that do it at the same time.
    pub clients: usize,
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// The rounds; in each, every target has its turn.
    pub rounds: usize,
    /// How long each target works in a round.
    pub turn: Duration,
}

/// One turn of one target.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// The target.
    pub target: String,
    /// From 0.
    pub round: usize,
    /// Units of work a second.
    pub per_second: f64,
    /// Latency in microseconds: the median, the 95th and the 99th percentile.
    pub latency_us: [f64; 3],
    /// The proxy's CPU time for each unit of work in user mode, in microseconds; `None` without a
    /// proxy.
    pub user_us: Option<f64>,
    /// Likewise in the kernel.
    pub system_us: Option<f64>,
    /// The proxy's resident memory in kB with all clients connected.
    pub rss_kb: Option<u64>,
    /// How much of the machine others used during the round, in percent.
    pub others_percent: f64,
}

/// Everything that was measured of one cell.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The cell.
    pub cell: Cell,
    /// All turns, in the order in which they were taken.
    pub samples: Vec<Sample>,
    /// System calls for each unit of work by target, where they can be counted.
    pub syscalls: Vec<(String, Option<f64>)>,
}

/// One target's part of a round.
struct Turn<'a> {
    target: &'a Target,
    clients: Clients,
    pids: Vec<u32>,
    before: Cpu,
    elapsed: Duration,
    latencies: Latencies,
}

/// How long one target works before the next one does: short, so that all see the same machine, and so
/// that no proxy takes its clients for idle in between.
const SLICE: Duration = Duration::from_millis(80);

/// How long system calls are counted.
const COUNTED: Duration = Duration::from_millis(500);

impl Sample {
    /// User and kernel together.
    #[must_use]
    pub fn cpu_us(&self) -> Option<f64> {
        Some(self.user_us? + self.system_us?)
    }
}

impl Cell {
    /// Runs it against every target, round after round.
    ///
    /// # Errors
    /// When a client cannot do its work.
    pub fn measure(
        self,
        backend: &Backend,
        targets: &[Target],
        effort: Effort,
    ) -> Result<Measured, Error> {
        let mut samples = Vec::new();
        for round in 0..effort.rounds {
            samples.extend(self.round(backend, targets, round, effort.turn)?);
        }
        let mut syscalls = Vec::new();
        for target in targets.iter().filter(|target| target.root.is_some()) {
            syscalls.push((target.name.clone(), self.syscalls(backend, target)?));
        }
        Ok(Measured {
            cell: self,
            samples,
            syscalls,
        })
    }

    fn open<'a>(self, backend: &Backend, target: &'a Target) -> Result<Turn<'a>, Error> {
        let clients = Clients::open(self.workload, self.clients, &target.addrs, &backend.login)?;
        let pids = target.pids();
        Ok(Turn {
            target,
            clients,
            before: processes::cpu(&pids),
            pids,
            elapsed: Duration::ZERO,
            latencies: Latencies::default(),
        })
    }

    /// One round: the targets take turns in slices, A B B A, so that whatever else the machine does
    /// hits all alike. A proxy that has no turn is idle, so its CPU time is that of its turns.
    ///
    /// # Errors
    /// When a client cannot do its work.
    pub fn round(
        self,
        backend: &Backend,
        targets: &[Target],
        round: usize,
        turn: Duration,
    ) -> Result<Vec<Sample>, Error> {
        let opened = targets.iter().map(|target| self.open(backend, target));
        let mut turns = opened.collect::<Result<Vec<_>, _>>()?;
        for turn in &mut turns {
            turn.clients.work(SLICE)?;
        }
        let mut ours = vec![std::process::id(), backend.pid()];
        for turn in &mut turns {
            turn.before = processes::cpu(&turn.pids);
            ours.extend(&turn.pids);
        }
        let before = (Machine::read(), processes::cpu(&ours));
        while turns.iter().any(|each| each.elapsed < turn) {
            for each in &mut turns {
                each.work()?;
            }
            for each in turns.iter_mut().rev() {
                each.work()?;
            }
        }
        let own = processes::cpu(&ours).since(before.1).total();
        let others_percent = Machine::read().others_percent(before.0, own);
        let sample = |turn: Turn<'_>| turn.sample(round, others_percent);
        Ok(turns.into_iter().map(sample).collect())
    }

    /// System calls for each unit of work, in a short run of their own.
    fn syscalls(self, backend: &Backend, target: &Target) -> Result<Option<f64>, Error> {
        let mut turn = self.open(backend, target)?;
        turn.clients.work(SLICE)?;
        let Some(counter) = Counter::start(&turn.pids) else {
            return Ok(None);
        };
        let outcome = turn.clients.work(COUNTED)?;
        #[expect(clippy::cast_precision_loss, reason = "a run has few units")]
        let units = outcome.latencies.count().max(1) as f64;
        Ok(counter.finish().map(|calls| calls / units))
    }
}

impl Turn<'_> {
    fn work(&mut self) -> Result<(), Error> {
        let outcome = self.clients.work(SLICE)?;
        self.elapsed += outcome.elapsed;
        self.latencies.add(outcome.latencies);
        Ok(())
    }

    fn sample(self, round: usize, others_percent: f64) -> Sample {
        let cpu = processes::cpu(&self.pids).since(self.before);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a turn has few ticks and few units"
        )]
        let (user, system, units) = (
            cpu.user as f64,
            cpu.system as f64,
            self.latencies.count().max(1) as f64,
        );
        let each = |ticks: f64| ticks / TICKS_PER_SECOND * 1e6 / units;
        let is_proxy = !self.pids.is_empty();
        Sample {
            target: self.target.name.clone(),
            round,
            per_second: units / self.elapsed.as_secs_f64(),
            latency_us: self.latencies.percentiles([50, 95, 99]),
            user_us: is_proxy.then(|| each(user)),
            system_us: is_proxy.then(|| each(system)),
            rss_kb: is_proxy.then(|| processes::rss_kb(&self.pids)),
            others_percent,
        }
    }
}
