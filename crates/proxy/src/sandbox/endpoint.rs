//! The sandbox' own endpoint: what each simulated server has executed, and what is wrong with it.
//!
//! `GET /servers`; `GET /chaos`, `GET /chaos/{addr}` and `POST /chaos/{addr}` with a fault as JSON;
//! `GET /tablets/{tenant}/{database}/{table}` tells who leads a table's tablets, and
//! `POST /tablets/{id}/leader/{addr}` makes another server the leader of one.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use odp_simulator::{Cluster, Fault, FaultReport, SimulatorError};
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How long a client may take for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take for the body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest body, in bytes.
const MAX_BODY: usize = 16 << 10;

/// Serves until it is aborted; whoever connects is on this machine.
pub(super) async fn run(listener: TcpListener, cluster: Arc<Cluster>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, Arc::clone(&cluster)));
            }
            Err(error) => {
                tracing::warn!(%error, "the control endpoint cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, cluster: Arc<Cluster>) {
    let service = service_fn(|request: Request<Incoming>| {
        let cluster = Arc::clone(&cluster);
        async move { Ok::<_, Infallible>(render(answer(request, cluster).await)) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "control connection");
    }
}

/// A status and a document; refusals have the form of the proxy's own.
type Answer = Result<Value, (StatusCode, String)>;

async fn answer(request: Request<Incoming>, cluster: Arc<Cluster>) -> Answer {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let call = match (request.method(), parts.as_slice()) {
        (&Method::POST, ["chaos", addr]) => {
            let addr = address(addr)?;
            let fault = fault(request).await?;
            let injected = on_the_side(move || cluster.inject(addr, &fault)).await?;
            return injected
                .map(|report| json!(report))
                .map_err(|e| explain(&e));
        }
        (&Method::GET, ["servers"]) => Call::Servers,
        (&Method::GET, ["chaos"]) => Call::Faults,
        (&Method::GET, ["chaos", addr]) => Call::FaultsOf(address(addr)?),
        (&Method::POST, ["tablets", tablet, "leader", to]) => {
            let tablet = tablet.parse().map_err(|_| refuse(StatusCode::NOT_FOUND))?;
            Call::Lead(tablet, address(to)?)
        }
        (&Method::GET, ["tablets", tenant, database, table]) if *database != "leader" => {
            Call::Tablets([tenant, database, table].map(|name| (*name).to_owned()))
        }
        (_, ["servers" | "chaos"] | ["chaos", _] | ["tablets", _, _, _]) => {
            return Err(refuse(StatusCode::METHOD_NOT_ALLOWED));
        }
        _ => return Err(refuse(StatusCode::NOT_FOUND)),
    };
    on_the_side(move || call.run(&cluster)).await?
}

/// What a request without a body asks for.
enum Call {
    Servers,
    Faults,
    FaultsOf(SocketAddr),
    Tablets([String; 3]),
    Lead(i64, SocketAddr),
}

impl Call {
    fn run(&self, cluster: &Cluster) -> Answer {
        match self {
            Self::Servers => Ok(json!(cluster.servers())),
            Self::Faults => Ok(json!(cluster.faults())),
            Self::FaultsOf(addr) => {
                let is = |report: &FaultReport| report.addr == *addr;
                let found = cluster.faults().into_iter().find(is);
                found
                    .map(|report| json!(report))
                    .ok_or_else(|| refuse(StatusCode::NOT_FOUND))
            }
            Self::Tablets([tenant, database, table]) => {
                let tablets = cluster.tablets(tenant, database, table);
                tablets
                    .map(|tablets| json!(tablets))
                    .map_err(|e| explain(&e))
            }
            Self::Lead(tablet, to) => {
                let moved = cluster.move_leader(*tablet, *to);
                moved.map(|()| json!({})).map_err(|e| explain(&e))
            }
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, (StatusCode, String)> {
    text.parse().map_err(|_| {
        let text = format!("{text} is no address like 127.0.0.1:2881");
        (StatusCode::BAD_REQUEST, text)
    })
}

/// Runs what may wait for a simulated server, away from the thread that the proxy is run from.
async fn on_the_side<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, (StatusCode, String)> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// The fault in the body of a request. A page in somebody's browser cannot send one: it may not set this
/// content type for another origin.
async fn fault(request: Request<Incoming>) -> Result<Fault, (StatusCode, String)> {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) {
        return Err(refuse(StatusCode::FORBIDDEN));
    }
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if content_type.and_then(|kind| kind.split(';').next()) != Some("application/json") {
        let text = "the body must be application/json".to_owned();
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    let body = Limited::new(request.into_body(), MAX_BODY).collect();
    let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => return Err((StatusCode::BAD_REQUEST, error.to_string())),
        Err(_) => return Err(refuse(StatusCode::REQUEST_TIMEOUT)),
    };
    // An array would be read as an object without its keys.
    let object: serde_json::Result<Map<String, Value>> = serde_json::from_slice(&body);
    object
        .and_then(|object| serde_json::from_value(Value::Object(object)))
        .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

fn explain(error: &SimulatorError) -> (StatusCode, String) {
    let status = match error {
        SimulatorError::BadFault(_) => StatusCode::BAD_REQUEST,
        SimulatorError::NoSuchServer(_) | SimulatorError::NoSuchTable(_) => StatusCode::NOT_FOUND,
        SimulatorError::Impossible(_) => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, error.to_string())
}

fn refuse(status: StatusCode) -> (StatusCode, String) {
    let text = status.canonical_reason().unwrap_or_default();
    (status, text.to_owned())
}

fn render(answer: Answer) -> Response<Full<Bytes>> {
    let (status, document) = match answer {
        Ok(document) => (StatusCode::OK, document),
        Err((status, message)) => {
            let code = code(status);
            (status, json!({"error": {"code": code, "message": message}}))
        }
    };
    let mut answer = Response::new(Full::new(Bytes::from(document.to_string())));
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}

fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::CONFLICT => "not_possible",
        StatusCode::INTERNAL_SERVER_ERROR => "internal",
        _ => "bad_request",
    }
}
