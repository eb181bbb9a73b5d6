//! `odp sandbox`: a simulated cluster with the real proxy in front of it.

mod endpoint;
mod engine;

use crate::admin_client::AdminClient;
use crate::command_line::{Sandbox, SandboxEngine, SandboxNode};
use crate::config::{Config, Given, Sources, from_option};
use crate::coordinator::{Proxy, Signals, listen_for_http};
use crate::error::Error;
use crate::logging;
use odp_simulator::{Cluster, ClusterConfig, NodeCommand, SimulatorError};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the proxy may take to become healthy.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time between two looks at its health.
const PEEK: Duration = Duration::from_millis(10);

/// Runs until a signal ends it.
pub(crate) fn run(arguments: &Sandbox) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;
    runtime.block_on(serve(arguments))
}

/// Runs one simulated server until the sandbox has ended.
pub(crate) fn run_node(node: &SandboxNode) -> Result<(), Error> {
    odp_simulator::run_node(&node.dir, node.id, node.addr).map_err(|error| simulation(&error))
}

/// Runs an engine of the sandbox' own until the sandbox has ended.
pub(crate) fn run_engine(engine: &SandboxEngine) -> Result<(), Error> {
    odp_simulator::run_seekdb(&engine.program, engine.port).map_err(|error| simulation(&error))
}

async fn serve(arguments: &Sandbox) -> Result<(), Error> {
    let signals = Signals::take()?;
    let control = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.control_port));
    let listener = listen_for_http("control", control).await?;
    let control = listener.local_addr().map_err(Error::Runtime)?;
    let engine = engine::of(arguments)?;
    let simulated = ClusterConfig {
        servers: arguments.servers,
        seekdb: engine.as_ref().map(engine::SandboxEngine::addr),
        ..ClusterConfig::default()
    };
    let cluster = Arc::new(start(&simulated)?);
    let servers = addresses(&cluster);
    let config = config(arguments, &simulated.name, &servers)?;
    logging::start(&config.settings);
    let proxy = Proxy::open(&config).await?;
    let signals = signals.obey(proxy.handle.clone());
    let endpoint = tokio::spawn(endpoint::run(listener, Arc::clone(&cluster)));
    let (mysql, admin, handle) = (proxy.mysql, proxy.admin, proxy.handle.clone());
    let running = proxy.run();
    tokio::pin!(running);
    let outcome = tokio::select! {
        () = &mut running => Ok(()),
        outcome = until_healthy(admin) => {
            match &outcome {
                Ok(()) => say(&welcome(&servers, mysql, admin, control)),
                Err(_) => handle.force().await,
            }
            running.await;
            outcome
        }
    };
    signals.abort();
    endpoint.abort();
    outcome
}

fn start(simulated: &ClusterConfig) -> Result<Cluster, Error> {
    let command = NodeCommand {
        program: std::env::current_exe().map_err(Error::Runtime)?,
        arguments: vec!["sandbox-node".into()],
    };
    Cluster::start_processes(simulated, command).map_err(|error| simulation(&error))
}

fn simulation(error: &SimulatorError) -> Error {
    Error::Sandbox(error.to_string())
}

fn addresses(cluster: &Cluster) -> String {
    let texts: Vec<_> = cluster.addrs().iter().map(ToString::to_string).collect();
    texts.join(";")
}

/// The proxy's configuration: in front of the cluster, quiet, and quick to end.
fn config(arguments: &Sandbox, name: &str, servers: &str) -> Result<Config, Error> {
    const PLACE: &str = "sandbox";
    let mut sources = Sources::default();
    let given = [
        ("listen_port", arguments.port.to_string()),
        ("prometheus_listen_port", arguments.admin_port.to_string()),
        ("local_bound_ip", Ipv4Addr::LOCALHOST.to_string()),
        ("rootservice_list", servers.to_owned()),
        ("rootservice_cluster_name", name.to_owned()),
        ("graceful_exit_delay", "0s".to_owned()),
        ("hot_upgrade_exit_timeout", "2s".to_owned()),
        ("syslog_level", "warn".to_owned()),
    ]
    .map(|(key, text)| Given::new(PLACE, key, text));
    sources.add((given.to_vec(), Vec::new()));
    for list in &arguments.options {
        sources.add(from_option(list));
    }
    Ok(sources.check()?)
}

async fn until_healthy(admin: SocketAddr) -> Result<(), Error> {
    let client = AdminClient::new(&format!("http://{admin}"), None);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let trouble = match client.get("/health").await {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
            Err(error) => error.to_string(),
        };
        if Instant::now() >= deadline {
            return Err(Error::NotReady(trouble));
        }
        tokio::time::sleep(PEEK).await;
    }
}

/// A reader that has gone away is no reason to end.
fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .ok();
}

fn welcome(servers: &str, mysql: SocketAddr, admin: SocketAddr, control: SocketAddr) -> String {
    let (host, port) = (mysql.ip(), mysql.port());
    let first = servers.split(';').next().unwrap_or_default();
    format!(
        "simulated cluster: {servers}\n\
         tenant sys, no password: mysql -h{host} -P{port} -uroot@sys test\n\
         tenant demo, password app: mysql -h{host} -P{port} -uapp@demo -papp test\n\
         proxy's admin endpoint: curl http://{admin}/v1/status\n\
         simulated cluster's endpoint: curl http://{control}/servers\n\
         to break a server: curl -d '{{\"fault\": \"kill\"}}' -H 'Content-Type: application/json' \
         http://{control}/chaos/{first}\n\
         ready\n"
    )
}
