//! A MariaDB of the benchmark's own: a fresh data directory, one account, the tables of the workloads.

use crate::Error;
use crate::client::{Client, Login};
use crate::workload::{ROWS, WIDE_ROWS};
use odp_protocol::CommandKind;
use odp_tests::process::{Process, run_to_end};
use odp_tests::{port, workspace};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A running MariaDB.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The account of the clients.
    pub login: Login,
    /// It.
    pub process: Process,
}

/// The account that the clients use, and the tables; run by the server at its start.
const ACCOUNT: &str = "CREATE DATABASE IF NOT EXISTS test;\n\
    CREATE USER app@'%' IDENTIFIED BY 'app';\n\
    CREATE USER app@localhost IDENTIFIED BY 'app';\n\
    GRANT ALL ON *.* TO app@'%';\n\
    GRANT ALL ON *.* TO app@localhost;\n";

/// Starts it; `None` where it is not installed.
///
/// # Errors
/// When it is installed and cannot be started or filled.
pub fn start(boot: Duration) -> Result<Option<Server>, Error> {
    let (Some(install), Some(mariadbd)) = (
        crate::target::on_path("mariadb-install-db"),
        crate::target::on_path("mariadbd"),
    ) else {
        return Ok(None);
    };
    let dir = workspace::run_dir("mariadb")?;
    let data = dir.join("data");
    let mut command = Command::new(install);
    command
        .arg("--no-defaults")
        .arg(format!("--datadir={}", data.display()))
        .args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    if rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
    run_to_end(&mut command, boot)?;
    let port = port::free()?;
    let init = dir.join("init.sql");
    std::fs::write(&init, ACCOUNT).map_err(Error::io("write the account"))?;
    let mut command = server(&mariadbd, &dir, port);
    command.arg(format!("--init-file={}", init.display()));
    let mut process = Process::start(&mut command, &dir)?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let login = Login {
        user: "app".to_owned(),
        password: "app".to_owned(),
        database: "test".to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("start a runtime"))?;
    let mut client = process.wait_until("a login at MariaDB", boot, |_| {
        let opening = Client::connect(addr, &login);
        runtime.block_on(opening).map_err(|error| error.to_string())
    })?;
    runtime.block_on(fill(&mut client))?;
    Ok(Some(Server {
        addr,
        login,
        process,
    }))
}

/// A server whose own work is small beside the proxy's: nothing is synced to the disk.
fn server(mariadbd: &Path, dir: &Path, port: u16) -> Command {
    let mut command = Command::new(mariadbd);
    command
        .arg("--no-defaults")
        .arg(format!("--datadir={}", dir.join("data").display()))
        .arg(format!("--socket={}", dir.join("s").display()))
        .arg(format!("--port={port}"))
        .args([
            "--bind-address=127.0.0.1",
            "--max-connections=10000",
            "--max-allowed-packet=128M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=256M",
            "--skip-log-bin",
            "--skip-name-resolve",
        ]);
    if rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
    command
}

async fn fill(client: &mut Client) -> Result<(), Error> {
    let rows = ROWS + 100;
    let statements = [
        "CREATE TABLE sbtest1 (id BIGINT PRIMARY KEY, k INT, c CHAR(120), pad CHAR(60), KEY (k))"
            .to_owned(),
        format!("INSERT INTO sbtest1 SELECT seq, seq, REPEAT('x', 120), 'y' FROM seq_1_to_{rows}"),
        "CREATE TABLE wide (id BIGINT PRIMARY KEY, c TEXT)".to_owned(),
        format!("INSERT INTO wide SELECT seq, REPEAT('w', 10240) FROM seq_1_to_{WIDE_ROWS}"),
        "CREATE TABLE huge (id BIGINT, c LONGTEXT, KEY (id))".to_owned(),
        "INSERT INTO huge SELECT 7, REPEAT('h', 1048576) FROM seq_1_to_50".to_owned(),
    ];
    for statement in statements {
        let kind = CommandKind::Query;
        client.run(kind, statement.as_bytes()).await?;
    }
    Ok(())
}
