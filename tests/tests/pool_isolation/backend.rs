//! What stands behind the proxy: the simulated cluster with two tenants, or the real engine with one.

use odp_tests::mysql::Connection;
use odp_tests::proxy::Settings;
use odp_tests::{Engine, Failure, Proxy, Sandbox};
use std::sync::Arc;

/// Which servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Three simulated servers; several leaders, so that clients go from server to server.
    Sandbox,
    /// One real server.
    Engine,
}

enum Process {
    Sandbox(Sandbox),
    Engine(Proxy, Arc<Engine>),
}

/// Servers with a proxy in front of them.
pub(crate) struct Backend {
    pub(crate) kind: Kind,
    process: Process,
}

/// Few sessions for many clients, and no belief of old.
const PARAMETERS: [(&str, &str); 2] = [("pool_max", "6"), ("credential_refresh_interval", "1s")];

impl Backend {
    pub(crate) fn start(kind: Kind, mode: &str) -> Result<Self, Failure> {
        let process = match kind {
            Kind::Sandbox => {
                let mode = format!("pool_mode={mode}");
                let mut parameters = vec![mode];
                parameters.extend(PARAMETERS.map(|(name, value)| format!("{name}={value}")));
                let parameters: Vec<_> = parameters.iter().map(String::as_str).collect();
                Process::Sandbox(Sandbox::start_with(&parameters)?)
            }
            Kind::Engine => {
                let engine = Engine::shared()?;
                let mut settings = Settings::sharing(&engine, mode);
                for (name, value) in PARAMETERS {
                    settings = settings.with(name, format!("\"{value}\""));
                }
                Process::Engine(Proxy::start(&settings)?, engine)
            }
        };
        Ok(Self { kind, process })
    }

    pub(crate) fn tenants(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Sandbox => &["demo", "sys"],
            Kind::Engine => &["sys"],
        }
    }

    /// Where clients connect.
    pub(crate) fn port(&self) -> u16 {
        match &self.process {
            Process::Sandbox(sandbox) => sandbox.app().port,
            Process::Engine(proxy, _) => proxy.port(),
        }
    }

    /// Somebody who may do everything in a tenant.
    pub(crate) fn root(&self, tenant: &str) -> Result<Connection, Failure> {
        match (&self.process, tenant) {
            (Process::Engine(_, engine), _) => Connection::login(engine.port(), "root", ""),
            (Process::Sandbox(_), "sys") => Connection::login(self.port(), "root@sys", ""),
            (Process::Sandbox(_), _) => Connection::login(self.port(), "app@demo", "app"),
        }
    }

    /// The same through the proxy, which alone knows the ids of its clients.
    pub(crate) fn killer(&self) -> Result<Connection, Failure> {
        let user = match self.kind {
            Kind::Sandbox => "root@sys",
            Kind::Engine => "root",
        };
        Connection::login(self.port(), user, "")
    }

    pub(crate) fn metrics(&self) -> Result<String, Failure> {
        let endpoint = match &self.process {
            Process::Sandbox(sandbox) => &odp_tests::http::Endpoint::open(sandbox.admin_port()),
            Process::Engine(proxy, _) => proxy.admin(),
        };
        Ok(endpoint.get("/metrics")?.body)
    }

    /// The end of the proxy's log, for a failure's text.
    pub(crate) fn evidence(&self) -> String {
        match &self.process {
            Process::Sandbox(sandbox) => sandbox.evidence(),
            Process::Engine(proxy, _) => proxy.evidence(),
        }
    }
}
