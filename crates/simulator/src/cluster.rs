//! A whole cluster: its data and its servers, as threads of one process or as processes of their own.

use crate::catalogue::Catalogue;
use crate::catalogue::TableRows;
use crate::config::ClusterConfig;
use crate::cursor::Cursor;
use crate::ddl::create::{self, Source};
use crate::error::{SimulatorError, SqlError};
use crate::fault::{Fault, Status};
use crate::lexer::lex;
use crate::member::{Member, Runner};
use crate::node::{Node, Port, Shared, listen};
use crate::node_process::{NodeCommand, NodeProcess, keep_port};
use crate::packets;
use crate::seekdb::{self, SeekDb};
use parking_lot::Mutex;
use serde::Serialize;
use socket2::Socket;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

/// A server with its counts, as `GET /servers` of the sandbox shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerReport {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its zone.
    pub zone: String,
    /// The process that runs it; none when that is dead.
    pub pid: Option<u32>,
    /// Statements that it has run.
    pub statements: u64,
    /// Statements on user tables that ran where the partition's leader is.
    pub leader_hits: u64,
    /// Statements on user tables that ran elsewhere.
    pub leader_misses: u64,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
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
    pub(crate) catalogue: Arc<Catalogue>,
    how: How,
    dir: PathBuf,
    members: Mutex<Vec<Arc<Member>>>,
    /// Faults come one at a time.
    pub(crate) injecting: Mutex<()>,
    /// The real engine that runs the SQL, where there is one.
    pub(crate) engine: Option<SeekDb>,
    owned_dir: Option<PathBuf>,
}

/// How nodes are run.
#[derive(Debug)]
enum How {
    Threads(Arc<Shared>),
    Processes(NodeCommand),
}

/// A port on which nothing listens yet, or something does already.
enum Reserved {
    Listening(TcpListener),
    Kept(Socket),
}

impl Reserved {
    fn addr(&self) -> Result<SocketAddr, SimulatorError> {
        let addr = match self {
            Self::Listening(listener) => return Ok(listener.local_addr()?),
            Self::Kept(socket) => socket.local_addr()?.as_socket(),
        };
        addr.ok_or_else(|| SimulatorError::NoSuchServer("without an address".to_owned()))
    }
}

impl Cluster {
    /// Lays out the data and starts every node as threads of this process.
    ///
    /// # Errors
    /// [`SimulatorError`] when a port is taken or the data directory cannot be written.
    pub fn start(config: &ClusterConfig) -> Result<Self, SimulatorError> {
        Self::run(config, None)
    }

    /// Lays out the data and starts every node as a process of its own, so that it can be killed and
    /// stopped as a server can.
    ///
    /// # Errors
    /// [`SimulatorError`] when a port is taken, the data directory cannot be written or a node does
    /// not come up.
    pub fn start_processes(
        config: &ClusterConfig,
        command: NodeCommand,
    ) -> Result<Self, SimulatorError> {
        Self::run(config, Some(command))
    }

    fn run(config: &ClusterConfig, command: Option<NodeCommand>) -> Result<Self, SimulatorError> {
        let mut places = Vec::new();
        for index in 0..config.servers.clamp(1, 100) {
            let port = if config.base_port == 0 {
                0
            } else {
                config.base_port + index
            };
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            places.push(reserve(addr, command.as_ref())?);
        }
        let addrs: Vec<SocketAddr> = places
            .iter()
            .map(Reserved::addr)
            .collect::<Result<_, _>>()?;
        let (dir, owned_dir) = if let Some(dir) = &config.data_dir {
            (dir.clone(), None)
        } else {
            let dir = fresh_dir()?;
            (dir.clone(), Some(dir))
        };
        let catalogue = Catalogue::create(&dir, config, &addrs)?;
        let engine = seekdb::of(&catalogue)?;
        if let Some(engine) = &engine {
            engine.prepare(config, &catalogue)?;
        }
        let servers = catalogue.servers()?;
        let (catalogue, how) = if let Some(command) = command {
            (Arc::new(catalogue), How::Processes(command))
        } else {
            let shared = Shared::new(catalogue)?;
            (Arc::clone(&shared.catalogue), How::Threads(shared))
        };
        let cluster = Self {
            catalogue,
            how,
            dir,
            members: Mutex::default(),
            injecting: Mutex::default(),
            engine,
            owned_dir,
        };
        for (server, place) in servers.into_iter().zip(places) {
            cluster.join(server.id, server.zone, place)?;
        }
        Ok(cluster)
    }

    /// Runs a node at a place of its own.
    fn join(&self, id: i64, zone: String, place: Reserved) -> Result<Arc<Member>, SimulatorError> {
        let addr = place.addr()?;
        let runner = match (&self.how, place) {
            (How::Threads(shared), Reserved::Listening(listener)) => {
                let node = Node::new(Arc::clone(shared), id, addr, Port::Alone);
                node.serve(listener)?;
                Runner::Threads(node)
            }
            (How::Processes(command), Reserved::Kept(port)) => {
                let process = NodeProcess::start(command.clone(), &self.dir, id, port)?;
                Runner::Process(Box::new(process))
            }
            _ => return Err(SimulatorError::NoSuchServer(addr.to_string())),
        };
        let member = Arc::new(Member::new(id, zone, runner));
        self.members.lock().push(Arc::clone(&member));
        Ok(member)
    }

    /// Adds a server to the cluster that runs; it leads nothing yet.
    pub(crate) fn add(&self, addr: SocketAddr) -> Result<Arc<Member>, SimulatorError> {
        let command = match &self.how {
            How::Threads(_) => None,
            How::Processes(command) => Some(command),
        };
        let place = reserve(addr, command)?;
        let addr = place.addr()?;
        let (id, zone) = self.catalogue.add_server(addr)?;
        self.join(id, zone, place).inspect_err(|_| {
            // It was never there; when this fails as well, the list has one dead server more.
            self.catalogue.remove_server(id, addr).ok();
        })
    }

    /// Takes a server that was added out of the list.
    pub(crate) fn leave_out(&self, member: &Member) {
        self.members.lock().retain(|other| other.id != member.id);
    }

    pub(crate) fn members(&self) -> Vec<Arc<Member>> {
        self.members.lock().clone()
    }

    /// The servers' addresses, in the order of their ids.
    #[must_use]
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.members().iter().map(|member| member.addr).collect()
    }

    /// The servers with their counts.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerReport> {
        let report = |member: &Arc<Member>| {
            let (faults, counts) = member.look();
            ServerReport {
                addr: member.addr,
                zone: member.zone.clone(),
                pid: member.pid(),
                statements: counts.statements,
                leader_hits: counts.leader_hits,
                leader_misses: counts.leader_misses,
                faults,
            }
        };
        self.members().iter().map(report).collect()
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
        let found = self.catalogue.table(tenant, database, table)?;
        let found = found.ok_or_else(|| SimulatorError::NoSuchTable(table.to_owned()))?;
        let members = self.members();
        let leader = |tablet: i64| {
            let id = found.leaders.get(&tablet).copied().unwrap_or(1);
            let led = members.iter().find(|member| member.id == id);
            led.map(|member| member.addr)
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
        let member = self.member(to)?;
        if self.catalogue.move_leader(tablet_id, member.id)? {
            Ok(())
        } else {
            Err(SimulatorError::NoSuchTable(tablet_id.to_string()))
        }
    }

    pub(crate) fn member(&self, addr: SocketAddr) -> Result<Arc<Member>, SimulatorError> {
        let members = self.members();
        let found = members.into_iter().find(|member| member.addr == addr);
        found.ok_or_else(|| SimulatorError::NoSuchServer(addr.to_string()))
    }

    /// Ends a server: its sessions break, its leaders move to the others, which see it as INACTIVE.
    ///
    /// # Errors
    /// [`SimulatorError::NoSuchServer`].
    pub fn stop_server(&self, addr: SocketAddr) -> Result<(), SimulatorError> {
        let inactive = Fault::Status {
            status: Status::Inactive,
        };
        self.inject(addr, &inactive)?;
        self.inject(addr, &Fault::Follow {})?;
        let member = self.member(addr)?;
        member.end();
        // Leaders stay where they are when it starts again.
        member.led_before.lock().clear();
        Ok(())
    }

    /// Starts a stopped server at its old address; leaders stay where they are.
    ///
    /// # Errors
    /// [`SimulatorError::NoSuchServer`], or an I/O error when the port is taken.
    pub fn start_server(&self, addr: SocketAddr) -> Result<(), SimulatorError> {
        self.inject(addr, &Fault::None {}).map(drop)
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
        if let Some(engine) = &self.engine {
            engine.put_account(user, password)?;
        }
        self.catalogue.put_account(tenant, user, password)
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
        let file = self.catalogue.database_file(tenant, database)?;
        let file = file.ok_or_else(|| SqlError::no_database(database))?;
        let connection = crate::engine::open_file(&file)?;
        for statement in crate::ddl::sqlite::create_statements("main", &rows.table, &definition)? {
            connection.execute_batch(&statement)?;
        }
        self.catalogue
            .load_table(tenant, database, rows.typed()?, &definition)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for member in self.members() {
            if member.has(&Fault::BlackHole {}) {
                // What is left of it ends with the network namespace.
                packets::stop_dropping(member.addr).ok();
            }
            member.end();
        }
        if let Some(dir) = &self.owned_dir {
            // Sessions that are still ending may hold files; the directory is temporary anyway.
            std::fs::remove_dir_all(dir).ok();
        }
    }
}

/// A place for a node that runs in this way.
fn reserve(addr: SocketAddr, command: Option<&NodeCommand>) -> Result<Reserved, SimulatorError> {
    Ok(match command {
        Some(_) => Reserved::Kept(keep_port(addr)?),
        None => Reserved::Listening(listen(addr, Port::Alone)?),
    })
}

pub(crate) fn fresh_dir() -> Result<PathBuf, SimulatorError> {
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
