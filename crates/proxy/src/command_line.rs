//! The command line; `OBProxy`'s short options are kept.

use crate::config::{Given, Sources, from_option};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A reverse proxy for `OceanBase` that routes statements to the leaders of their partitions.
#[derive(Parser)]
#[command(
    name = "odp",
    version,
    about = "A reverse proxy for OceanBase that routes statements to the leaders of their partitions",
    arg_required_else_help = true
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the proxy in the foreground.
    Serve(Serve),
    /// Run a simulated cluster with a proxy in front of it.
    Sandbox(Sandbox),
    /// Tell everything that is wrong with a configuration.
    Check(Check),
    /// Show what a running proxy is doing.
    Status(Status),
    /// Replace the data plane of a running proxy by the binary and configuration on disk.
    Restart(Restart),
    /// Let a running proxy end its sessions and close its listeners.
    Stop(AdminOptions),
    /// Let a stopped proxy serve again.
    Start(AdminOptions),
    /// Replace a running proxy by another binary.
    Upgrade(Upgrade),
    /// Follow a task of a running proxy to its end.
    Task(TaskNumber),
    /// The process that serves clients; started by `serve` only.
    #[command(name = "data-plane", hide = true)]
    DataPlane,
    /// One simulated server of a sandbox; started by `sandbox` only.
    #[command(name = "sandbox-node", hide = true)]
    SandboxNode(SandboxNode),
    /// The guard of a sandbox' own engine; started by `sandbox` only.
    #[command(name = "sandbox-engine", hide = true)]
    SandboxEngine(SandboxEngine),
}

/// Options of `odp serve`.
#[derive(Args, Clone)]
pub(crate) struct Serve {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The port that applications connect to (`listen_port`).
    #[arg(
        short = 'p',
        long = "listen_port",
        alias = "listen-port",
        value_name = "PORT"
    )]
    listen_port: Option<String>,
    /// The port of the admin endpoint (`prometheus_listen_port`).
    #[arg(
        short = 'l',
        long = "prometheus_listen_port",
        alias = "prometheus-listen-port",
        value_name = "PORT"
    )]
    prometheus_listen_port: Option<String>,
    #[arg(
        help = "OBServers to start from (`rootservice_list`): ip:port;ip:port",
        short = 'r',
        long = "rs_list",
        alias = "rs-list",
        value_name = "LIST"
    )]
    rootservice_list: Option<String>,
    /// The name of the cluster (`rootservice_cluster_name`).
    #[arg(
        short = 'c',
        long = "cluster_name",
        alias = "cluster-name",
        value_name = "NAME"
    )]
    cluster_name: Option<String>,
    /// The name of this proxy in metrics (`app_name`).
    #[arg(short = 'n', long = "appname", value_name = "NAME")]
    appname: Option<String>,
    /// Parameters: name=value,name=value.
    #[arg(short = 'o', long = "optstr", value_name = "LIST")]
    options: Vec<String>,
}

impl Serve {
    /// How another binary is asked whether it could serve with the same configuration file.
    pub(crate) fn check_arguments(&self) -> Vec<OsString> {
        match &self.config {
            Some(path) => vec!["check".into(), "--config".into(), path.into()],
            None => vec!["--version".into()],
        }
    }

    /// Everything that the configuration is made from, in the order of rising precedence.
    pub(crate) fn sources(&self) -> Sources {
        let mut sources = Sources::default();
        if let Some(path) = &self.config {
            sources.add_file(path);
        }
        sources.add_environment();
        for list in &self.options {
            sources.add(from_option(list));
        }
        let given = [
            ("-p", "listen_port", &self.listen_port),
            ("-l", "prometheus_listen_port", &self.prometheus_listen_port),
            ("-r", "rootservice_list", &self.rootservice_list),
            ("-c", "rootservice_cluster_name", &self.cluster_name),
            ("-n", "app_name", &self.appname),
        ]
        .into_iter()
        .filter_map(|(place, key, text)| Some(Given::new(place, key, text.as_deref()?)))
        .collect();
        sources.add((given, Vec::new()));
        sources
    }
}

/// Options of `odp sandbox`.
#[derive(Args)]
pub(crate) struct Sandbox {
    #[arg(
        help = "How many simulated OBServers",
        long,
        default_value_t = 3,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub(crate) servers: u16,
    /// What runs the SQL.
    #[arg(long, value_enum, default_value_t = Engine::Embedded)]
    pub(crate) engine: Engine,
    /// The running seekdb to use, whose root has no password, instead of one of the sandbox' own.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) engine_address: Option<SocketAddr>,
    /// The port that applications connect to; 0 takes any free one.
    #[arg(short = 'p', long = "port", default_value_t = 2883)]
    pub(crate) port: u16,
    /// The port of the proxy's admin endpoint; 0 takes any free one.
    #[arg(long, default_value_t = 2884)]
    pub(crate) admin_port: u16,
    /// The port of the simulated cluster's own endpoint; 0 takes any free one.
    #[arg(long, default_value_t = 2890)]
    pub(crate) control_port: u16,
    /// Further parameters of the proxy: name=value,name=value.
    #[arg(short = 'o', long = "optstr", value_name = "LIST")]
    pub(crate) options: Vec<String>,
}

/// A simulated server in a process of its own.
#[derive(Args)]
pub(crate) struct SandboxNode {
    /// The data directory of the cluster.
    pub(crate) dir: PathBuf,
    /// The server's number, 1 and up.
    pub(crate) id: i64,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
}

/// An engine of the sandbox' own.
#[derive(Args)]
pub(crate) struct SandboxEngine {
    /// The engine's program.
    pub(crate) program: PathBuf,
    /// The port that it listens on.
    pub(crate) port: u16,
}

/// What runs the sandbox' SQL.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// An SQL engine inside the simulated servers.
    Embedded,
    /// A real OceanBase engine of one node behind all of them: `pip install pylibseekdb==1.3.0.post5`.
    Seekdb,
}

/// Options of `odp check`.
#[derive(Args)]
pub(crate) struct Check {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", required_unless_present = "sample")]
    pub(crate) config: Option<PathBuf>,
    /// Print an annotated configuration file instead, with every parameter at its default.
    #[arg(long, conflicts_with = "config")]
    pub(crate) sample: bool,
}

/// Which proxy is asked, and with what right.
#[derive(Args, Clone)]
pub(crate) struct AdminOptions {
    /// The admin endpoint of the proxy.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:2884")]
    pub(crate) admin: String,
    /// The file that holds the admin token; on the proxy's own host it is found without this. The
    /// environment variable `ODP_ADMIN_TOKEN` works too.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Options of `odp status`.
#[derive(Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) admin: AdminOptions,
    /// Print the JSON document as it is.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `odp restart`.
#[derive(Args)]
pub(crate) struct Restart {
    /// End the data plane first: clients are cut, whatever state the proxy is in.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) admin: AdminOptions,
}

/// Options of `odp upgrade`.
#[derive(Args)]
pub(crate) struct Upgrade {
    /// The binary that takes over.
    #[arg(value_name = "BINARY")]
    pub(crate) binary: PathBuf,
    #[command(flatten)]
    pub(crate) admin: AdminOptions,
}

/// Options of `odp task`.
#[derive(Args)]
pub(crate) struct TaskNumber {
    /// The task's number.
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    #[command(flatten)]
    pub(crate) admin: AdminOptions,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn obproxys_short_options_work_and_win_over_the_option_list() {
        let line =
            "odp serve -p 3001 -l 3002 -r 127.0.0.1:2881 -c ob -n web -o listen_port=9,proxy_id=7";
        let Command::Serve(serve) = CommandLine::parse_from(line.split(' ')).command else {
            panic!("not serve");
        };
        let settings = serve.sources().check().unwrap().settings;
        assert_eq!(settings.listen_port.0, 3001);
        assert_eq!(settings.prometheus_listen_port.0, 3002);
        assert_eq!(settings.proxy_id.0, 7);
        assert_eq!(settings.rootservice_cluster_name, "ob");
        assert_eq!(settings.app_name, "web");
        assert_eq!(settings.rootservice_list.0.len(), 1);
    }
}
