//! An engine with an account on it and a proxy in front: what clients' own suites run against.

use crate::clients::Account;
use crate::mysql::Connection;
use crate::proxy::Settings;
use crate::{Engine, Failure, MariadbServer, Proxy};
use std::sync::Arc;

/// A running engine and the proxy in front of it.
#[derive(Debug)]
pub struct Fronted {
    engine: Kind,
    /// The proxy.
    pub proxy: Proxy,
}

#[derive(Debug)]
enum Kind {
    Mariadb(MariadbServer),
    Seekdb(Arc<Engine>),
}

impl Fronted {
    /// `MariaDB`, reached with `server_routing_mode = "mysql"`.
    ///
    /// # Errors
    /// When the server or the proxy cannot be had or do not start.
    pub fn mariadb() -> Result<Self, Failure> {
        let server = MariadbServer::start()?;
        let mut root = Connection::login(server.port(), "root", "")?;
        // Suites that change users do so with every plugin that the server has.
        for sql in [
            "SET GLOBAL secure_auth = OFF",
            "INSTALL SONAME 'auth_ed25519'",
        ] {
            root.query(sql)?;
        }
        let settings = Settings::in_front_of(&[server.port()])
            .with("server_routing_mode", "\"mysql\"")
            .with("graceful_exit_delay", "\"100ms\"");
        Self::start(Kind::Mariadb(server), &settings)
    }

    /// The real `OceanBase` engine.
    ///
    /// # Errors
    /// When the engine or the proxy cannot be had or do not start.
    pub fn seekdb() -> Result<Self, Failure> {
        let engine = Engine::shared()?;
        let settings = Settings::in_front_of(&[engine.port()])
            .with("rootservice_cluster_name", "\"obcluster\"")
            .with("metadata_user", "\"root@sys\"")
            .with("observer_sys_password", "\"\"");
        Self::start(Kind::Seekdb(engine), &settings)
    }

    /// How the suites log in without the proxy; through it, only the port differs.
    #[must_use]
    pub fn direct(&self) -> Account<'static> {
        let port = match &self.engine {
            Kind::Mariadb(server) => server.port(),
            Kind::Seekdb(engine) => engine.port(),
        };
        Account {
            port,
            user: USER,
            password: PASSWORD,
        }
    }

    /// Makes the databases that the suites work in anew, empty.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn empty_the_databases(&self) -> Result<(), Failure> {
        let mut root = Connection::login(self.direct().port, "root", "")?;
        for database in DATABASES {
            root.query(&format!("DROP DATABASE IF EXISTS {database}"))?;
            root.query(&format!("CREATE DATABASE {database} CHARSET utf8mb4"))?;
        }
        Ok(())
    }

    /// The end of what the proxy and the engine wrote, for a failure's text.
    #[must_use]
    pub fn evidence(&self) -> String {
        let engine = match &self.engine {
            Kind::Mariadb(server) => server.evidence(),
            Kind::Seekdb(engine) => engine.evidence(),
        };
        format!("{}\n{engine}", self.proxy.evidence())
    }

    fn start(engine: Kind, settings: &Settings) -> Result<Self, Failure> {
        let fronted = Self {
            proxy: Proxy::start(settings)?,
            engine,
        };
        let mut root = Connection::login(fronted.direct().port, "root", "")?;
        root.query(&format!(
            "CREATE USER IF NOT EXISTS {USER} IDENTIFIED BY '{PASSWORD}'"
        ))?;
        root.query(&format!("GRANT ALL ON *.* TO {USER} WITH GRANT OPTION"))?;
        Ok(fronted)
    }
}

const USER: &str = "app";
const PASSWORD: &str = "secret";
/// The second one is what `SQLAlchemy` expects beside the one that it is told.
const DATABASES: [&str; 2] = ["test", "test_schema"];
