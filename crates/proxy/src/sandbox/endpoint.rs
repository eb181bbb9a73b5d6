//! The sandbox' own endpoint: `GET /servers` tells what each simulated server has executed.

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
    let (status, document) = match (request.uri().path(), request.method()) {
        ("/servers", &Method::GET) => (StatusCode::OK, json!(cluster.servers())),
        ("/servers", _) => refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
        _ => refusal(StatusCode::NOT_FOUND, "not_found"),
    };
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
