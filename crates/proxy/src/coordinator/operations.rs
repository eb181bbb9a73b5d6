//! What the admin endpoint answers, from the coordinator's status and the last heartbeat.

use super::drained_servers::DrainedServers;
use super::task_book::TaskBook;
use crate::config::Settings;
use crate::metrics;
use crate::snapshot::{Family, Kind, Snapshot};
use odp_admin::{
    Command, CommandRefusal, Health, Operations, Pids, Pools, ServerCommand, ServerRefusal,
    Sessions, Status, Task,
};
use odp_restart::{Handle, State};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The proxy as its operator sees it.
#[derive(Debug)]
pub(crate) struct ProxyOperations {
    handle: Handle,
    started: Instant,
    mysql: SocketAddr,
    app_name: String,
    book: Arc<TaskBook>,
    drained: DrainedServers,
}

impl ProxyOperations {
    /// How long a crash of the data plane may go unmentioned: its successor is up by then.
    const BLINK: Duration = Duration::from_secs(1);

    pub(crate) fn new(
        handle: Handle,
        mysql: SocketAddr,
        settings: &Settings,
        book: Arc<TaskBook>,
        drained: DrainedServers,
    ) -> Self {
        Self {
            book,
            drained,
            handle,
            started: Instant::now(),
            mysql,
            app_name: settings.app_name.clone(),
        }
    }
}

impl Operations for ProxyOperations {
    fn health(&self) -> Health {
        let status = self.handle.status();
        match trouble(&status, Instant::now()) {
            None => Health::Serving,
            Some(reason) => Health::Unavailable { reason },
        }
    }

    fn status(&self) -> Status {
        let status = self.handle.status();
        let snapshot = snapshot(&status).unwrap_or_default();
        let heard = status.heard.as_ref();
        Status {
            state: state(status.state),
            generation: status.generation,
            pids: Pids {
                coordinator: std::process::id(),
                data_plane: status.data_plane,
            },
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.started.elapsed().as_secs(),
            stale_s: heard.map(|heard| heard.at.elapsed().as_secs_f64()),
            listen: Some(self.mysql.to_string()),
            sessions: all_sessions(&status, snapshot.sessions),
            servers: snapshot.servers,
            discovery: snapshot.discovery,
            last_exit: status.last_exit.clone(),
            last_log: status.last_log.clone(),
            last_task: self.book.last(),
        }
    }

    fn pools(&self) -> Pools {
        let status = self.handle.status();
        let snapshot = snapshot(&status).unwrap_or_default();
        let heard = status.heard.as_ref();
        Pools {
            stale_s: heard.map(|heard| heard.at.elapsed().as_secs_f64()),
            pools: snapshot.pools,
            left_out: snapshot.pools_left_out,
        }
    }

    async fn command(&self, command: Command) -> Result<Task, CommandRefusal> {
        self.book.command(command, &self.handle).await
    }

    async fn server(&self, addr: SocketAddr, command: ServerCommand) -> Result<(), ServerRefusal> {
        let told = snapshot(&self.handle.status());
        let known = told.map(|told| -> Vec<SocketAddr> {
            let addrs = told.servers.iter().map(|server| server.addr.parse());
            addrs.filter_map(Result::ok).collect()
        });
        let change = self
            .drained
            .change(addr, command, known.as_deref(), &self.handle);
        change.await
    }

    fn tasks(&self) -> Vec<Task> {
        self.book.list()
    }

    async fn task(&self, id: u64, wait: Duration) -> Option<Task> {
        self.book.get(id, wait).await
    }

    fn metrics(&self) -> String {
        let status = self.handle.status();
        let healthy = trouble(&status, Instant::now()).is_none();
        let age = status.heard.as_ref().map(|heard| heard.at.elapsed());
        let mut families = vec![
            Family::new("odp_healthy", "Whether /health answers 200.", Kind::Gauge)
                .with(&[], u64::from(healthy)),
            Family::new(
                "odp_generation",
                "The data plane's generation.",
                Kind::Gauge,
            )
            .with(&[], status.generation),
            Family::new("odp_uptime_seconds", "The coordinator's age.", Kind::Gauge)
                .with(&[], self.started.elapsed().as_secs()),
        ];
        if let Some(age) = age {
            let help = "The age of the other values.";
            let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            families.push(
                Family::new("odp_snapshot_age_milliseconds", help, Kind::Gauge).with(&[], millis),
            );
        }
        families.extend(snapshot(&status).unwrap_or_default().families);
        let labels = [
            ("ip", self.mysql.ip().to_string()),
            ("namespace", "ODP".to_owned()),
            ("odpVersion", env!("CARGO_PKG_VERSION").to_owned()),
            ("logicTenant", self.app_name.clone()),
        ];
        metrics::text(families, &labels)
    }
}

/// The sessions of the data plane that serves, and of those that only end theirs.
fn all_sessions(status: &odp_restart::Status, serving: Sessions) -> Sessions {
    let shown = status.heard.as_ref().map(|heard| heard.generation);
    let leaving = status.leaving.iter();
    leaving
        .filter(|heard| Some(heard.generation) != shown)
        .filter_map(|heard| Snapshot::from_bytes(&heard.snapshot))
        .fold(serving, |sum, snapshot| sum + snapshot.sessions)
}

/// Why clients should not be sent here, if they should not.
fn trouble(status: &odp_restart::Status, now: Instant) -> Option<String> {
    match status.state {
        State::Stopping => return Some("the proxy is stopping".to_owned()),
        State::Stopped => return Some("the proxy is stopped".to_owned()),
        _ => {}
    }
    let last_exit = status.last_exit.as_deref().unwrap_or("it is coming up");
    if let Some(since) = status.unready_since
        && (status.heard.is_none() || now.saturating_duration_since(since) > ProxyOperations::BLINK)
    {
        return Some(format!("no data plane is ready: {last_exit}"));
    }
    let Some(snapshot) = snapshot(status) else {
        return Some("the data plane has not reported yet".to_owned());
    };
    if snapshot.usable_servers > 0 {
        return None;
    }
    let error = snapshot.discovery.error.map(|error| format!(": {error}"));
    Some(format!("no server is usable{}", error.unwrap_or_default()))
}

fn snapshot(status: &odp_restart::Status) -> Option<Snapshot> {
    Snapshot::from_bytes(&status.heard.as_ref()?.snapshot)
}

fn state(state: State) -> odp_admin::State {
    match state {
        State::Starting => odp_admin::State::Starting,
        State::Running => odp_admin::State::Running,
        State::Restarting => odp_admin::State::Restarting,
        State::Upgrading => odp_admin::State::Upgrading,
        State::Stopping => odp_admin::State::Stopping,
        State::Stopped => odp_admin::State::Stopped,
        State::Unavailable => odp_admin::State::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odp_restart::Heard;

    fn status(
        state: State,
        unready_ms: Option<u64>,
        usable_servers: Option<u64>,
    ) -> odp_restart::Status {
        let now = Instant::now();
        let heard = usable_servers.map(|usable_servers| {
            let snapshot = Snapshot {
                usable_servers,
                ..Snapshot::default()
            };
            Heard {
                generation: 1,
                at: now,
                snapshot: snapshot.to_bytes().into(),
            }
        });
        odp_restart::Status {
            state,
            generation: 1,
            data_plane: Some(1),
            unready_since: unready_ms.and_then(|ms| now.checked_sub(Duration::from_millis(ms))),
            heard,
            leaving: Vec::new(),
            last_exit: None,
            last_log: Vec::new(),
            operations: Vec::new(),
            program: odp_restart::Program::open(&std::env::current_exe().unwrap()).unwrap(),
        }
    }

    #[test]
    fn health_is_good_with_a_ready_data_plane_and_a_server_only() {
        for (state, unready_ms, usable, expected) in [
            (State::Running, None, Some(1), None),
            (State::Starting, Some(500), Some(1), None),
            (State::Starting, Some(1500), Some(1), Some("no data plane")),
            (
                State::Unavailable,
                Some(1500),
                Some(1),
                Some("no data plane"),
            ),
            (State::Starting, Some(10), None, Some("no data plane")),
            (State::Running, None, None, Some("not reported")),
            (State::Running, None, Some(0), Some("no server")),
            (State::Stopping, None, Some(1), Some("stopping")),
            (State::Stopped, None, Some(1), Some("stopped")),
            (State::Restarting, None, Some(1), None),
            (State::Upgrading, None, Some(1), None),
        ] {
            let reason = trouble(&status(state, unready_ms, usable), Instant::now());
            match (reason, expected) {
                (None, None) => {}
                (Some(reason), Some(expected)) => assert!(reason.contains(expected), "{reason}"),
                other => panic!("{state:?} {unready_ms:?} {usable:?}: {other:?}"),
            }
        }
    }
}
