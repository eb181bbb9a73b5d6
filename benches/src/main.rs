//! The command line of the end-to-end benchmark.

use clap::{Parser, Subcommand};
use odp_benches::backend::Backend;
use odp_benches::cell::Cell;
use odp_benches::idle::Idle;
use odp_benches::plan::Plan;
use odp_benches::relay::{self, Task};
use odp_benches::report::{self, Line};
use odp_benches::target::{ODP, Peer, RelayKind, Target};
use odp_benches::workload::Workload;
use odp_benches::{Error, observer, pools, self_test};
use odp_tests::workspace;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What a query costs: directly, through odp and through every peer on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Run the benchmark and print a Markdown table.
    Run(Run),
    /// Show that the driver finds a slowdown put in on purpose and calls equal things equal.
    SelfTest {
        #[command(flatten)]
        plan: Plan,
        /// The binary to start; built from the workspace when it is not given.
        #[arg(long)]
        odp: Option<PathBuf>,
    },
    /// What pooling saves where clients connect for one statement, in front of the real engine.
    Pools {
        #[command(flatten)]
        plan: Plan,
        /// The binary to start; built from the workspace when it is not given.
        #[arg(long)]
        odp: Option<PathBuf>,
    },
    /// Be the fake OBServer on these ports (started by the driver).
    #[command(hide = true)]
    Observer { ports: Vec<u16> },
    /// Be a relay in front of these servers (started by the driver).
    #[command(hide = true)]
    Relay {
        #[arg(long, value_enum)]
        kind: RelayKind,
        #[arg(long)]
        port: u16,
        #[arg(long, default_value_t = 0)]
        spin_us: u64,
        servers: Vec<SocketAddr>,
    },
}

#[derive(Debug, clap::Args)]
struct Run {
    #[command(flatten)]
    plan: Plan,
    /// Another proxy in front of the fake OBServer: name=host:port, or name=host:port@pid for its CPU
    /// time and memory.
    #[arg(long, requires = "observer_ports")]
    peer: Vec<Peer>,
    /// Where the fake OBServer listens, for a peer that must be told: three ports.
    #[arg(long, value_delimiter = ',')]
    observer_ports: Vec<u16>,
    /// The odp binary to start; built from the workspace when it is not given.
    #[arg(long)]
    odp: Option<PathBuf>,
    /// A file for every turn and every line of the table, as JSON lines.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Leave MariaDB out.
    #[arg(long)]
    no_mariadb: bool,
    /// Leave the fake OBServer out.
    #[arg(long)]
    no_observer: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse().role) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "odp-benches: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

fn run(role: Role) -> Result<(), Error> {
    relay::raise_descriptor_limit()?;
    match role {
        Role::Run(arguments) => Driver::new(arguments)?.run(),
        Role::SelfTest { plan, odp } => {
            let odp = odp.map_or_else(workspace::odp, Ok)?;
            say(&self_test::run(&odp, plan.effort())?)
        }
        Role::Pools { plan, odp } => {
            let odp = odp.map_or_else(workspace::odp, Ok)?;
            say(&pools::run(&odp, plan.effort())?)
        }
        Role::Observer { ports } => observer::run(&ports),
        Role::Relay {
            kind,
            port,
            spin_us,
            servers,
        } => {
            let task = Task {
                port,
                servers,
                spin: Duration::from_micros(spin_us),
            };
            match kind {
                RelayKind::Blocking => relay::blocking::run(task),
                RelayKind::CurrentThread => relay::current_thread::run(task),
            }
        }
    }
}

struct Driver {
    arguments: Run,
    odp: PathBuf,
    json: Option<File>,
    lines: Vec<Line>,
    idle: Vec<Idle>,
}

impl Driver {
    fn new(arguments: Run) -> Result<Self, Error> {
        let odp = arguments.odp.clone().map_or_else(workspace::odp, Ok)?;
        let json = arguments.json.as_ref().map(File::create).transpose();
        Ok(Self {
            json: json.map_err(Error::io("create the file for JSON lines"))?,
            arguments,
            odp,
            lines: Vec::new(),
            idle: Vec::new(),
        })
    }

    fn run(mut self) -> Result<(), Error> {
        if !self.arguments.no_observer {
            let backend = Backend::observer(&self.arguments.observer_ports)?;
            self.against(&backend, &self.arguments.peer.clone())?;
        }
        if !self.arguments.no_mariadb {
            match Backend::mariadb()? {
                Some(backend) => self.against(&backend, &[])?,
                None => note("not run: MariaDB is not installed"),
            }
        }
        say(&report::markdown(&self.lines))?;
        say(&format!("\n{}", report::summary(&self.lines)))?;
        say(&format!(
            "\nWhere odp does worse than HAProxy:\n\n{}",
            report::losses(&self.lines)
        ))?;
        if !self.idle.is_empty() {
            say(&format!("\n{}", report::idle_markdown(&self.idle)))?;
        }
        Ok(())
    }

    fn against(&mut self, backend: &Backend, peers: &[Peer]) -> Result<(), Error> {
        let Some(targets) = self.targets(backend, peers)? else {
            note(&format!(
                "not run: this odp does not take the configuration for {}",
                backend.name
            ));
            return Ok(());
        };
        for cell in self.arguments.plan.cells() {
            note(&format!(
                "{}: {}, {} clients",
                backend.name,
                cell.workload.name(),
                cell.clients
            ));
            // One cell that cannot be run costs no other.
            if let Err(error) = self.cell(backend, &targets, cell) {
                self.record(
                    &json!({ "backend": backend.name, "cell": cell, "not_run": error.to_string() }),
                )?;
                note(&format!("not run: {error}"));
            }
        }
        Ok(())
    }

    fn cell(&mut self, backend: &Backend, targets: &[Target], cell: Cell) -> Result<(), Error> {
        if cell.workload == Workload::Idle {
            for target in targets.iter().filter(|target| target.root.is_some()) {
                let idle = Idle::measure(backend, target, cell.clients)?;
                self.record(&json!({ "backend": backend.name, "idle": idle }))?;
                self.idle.push(idle);
            }
            return Ok(());
        }
        let measured = cell.measure(backend, targets, self.arguments.plan.effort())?;
        for sample in &measured.samples {
            self.record(&json!({ "backend": backend.name, "cell": cell, "turn": sample }))?;
        }
        let lines = report::lines(backend.name, &measured);
        for line in &lines {
            self.record(&json!({ "line": line }))?;
        }
        self.lines.extend(lines);
        Ok(())
    }

    /// Everything that is there; `None` when odp cannot stand in front of this server.
    fn targets(&self, backend: &Backend, peers: &[Peer]) -> Result<Option<Vec<Target>>, Error> {
        let relay = |kind, name| Target::relay(kind, name, backend, Duration::ZERO);
        let mut targets = vec![Target::direct(backend)];
        let Some(odp) = Target::odp(&self.odp, backend, ODP)? else {
            return Ok(None);
        };
        targets.push(odp);
        match Target::haproxy(backend)? {
            Some(haproxy) => targets.push(haproxy),
            None => note("not run: HAProxy is not installed"),
        }
        targets.push(relay(RelayKind::Blocking, "bare relay")?);
        targets.push(relay(RelayKind::CurrentThread, "tokio relay")?);
        targets.extend(peers.iter().map(Target::peer));
        Ok(Some(targets))
    }

    fn record(&mut self, line: &serde_json::Value) -> Result<(), Error> {
        match &mut self.json {
            Some(file) => writeln!(file, "{line}").map_err(Error::io("write JSON lines")),
            None => Ok(()),
        }
    }
}

fn say(text: &str) -> Result<(), Error> {
    writeln!(std::io::stdout(), "{}", text.trim_end_matches('\n'))
        .map_err(Error::io("write to stdout"))
}

/// Progress; nobody needs it.
fn note(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}
