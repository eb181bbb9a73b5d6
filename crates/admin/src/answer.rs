//! Answers: JSON documents, texts and refusals, with their headers.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::net::SocketAddr;

/// What a route answers with.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A request that is not fulfilled: `{"error": {"code", "message"}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    allow: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            allow: None,
        }
    }

    pub(crate) fn unauthorized() -> Self {
        let message = "the admin token is missing or wrong";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub(crate) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is no such resource",
        )
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn unknown_server(addr: SocketAddr) -> Self {
        let message = format!("the cluster has no server {addr}");
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn timeout() -> Self {
        let message = "the body did not arrive in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "bad_request", message)
    }

    pub(crate) fn precondition_failed(message: String) -> Self {
        Self::new(StatusCode::CONFLICT, "precondition_failed", message)
    }

    pub(crate) fn task_running(id: u64) -> Self {
        let message = format!("task {id} is under way");
        Self::new(StatusCode::CONFLICT, "task_running", message)
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("this resource takes {allow} only");
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self {
            allow: Some(allow),
            ..Self::new(status, "method_not_allowed", message)
        }
    }

    pub(crate) fn too_large(limit: u64) -> Self {
        let message = format!("a body may have at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    pub(crate) fn unavailable(reason: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason)
    }

    pub(crate) fn into_answer(self) -> Answer {
        #[derive(Serialize)]
        struct Document {
            error: Body,
        }
        #[derive(Serialize)]
        struct Body {
            code: &'static str,
            message: String,
        }
        let error = Body {
            code: self.code,
            message: self.message,
        };
        let mut answer = json(self.status, &Document { error });
        if let Some(allow) = self.allow {
            let allow = HeaderValue::from_static(allow);
            answer.headers_mut().insert(ALLOW, allow);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            answer.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        answer
    }
}

/// A JSON document.
pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Answer {
    match serde_json::to_vec(document) {
        Ok(body) => build(status, "application/json", body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            build(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", Vec::new())
        }
    }
}

/// A task that was accepted, and where to follow it.
pub(crate) fn accepted(location: &str, task: &impl Serialize) -> Answer {
    let mut answer = json(StatusCode::ACCEPTED, task);
    if let Ok(location) = HeaderValue::from_str(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// A JSON document that is a text already.
pub(crate) fn document(text: &str) -> Answer {
    build(StatusCode::OK, "application/json", text.as_bytes().to_vec())
}

/// Prometheus' text format.
pub(crate) fn metrics(text: String) -> Answer {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    build(StatusCode::OK, kind, text.into_bytes())
}

fn build(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
