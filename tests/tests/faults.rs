//! One server of three gets sick under 64 clients of mixed load, in every way that it can; what that
//! costs the clients, how soon no request goes there any more, and how soon it is back in service.
//!
//! In release, or with `ODP_LONG=1`, with the defaults of the proxy and the bounds that it must keep; else
//! shorter, with shorter intervals, and with the times only shown.

use odp_tests::load::{Deed, End, Event, Load};
use odp_tests::network::{Network, here, rerun_in_own_network};
use odp_tests::traffic::{Sign, Traffic, last_of_a_crowd};
use odp_tests::{Failure, Sandbox, Timer, wait, workspace};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

#[test]
fn a_sick_server_costs_no_read_and_soon_no_time() -> Result<(), Failure> {
    let _timer = Timer::start();
    workspace::odp()?;
    if let Some(status) = rerun_in_own_network("a_sick_server_costs_no_read_and_soon_no_time")? {
        assert!(status.success(), "{status}");
        return Ok(());
    }
    let form = Form::of_this_run();
    let world = World::start(&form)?;
    let mut wrong = Vec::new();
    say(HEAD);
    for case in cases() {
        match world.run(&case, &form)? {
            Some(figures) => {
                say(&figures.row(case.name));
                wrong.extend(figures.wrong(&case, &form));
            }
            None => say(&format!(
                "| {} | NOT RUN: packets cannot be dropped here |",
                case.name
            )),
        }
    }
    wrong.extend(world.all_at_once(&form)?);
    world.load.stop()?;
    assert!(
        wrong.is_empty(),
        "{}\n{}",
        wrong.join("\n"),
        world.sandbox.evidence()
    );
    Ok(())
}

/// What is asked of this run.
struct Form {
    parameters: &'static [&'static str],
    /// How long a fault lasts.
    hold: Duration,
    /// Between two deeds of a client.
    pause: Duration,
    /// The bounds on times are asserted.
    bounds: Bounds,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bounds {
    /// Shown, and held where a machine must be broken to miss them.
    Generous,
    /// Those of the proxy's documentation.
    Real,
}

impl Form {
    fn of_this_run() -> Self {
        if cfg!(debug_assertions) && !workspace::long() {
            return Self {
                parameters: &[
                    "congestion_retry_interval=1s",
                    "min_keep_congestion_interval=1s",
                    "server_state_refresh_interval=1s",
                ],
                hold: Duration::from_secs(1),
                pause: Duration::from_millis(80),
                bounds: Bounds::Generous,
            };
        }
        let (pause, bounds) = if cfg!(debug_assertions) {
            (80, Bounds::Generous)
        } else {
            (40, Bounds::Real)
        };
        Self {
            parameters: &[],
            hold: Duration::from_secs(5),
            pause: Duration::from_millis(pause),
            bounds,
        }
    }
}

/// A way to be sick.
struct Case {
    name: &'static str,
    /// What is brought about.
    fault: Value,
    sign: Seen,
    /// How soon no request may go there any more.
    gone: Option<Duration>,
}

/// How requests to the sick server are seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Kernel(Sign),
    /// By the server's own count; requests may or must go on.
    Count(Requests),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Requests {
    MustEnd,
    MayGoOn,
}

/// The view of the cluster is asked for every 20 s.
const VIEW: Option<Duration> = Some(Duration::from_secs(21));

fn cases() -> Vec<Case> {
    let case = |name, fault, sign, gone| Case {
        name,
        fault,
        sign,
        gone,
    };
    let fault = |name: &str| json!({"fault": name});
    let ms = |ms| Some(Duration::from_millis(ms));
    let (refusals, must_end) = (Seen::Kernel(Sign::Refusals), Seen::Count(Requests::MustEnd));
    let may_go_on = Seen::Count(Requests::MayGoOn);
    let inactive = json!({"fault": "status", "status": "INACTIVE"});
    let slow = json!({"fault": "slow", "factor": 50});
    vec![
        case("kill -9", fault("kill"), refusals, ms(50)),
        case("RST storm", fault("reset"), refusals, ms(50)),
        case(
            "black hole",
            fault("black_hole"),
            Seen::Kernel(Sign::Unacknowledged),
            ms(500),
        ),
        case(
            "SIGSTOP",
            fault("stop"),
            Seen::Kernel(Sign::Unread),
            ms(2_000),
        ),
        case("slow x 50", slow, may_go_on, None),
        case("INACTIVE", inactive, must_end, VIEW),
        case("UPGRADE", fault("upgrade"), must_end, VIEW),
        case("major compaction", fault("compaction"), may_go_on, None),
        case("leader move", fault("follow"), may_go_on, None),
        case("node removed", fault("removed"), refusals, None),
    ]
}

/// A cluster with a proxy and its clients.
struct World {
    sandbox: Sandbox,
    load: Load,
    /// The server that gets sick.
    addr: String,
    port: u16,
}

impl World {
    fn start(form: &Form) -> Result<Self, Failure> {
        let sandbox = Sandbox::start_with(form.parameters)?;
        let load = Load::start(sandbox.app(), CLIENTS, form.pause)?;
        let servers = sandbox.servers()?;
        let [_, sick, _] = servers.as_slice() else {
            return Err(Failure::answer("three servers", format!("{servers:?}")));
        };
        let (addr, port) = (sick.addr.clone(), sick.port);
        let world = Self {
            sandbox,
            load,
            addr,
            port,
        };
        let mut logins = 0;
        wait::until_true("a login of every client", BACK, || {
            let events = world.load.take();
            let is_login = |event: &&Event| event.deed == Deed::Login && event.end == End::Fine;
            logins += events.iter().filter(is_login).count();
            logins == CLIENTS
        })?;
        world.back_in_service(&world.addr, Instant::now())?;
        Ok(world)
    }

    /// One sickness from its begin to the end of its traces; none when it cannot be had here.
    fn run(&self, case: &Case, form: &Form) -> Result<Option<Figures>, Failure> {
        drop(self.load.take());
        let watch = match case.sign {
            Seen::Kernel(sign) => Some(Traffic::watch(self.port, sign)),
            Seen::Count(_) => None,
        };
        let began = Instant::now();
        let injected = self.sandbox.inject(&self.addr, &case.fault);
        if here() == Network::Shared && case.fault == json!({"fault": "black_hole"}) {
            return Ok(None);
        }
        injected?;
        let gone = match (watch, case.sign) {
            (Some(watch), sign) => {
                wait::pause(form.hold);
                let last = last_of_a_crowd(&watch.seen()?);
                // Elsewhere the refusals of everybody on this machine are counted.
                let shared = here() == Network::Shared && sign == Seen::Kernel(Sign::Refusals);
                (!shared).then(|| last.map_or(Duration::ZERO, |last| last - began))
            }
            (None, Seen::Count(Requests::MustEnd)) => Some(self.last_counted(began)?),
            (None, _) => {
                wait::pause(form.hold);
                None
            }
        };
        let healed = Instant::now();
        self.sandbox.heal(&self.addr)?;
        let back = self.back_in_service(&self.addr, healed)?;
        Ok(Some(Figures::new(
            &self.load.take(),
            &self.addr,
            gone,
            back,
        )))
    }

    /// When the sick server ran its last statement before a second without any.
    fn last_counted(&self, began: Instant) -> Result<Duration, Failure> {
        let (mut count, mut last) = (self.statements(&self.addr)?, Instant::now());
        wait::until("the end of requests to a server", BACK, || {
            let now = self
                .statements(&self.addr)
                .map_err(|error| error.to_string())?;
            if now > count {
                (count, last) = (now, Instant::now());
            }
            if last.elapsed() >= Duration::from_secs(1) {
                return Ok(last - began);
            }
            Err(format!("{count} statements"))
        })
    }

    /// Waits until a server runs statements on tables again; gives the time since `from`.
    fn back_in_service(&self, addr: &str, from: Instant) -> Result<Duration, Failure> {
        let before = self.statements(addr)?;
        wait::until("statements on a server that is well again", BACK, || {
            let now = self.statements(addr).map_err(|error| error.to_string())?;
            if now > before + 3 {
                return Ok(from.elapsed());
            }
            Err(format!("{now} after {before}\n{}", self.sandbox.evidence()))
        })
    }

    /// Statements on tables that a server has run.
    fn statements(&self, addr: &str) -> Result<u64, Failure> {
        let servers = self.sandbox.servers()?;
        let found = servers.iter().find(|server| server.addr == addr);
        let found = found.ok_or_else(|| Failure::answer("a server", format!("{servers:?}")))?;
        Ok(found.leader_hits + found.leader_misses)
    }

    /// A server joins and leads everything; then every server is dead, and one comes back.
    fn all_at_once(&self, form: &Form) -> Result<Vec<String>, Failure> {
        drop(self.load.take());
        let began = Instant::now();
        let added = self
            .sandbox
            .inject("127.0.0.1:0", &json!({"fault": "added"}))?;
        let added = added
            .get("addr")
            .and_then(Value::as_str)
            .unwrap_or_default();
        self.sandbox.inject(added, &json!({"fault": "lead"}))?;
        let served = self.back_in_service(added, began)?;
        self.sandbox.heal(added)?;
        wait::pause(form.hold);
        let figures = Figures::new(&self.load.take(), added, None, served);
        say(&figures.row("node added"));
        let mut wrong = figures.costs("node added");

        let mut servers = self.sandbox.servers()?;
        for server in &servers {
            self.sandbox
                .inject(&server.addr, &json!({"fault": "kill"}))?;
        }
        wait::pause(form.hold);
        drop(self.load.take());
        let first_back = servers.pop().map(|server| server.addr).unwrap_or_default();
        self.sandbox.heal(&first_back)?;
        let first = Instant::now();
        let mut silent = Vec::new();
        let back = wait::until("an answer after all servers were dead", BACK, || {
            let events = self.load.take();
            silent.extend(events.iter().filter_map(silence));
            let fine = events
                .iter()
                .find(|event| event.end == End::Fine && event.began > first);
            let fine = fine.map(|event| event.began + event.took - first);
            fine.ok_or_else(|| self.sandbox.evidence())
        })?;
        say(&format!(
            "all dead, one back: the first answer after {} ms",
            back.as_millis()
        ));
        wrong.extend(silent.into_iter().map(|text| format!("all dead: {text}")));
        if form.bounds == Bounds::Real && back > PROBE_PERIOD {
            wrong.push(format!("all dead: the first answer after {back:?}"));
        }
        for server in &servers {
            self.sandbox.heal(&server.addr)?;
        }
        Ok(wrong)
    }
}

/// What a sickness did.
struct Figures {
    reads: usize,
    read_errors: Vec<String>,
    slowest_read: Duration,
    /// Of writes, of transactions and of logins.
    errors: [Vec<String>; 3],
    /// Neither an answer nor an error.
    silent: Vec<String>,
    /// Errors that do not tell which server it was, or why.
    vague: Vec<String>,
    gone: Option<Duration>,
    back: Duration,
}

impl Figures {
    fn new(events: &[Event], sick: &str, gone: Option<Duration>, back: Duration) -> Self {
        let of = |deed| events.iter().filter(move |event| event.deed == deed);
        let text = |event: &Event| match &event.end {
            End::Error(code, text) => Some(format!("{code} {text}")),
            _ => None,
        };
        Self {
            reads: of(Deed::Read).count(),
            read_errors: of(Deed::Read).filter_map(text).collect(),
            slowest_read: of(Deed::Read)
                .map(|event| event.took)
                .max()
                .unwrap_or_default(),
            errors: [Deed::Write, Deed::Transaction, Deed::Login]
                .map(|deed| of(deed).filter_map(text).collect()),
            silent: events.iter().filter_map(silence).collect(),
            vague: events
                .iter()
                .filter_map(text)
                .filter(|text| !is_clear(text, sick))
                .collect(),
            gone,
            back,
        }
    }

    fn row(&self, name: &str) -> String {
        let [writes, transactions, logins] = &self.errors;
        let mut row = format!("| {name} | {} | {} |", self.reads, self.read_errors.len());
        let gone = self
            .gone
            .map_or("-".to_owned(), |gone| gone.as_millis().to_string());
        write!(
            row,
            " {} | {} | {} | {} | {} | {gone} | {:.1} |",
            self.slowest_read.as_millis(),
            writes.len(),
            transactions.len(),
            logins.len(),
            self.silent.len(),
            self.back.as_secs_f64()
        )
        .ok();
        row
    }

    /// What no sickness may cost.
    fn costs(&self, name: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(first) = self.read_errors.first() {
            let count = self.read_errors.len();
            wrong.push(format!(
                "{name}: {count} reads ended in errors, the first: {first}"
            ));
        }
        if let Some(first) = self.silent.first() {
            let count = self.silent.len();
            wrong.push(format!(
                "{name}: {count} got not exactly one answer or error, the first: {first}"
            ));
        }
        if let Some(first) = self.vague.first() {
            let count = self.vague.len();
            wrong.push(format!(
                "{name}: {count} errors do not tell the server and the reason, the first: {first}"
            ));
        }
        wrong
    }

    fn wrong(&self, case: &Case, form: &Form) -> Vec<String> {
        let mut wrong = self.costs(case.name);
        // A server that answers is a reason for nobody to fail.
        let first = self.errors.iter().flatten().next();
        if let (Seen::Count(_), Some(first)) = (case.sign, first) {
            let count: usize = self.errors.iter().map(Vec::len).sum();
            wrong.push(format!("{}: {count} errors, the first: {first}", case.name));
        }
        let bound = match form.bounds {
            Bounds::Real => case.gone,
            Bounds::Generous => case.gone.map(|bound| bound.max(Duration::from_secs(3))),
        };
        if let (Some(gone), Some(bound)) = (self.gone, bound)
            && gone > bound
        {
            wrong.push(format!("{}: requests went there for {gone:?}", case.name));
        }
        wrong
    }
}

/// What came of a statement that did not get exactly one answer or one error.
fn silence(event: &Event) -> Option<String> {
    let Event {
        client,
        deed,
        took,
        end,
        ..
    } = event;
    match end {
        End::Nothing(text) | End::TooMuch(text) => Some(format!(
            "{deed:?} of client {client} after {took:?}: {text}"
        )),
        End::Fine | End::Error(..) => None,
    }
}

/// Whether an error names the server that it is about and says what became of it.
fn is_clear(text: &str, sick: &str) -> bool {
    const REASONS: [&str; 8] = [
        "does not answer probes",
        "did not answer within",
        "what is sent to it does not arrive",
        "closed the connection",
        "connection was closed",
        "Connection reset",
        "Connection refused",
        "Broken pipe",
    ];
    text.contains(sick) && REASONS.iter().any(|reason| text.contains(reason))
}

/// Shown although the test passes: the figures are a result.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

const CLIENTS: usize = 64;
/// A server that is well must be in service again after this.
const BACK: Duration = Duration::from_secs(25);
/// `server_detect_refresh_interval`.
const PROBE_PERIOD: Duration = Duration::from_millis(500);
const HEAD: &str = "| fault | reads | read errors | slowest read ms | write errors | errors in transactions | \
     login errors | not exactly one answer or error | requests go there for ms | back in service s |\n\
     |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|";
