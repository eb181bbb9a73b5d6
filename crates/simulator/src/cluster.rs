//! A whole cluster in one process: every node a listener and threads of its own.

use crate::catalogue::Catalogue;
use crate::catalogue::TableRows;
use crate::config::ClusterConfig;
use crate::cursor::Cursor;
use crate::ddl::create::{self, Source};
use crate::error::{SimulatorError, SqlError};
use crate::lexer::lex;
use crate::node::{Node, Shared};
use serde::Serialize;
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A server with its counts, as `GET /servers` of the sandbox shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerReport {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its zone.
    pub zone: String,
    /// The process that runs it.
    pub pid: u32,
    /// Statements that it has run.
    pub statements: u64,
    /// Statements on user tables that ran where the partition's leader is.
    pub leader_hits: u64,
    /// Statements on user tables that ran elsewhere.
    pub leader_misses: u64,
}

/// A tablet and who leads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TabletReport {
    /// Its id.
    pub tablet_id: i64,
    /// The server that leads it.
    pub leader: SocketAddr,
}

/// A running cluster; it stops when dropped, and a data directory of its own goes with it.
#[derive(Debug)]
pub struct Cluster {
    shared: Arc<Shared>,
    nodes: Vec<Arc<Node>>,
    zones: Vec<String>,
    owned_dir: Option<PathBuf>,
}

impl Cluster {
    /// Lays out the data and starts every node.
    ///
    /// # Errors
    /// [`SimulatorError`] when a port is taken or the data directory cannot be written.
    pub fn start(config: &ClusterConfig) -> Result<Self, SimulatorError> {
        let mut listeners = Vec::new();
        for index in 0..config.servers.clamp(1, 100) {
            let port = if config.base_port == 0 {
                0
            } else {
                config.base_port + index
            };
            listeners.push(listen(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?);
        }
        let addrs: Vec<SocketAddr> = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<Result<_, _>>()?;
        let (dir, owned_dir) = if let Some(dir) = &config.data_dir {
            (dir.clone(), None)
        } else {
            let dir = fresh_dir()?;
            (dir.clone(), Some(dir))
        };
        let shared = Shared::new(Self::lay_out(&dir, config, &addrs)?)?;
        let zones = shared
            .catalogue
            .servers()?
            .into_iter()
            .map(|server| server.zone)
            .collect();
        let mut nodes = Vec::new();
        for ((id, listener), addr) in (1..).zip(listeners).zip(addrs) {
            let node = Node::new(Arc::clone(&shared), id, addr);
            node.serve(listener)?;
            nodes.push(node);
        }
        Ok(Self {
            shared,
            nodes,
            zones,
            owned_dir,
        })
    }

    fn lay_out(
        dir: &Path,
        config: &ClusterConfig,
        addrs: &[SocketAddr],
    ) -> Result<Catalogue, SimulatorError> {
        Catalogue::create(dir, config, addrs)
    }

    /// Lays out a data directory for nodes that run as processes of their own ([`Node::run`]), which
    /// will listen on `addrs` in this order.
    ///
    /// # Errors
    /// [`SimulatorError`] when the directory cannot be written.
    pub fn prepare(
        dir: &Path,
        config: &ClusterConfig,
        addrs: &[SocketAddr],
    ) -> Result<(), SimulatorError> {
        Self::lay_out(dir, config, addrs).map(drop)
    }

    /// The servers' addresses, in the order of their ids.
    #[must_use]
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.addr()).collect()
    }

    /// The servers with their counts.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerReport> {
        let report = |(node, zone): (&Arc<Node>, &String)| {
            let (statements, leader_hits, leader_misses) = node.counts();
            ServerReport {
                addr: node.addr(),
                zone: zone.clone(),
                pid: std::process::id(),
                statements,
                leader_hits,
                leader_misses,
            }
        };
        self.nodes.iter().zip(&self.zones).map(report).collect()
    }

    /// The tablets of a table in the order of its partitions, with their leaders.
    ///
    /// # Errors
    /// [`SimulatorError::NoSuchTable`].
    pub fn tablets(
        &self,
        tenant: &str,
        database: &str,
        table: &str,
    ) -> Result<Vec<TabletReport>, SimulatorError> {
        let found = self.shared.catalogue.table(tenant, database, table)?;
        let found = found.ok_or_else(|| SimulatorError::NoSuchTable(table.to_owned()))?;
        let leader = |tablet: i64| {
            let id = found.leaders.get(&tablet).copied().unwrap_or(1);
            self.nodes
                .iter()
                .find(|node| node.id == id)
                .map(|node| node.addr())
        };
        let report = |tablet_id| {
            Some(TabletReport {
                tablet_id,
                leader: leader(tablet_id)?,
            })
        };
        Ok(found.tablets().into_iter().filter_map(report).collect())
    }

    /// Makes the server at `to` the leader of a tablet.
    ///
    /// # Errors
    /// [`SimulatorError::NoSuchServer`], [`SimulatorError::NoSuchTable`].
    pub fn move_leader(&self, tablet_id: i64, to: SocketAddr) -> Result<(), SimulatorError> {
        let node = self.node(to)?;
        if self.shared.catalogue.move_leader(tablet_id, node.id)? {
            Ok(())
        } else {
            Err(SimulatorError::NoSuchTable(tablet_id.to_string()))
        }
    }

    fn node(&self, addr: SocketAddr) -> Result<&Arc<Node>, SimulatorError> {
        let found = self.nodes.iter().find(|node| node.addr() == addr);
        found.ok_or_else(|| SimulatorError::NoSuchServer(addr.to_string()))
    }

    /// Kills a server: its sessions break, its leaders move to the next running server.
    ///
    /// # Errors
    /// [`SimulatorError::NoSuchServer`].
    pub fn stop_server(&self, addr: SocketAddr) -> Result<(), SimulatorError> {
        let node = self.node(addr)?;
        node.stop();
        let catalogue = &self.shared.catalogue;
        catalogue.set_server_status(node.id, "INACTIVE")?;
        let others: Vec<i64> = self
            .nodes
            .iter()
            .map(|other| other.id)
            .filter(|id| *id != node.id)
            .collect();
        for (tablet, other) in catalogue
            .led_by(node.id)?
            .into_iter()
            .zip(others.iter().cycle())
        {
            catalogue.move_leader(tablet, *other)?;
        }
        Ok(())
    }

    /// Starts a stopped server at its old address; leaders stay where they are.
    ///
    /// # Errors
    /// [`SimulatorError::NoSuchServer`], or an I/O error when the port is taken.
    pub fn start_server(&self, addr: SocketAddr) -> Result<(), SimulatorError> {
        let node = self.node(addr)?;
        node.serve(listen(addr)?)?;
        self.shared.catalogue.set_server_status(node.id, "ACTIVE")
    }

    /// Creates an account, or changes its password.
    ///
    /// # Errors
    /// [`SimulatorError`] when the catalogue cannot be written.
    pub fn put_account(
        &self,
        tenant: &str,
        user: &str,
        password: &str,
    ) -> Result<(), SimulatorError> {
        self.shared.catalogue.put_account(tenant, user, password)
    }

    /// Loads a table from the rows of a real engine: a JSON object with `table`, `ddl` and `meta`, the
    /// rows by the name of their virtual table, bytes as `{"hex": ".."}`. Its tablets get leaders here.
    ///
    /// # Errors
    /// [`SimulatorError`] for JSON of another form or a DDL that cannot be read.
    pub fn load_table(
        &self,
        tenant: &str,
        database: &str,
        rows: &str,
    ) -> Result<(), SimulatorError> {
        let rows: TableRows = serde_json::from_str(rows)?;
        let lexed = lex(rows.ddl.as_bytes())?;
        let mut cursor = Cursor::new(rows.ddl.as_bytes(), &lexed.tokens);
        cursor.expect("create")?;
        cursor.expect("table")?;
        let Source::Columns(definition) = create::parse(&mut cursor)?.source else {
            return Err(SqlError::unsupported().into());
        };
        let file = self.shared.catalogue.database_file(tenant, database)?;
        let file = file.ok_or_else(|| SqlError::no_database(database))?;
        let connection = crate::engine::open_file(&file)?;
        for statement in crate::ddl::sqlite::create_statements("main", &rows.table, &definition)? {
            connection.execute_batch(&statement)?;
        }
        self.shared
            .catalogue
            .load_table(tenant, database, &rows, &definition)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &self.nodes {
            node.stop();
        }
        if let Some(dir) = &self.owned_dir {
            // Sessions that are still ending may hold files; the directory is temporary anyway.
            std::fs::remove_dir_all(dir).ok();
        }
    }
}

/// A listener that can be opened again at once after its server was killed.
fn listen(addr: SocketAddr) -> Result<TcpListener, SimulatorError> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

fn fresh_dir() -> Result<PathBuf, SimulatorError> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
    let name = format!(
        "odp-cluster-{}-{:016x}",
        std::process::id(),
        u64::from_le_bytes(random)
    );
    let dir = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
