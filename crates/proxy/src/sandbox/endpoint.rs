//! The sandbox' own endpoint: `GET /servers` tells what each simulated server has executed,
//! `GET /tablets/{tenant}/{database}/{table}` who leads a table's tablets, and
//! `POST /tablets/{id}/leader/{addr}` makes another server the leader of one.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use odp_simulator::Cluster;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How long a client may take for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

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
        let answer = answer(&request, &cluster);
        std::future::ready(Ok::<_, Infallible>(answer))
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

fn answer(request: &Request<Incoming>, cluster: &Cluster) -> Response<Full<Bytes>> {
    let parts: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    let wanted = match parts.as_slice() {
        ["servers"] | ["tablets", _, _, _] if parts.get(2) != Some(&"leader") => Method::GET,
        ["tablets", _, "leader", _] => Method::POST,
        _ => return response(refusal(StatusCode::NOT_FOUND, "not_found")),
    };
    if *request.method() != wanted {
        let refused = refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        return response(refused);
    }
    let done = match parts.as_slice() {
        ["tablets", tablet, "leader", to] => tablet
            .parse()
            .ok()
            .zip(to.parse().ok())
            .and_then(|(tablet, to)| cluster.move_leader(tablet, to).ok())
            .map(|()| json!({})),
        ["tablets", tenant, database, table] => cluster
            .tablets(tenant, database, table)
            .ok()
            .map(|tablets| json!(tablets)),
        _ => Some(json!(cluster.servers())),
    };
    response(match done {
        Some(document) => (StatusCode::OK, document),
        None => refusal(StatusCode::NOT_FOUND, "not_found"),
    })
}

fn response((status, document): (StatusCode, Value)) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(document.to_string())));
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}

fn refusal(status: StatusCode, code: &str) -> (StatusCode, Value) {
    let message = status.canonical_reason().unwrap_or_default();
    let error = json!({"error": {"code": code, "message": message}});
    (status, error)
}
