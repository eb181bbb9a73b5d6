//! From a request to its answer.

use crate::access::{Access, Caller};
use crate::answer::{Answer, Refusal, accepted, document, json, metrics};
use crate::body;
use crate::operations::{
    Command, CommandRefusal, Health, Operations, ServerCommand, ServerRefusal,
};
use hyper::body::Incoming;
use hyper::header::CONTENT_LENGTH;
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A resource of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Health,
    Metrics,
    OpenApi,
    Status,
    Pools,
    Restart,
    Stop,
    Start,
    Upgrade,
    Tasks,
    Task(u64),
    /// A server; none when its address is not one.
    Server(Option<SocketAddr>, ServerCommand),
}

/// The API's own description.
const OPENAPI: &str = include_str!("openapi.json");
/// The longest that a request may wait for the end of a task.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

impl Resource {
    fn find(path: &str) -> Option<Self> {
        match path {
            "/health" => Some(Self::Health),
            "/metrics" => Some(Self::Metrics),
            "/v1/openapi.json" => Some(Self::OpenApi),
            "/v1/status" => Some(Self::Status),
            "/v1/pools" => Some(Self::Pools),
            "/v1/restart" => Some(Self::Restart),
            "/v1/stop" => Some(Self::Stop),
            "/v1/start" => Some(Self::Start),
            "/v1/upgrade" => Some(Self::Upgrade),
            "/v1/tasks" => Some(Self::Tasks),
            _ => {
                if let Some(server) = path.strip_prefix("/v1/servers/") {
                    return Self::find_server(server);
                }
                let id = path.strip_prefix("/v1/tasks/")?;
                id.parse().ok().map(Self::Task)
            }
        }
    }

    fn find_server(path: &str) -> Option<Self> {
        let (addr, command) = path.split_once('/')?;
        let command = match command {
            "drain" => ServerCommand::Drain,
            "undrain" => ServerCommand::Undrain,
            _ => return None,
        };
        Some(Self::Server(read_addr(addr), command))
    }

    /// Health tells nothing worth hiding, and load balancers have no place for a token.
    fn needs_token(self) -> bool {
        self != Self::Health
    }

    fn methods(self) -> &'static str {
        match self {
            Self::Restart | Self::Stop | Self::Start | Self::Upgrade | Self::Server(..) => "POST",
            _ => "GET, HEAD",
        }
    }

    fn takes(self, method: &Method) -> bool {
        self.methods().split(", ").any(|known| known == method)
    }
}

/// The body of `/v1/restart`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RestartBody {
    #[serde(default)]
    mode: Mode,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Restart,
    Force,
}

/// The body of `/v1/upgrade`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpgradeBody {
    binary: PathBuf,
}

/// A body that says nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoBody {}

/// Answers one request.
pub(crate) async fn answer(
    request: Request<Incoming>,
    caller: Caller,
    access: &Access,
    operations: &impl Operations,
    limits: body::Limits,
) -> Answer {
    match dispatch(request, caller, access, operations, limits).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.into_answer(),
    }
}

async fn dispatch(
    request: Request<Incoming>,
    caller: Caller,
    access: &Access,
    operations: &impl Operations,
    limits: body::Limits,
) -> Result<Answer, Refusal> {
    access.check_source(caller, request.headers())?;
    let resource = Resource::find(request.uri().path());
    if resource.is_none_or(Resource::needs_token) {
        access.check_token(caller, request.headers())?;
    }
    if announced_length(request.headers()) > limits.bytes {
        return Err(Refusal::too_large(limits.bytes));
    }
    let resource = resource.ok_or_else(Refusal::not_found)?;
    if !resource.takes(request.method()) {
        return Err(Refusal::method_not_allowed(resource.methods()));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let command = match resource {
        Resource::Health => return health(operations.health()),
        Resource::Metrics => return Ok(metrics(operations.metrics())),
        Resource::OpenApi => return Ok(document(OPENAPI)),
        Resource::Status => return Ok(json(StatusCode::OK, &operations.status())),
        Resource::Pools => return Ok(json(StatusCode::OK, &operations.pools())),
        Resource::Tasks => return Ok(json(StatusCode::OK, &Tasks::of(operations))),
        Resource::Task(id) => return task(id, &query, operations).await,
        Resource::Server(addr, command) => {
            body::read::<NoBody>(request, limits).await?;
            return server(addr, command, operations).await;
        }
        Resource::Restart => match body::read::<RestartBody>(request, limits).await?.mode {
            Mode::Restart => Command::Restart,
            Mode::Force => Command::ForceRestart,
        },
        Resource::Stop => {
            body::read::<NoBody>(request, limits).await?;
            Command::Stop
        }
        Resource::Start => {
            body::read::<NoBody>(request, limits).await?;
            Command::Start
        }
        Resource::Upgrade => {
            access.check_upgrade(caller)?;
            let UpgradeBody { binary } = body::read_required(request, limits).await?;
            if !binary.is_absolute() {
                return Err(Refusal::bad_request("binary must be an absolute path"));
            }
            Command::Upgrade(binary)
        }
    };
    carry_out(command, operations).await
}

#[derive(Serialize)]
struct Tasks {
    tasks: Vec<crate::Task>,
}

impl Tasks {
    fn of(operations: &impl Operations) -> Self {
        Self {
            tasks: operations.tasks(),
        }
    }
}

async fn carry_out(command: Command, operations: &impl Operations) -> Result<Answer, Refusal> {
    match operations.command(command).await {
        Ok(task) => Ok(accepted(&format!("/v1/tasks/{}", task.id), &task)),
        Err(CommandRefusal::Precondition(message)) => Err(Refusal::precondition_failed(message)),
        Err(CommandRefusal::TaskRunning(id)) => Err(Refusal::task_running(id)),
        Err(CommandRefusal::Ending) => Err(Refusal::unavailable("the proxy is ending".to_owned())),
    }
}

async fn server(
    addr: Option<SocketAddr>,
    command: ServerCommand,
    operations: &impl Operations,
) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Document {
        addr: String,
        drained: bool,
    }
    let addr = addr.ok_or_else(|| {
        Refusal::bad_request("a server is named by its address and SQL port, as in 10.0.0.1:2881")
    })?;
    match operations.server(addr, command).await {
        Ok(()) => Ok(json(
            StatusCode::OK,
            &Document {
                addr: addr.to_string(),
                drained: command == ServerCommand::Drain,
            },
        )),
        Err(ServerRefusal::Unknown) => Err(Refusal::unknown_server(addr)),
        Err(ServerRefusal::Unavailable(reason)) => Err(Refusal::unavailable(reason)),
    }
}

/// An address in a path. Clients may write the brackets and colons of IPv6 as they are or encoded.
fn read_addr(text: &str) -> Option<SocketAddr> {
    let text = text.to_ascii_lowercase();
    let text = text
        .replace("%5b", "[")
        .replace("%5d", "]")
        .replace("%3a", ":");
    text.parse().ok()
}

async fn task(id: u64, query: &str, operations: &impl Operations) -> Result<Answer, Refusal> {
    let wait = match query.split('&').find_map(|pair| pair.strip_prefix("wait=")) {
        None => Duration::ZERO,
        Some(text) => read_wait(text).ok_or_else(|| {
            Refusal::bad_request("wait is a time of at most 60s, for example 30s or 500ms")
        })?,
    };
    let task = operations.task(id, wait).await;
    task.map(|task| json(StatusCode::OK, &task))
        .ok_or_else(Refusal::not_found)
}

fn read_wait(text: &str) -> Option<Duration> {
    let wait = if let Some(millis) = text.strip_suffix("ms") {
        Duration::from_millis(millis.parse().ok()?)
    } else {
        let seconds = text.strip_suffix('s').unwrap_or(text);
        Duration::from_secs(seconds.parse().ok()?)
    };
    (wait <= LONGEST_WAIT).then_some(wait)
}

fn health(health: Health) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Document {
        status: &'static str,
    }
    match health {
        Health::Serving => Ok(json(StatusCode::OK, &Document { status: "ok" })),
        Health::Unavailable { reason } => Err(Refusal::unavailable(reason)),
    }
}

fn announced_length(headers: &HeaderMap) -> u64 {
    headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_openapi_document_describes_exactly_these_routes() {
        let document: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        let mut described = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let resource = Resource::find(&path.replace("{id}", "7"));
            let resource = resource.unwrap_or_else(|| panic!("{path} is no route"));
            for method in methods.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                assert!(resource.takes(&method), "{method} {path}");
                described.insert(format!("{resource:?}"));
            }
        }
        let all = [
            Resource::Health,
            Resource::Metrics,
            Resource::OpenApi,
            Resource::Status,
            Resource::Pools,
            Resource::Restart,
            Resource::Stop,
            Resource::Start,
            Resource::Upgrade,
            Resource::Tasks,
            Resource::Task(7),
            Resource::Server(None, ServerCommand::Drain),
            Resource::Server(None, ServerCommand::Undrain),
        ];
        let all: BTreeSet<_> = all.iter().map(|resource| format!("{resource:?}")).collect();
        assert_eq!(described, all);
    }

    #[test]
    fn waits_are_read_with_their_unit_and_bounded() {
        for (text, millis) in [
            ("30s", Some(30_000)),
            ("60", Some(60_000)),
            ("250ms", Some(250)),
            ("61s", None),
            ("1m", None),
            ("", None),
            ("-1s", None),
        ] {
            assert_eq!(read_wait(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn servers_are_named_by_address_and_port() {
        let drain = |path: &str| match Resource::find(path) {
            Some(Resource::Server(addr, ServerCommand::Drain)) => addr.map(|a| a.to_string()),
            other => panic!("{path}: {other:?}"),
        };
        for (path, addr) in [
            ("/v1/servers/10.0.0.1:2881/drain", Some("10.0.0.1:2881")),
            ("/v1/servers/10.0.0.1%3a2881/drain", Some("10.0.0.1:2881")),
            ("/v1/servers/[::1]:2881/drain", Some("[::1]:2881")),
            ("/v1/servers/%5B::1%5D%3A2881/drain", Some("[::1]:2881")),
            ("/v1/servers/10.0.0.1/drain", None),
            ("/v1/servers/ob1:2881/drain", None),
            ("/v1/servers/10.0.0.1:70000/drain", None),
            ("/v1/servers//drain", None),
        ] {
            assert_eq!(drain(path).as_deref(), addr, "{path}");
        }
        for path in [
            "/v1/servers/",
            "/v1/servers/10.0.0.1:2881",
            "/v1/servers/10.0.0.1:2881/",
            "/v1/servers/10.0.0.1:2881/stop",
            "/v1/servers/10.0.0.1:2881/drain/",
        ] {
            assert_eq!(Resource::find(path), None, "{path}");
        }
    }

    #[test]
    fn task_numbers_are_numbers() {
        assert_eq!(Resource::find("/v1/tasks/7"), Some(Resource::Task(7)));
        for path in ["/v1/tasks/", "/v1/tasks/x", "/v1/tasks/7/", "/v1/tasks/-1"] {
            assert_eq!(Resource::find(path), None, "{path}");
        }
    }
}
