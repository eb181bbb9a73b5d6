//! Which cells a run consists of.

use crate::cell::{Cell, Effort};
use crate::workload::Workload;
use std::time::Duration;

/// What the command line says of a run.
#[derive(Debug, Clone, clap::Args)]
pub struct Plan {
    /// A short form for CI: two cells, three rounds.
    #[arg(long)]
    quick: bool,
    /// Rounds; in each, every target has its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of one turn.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Numbers of clients, instead of those that belong to each workload.
    #[arg(long, value_delimiter = ',')]
    clients: Vec<usize>,
    /// Workloads, instead of all.
    #[arg(long, value_delimiter = ',', value_enum)]
    workloads: Vec<Workload>,
}

/// Every workload with the numbers of clients that it is run with. Idle clients come first, while the
/// proxies are still as small as they start.
const ALL: [(Workload, &[usize]); 7] = [
    (Workload::Idle, &[1000]),
    (Workload::Point, &[1, 16, 64, 256, 1000]),
    (Workload::Prepared, &[64]),
    (Workload::ReadWrite, &[64]),
    (Workload::Wide, &[64]),
    (Workload::Huge, &[1]),
    (Workload::Connect, &[16]),
];

const QUICK: [(Workload, &[usize]); 2] = [(Workload::Point, &[64]), (Workload::ReadWrite, &[16])];

impl Plan {
    /// How long and how often.
    #[must_use]
    pub fn effort(&self) -> Effort {
        const QUICK: Effort = Effort {
            rounds: 3,
            turn: Duration::from_millis(300),
        };
        if self.quick {
            QUICK
        } else {
            Effort {
                rounds: self.rounds.max(1),
                turn: Duration::from_secs_f64(self.seconds.clamp(0.05, 3600.0)),
            }
        }
    }

    /// The cells in the order in which they are run.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let all: &[_] = if self.quick { &QUICK } else { &ALL };
        let wanted = |workload| self.workloads.is_empty() || self.workloads.contains(&workload);
        let mut cells = Vec::new();
        for &(workload, usual) in all.iter().filter(|(workload, _)| wanted(*workload)) {
            let clients = if self.clients.is_empty() {
                usual
            } else {
                &self.clients
            };
            cells.extend(clients.iter().map(|&clients| Cell { workload, clients }));
        }
        cells
    }
}
