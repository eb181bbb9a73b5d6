//! From a request's head to its answer.

use crate::access::Access;
use crate::answer::{Answer, Refusal, json, metrics};
use crate::operations::{Health, Operations};
use hyper::header::CONTENT_LENGTH;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, StatusCode};
use serde::Serialize;

/// A resource of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Health,
    Metrics,
    Status,
}

impl Resource {
    fn find(path: &str) -> Option<Self> {
        match path {
            "/health" => Some(Self::Health),
            "/metrics" => Some(Self::Metrics),
            "/v1/status" => Some(Self::Status),
            _ => None,
        }
    }

    /// Health tells nothing worth hiding, and load balancers have no place for a token.
    fn needs_token(self) -> bool {
        self != Self::Health
    }
}

/// Answers one request.
pub(crate) fn answer(
    head: &Parts,
    access: &Access,
    operations: &impl Operations,
    body_limit: u64,
) -> Answer {
    match dispatch(head, access, operations, body_limit) {
        Ok(answer) => answer,
        Err(refusal) => refusal.into_answer(),
    }
}

fn dispatch(
    head: &Parts,
    access: &Access,
    operations: &impl Operations,
    body_limit: u64,
) -> Result<Answer, Refusal> {
    access.check_source(&head.headers)?;
    let resource = Resource::find(head.uri.path());
    if resource.is_none_or(Resource::needs_token) {
        access.check_token(&head.headers)?;
    }
    if announced_length(&head.headers) > body_limit {
        return Err(Refusal::too_large(body_limit));
    }
    let resource = resource.ok_or_else(Refusal::not_found)?;
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return Err(Refusal::method_not_allowed("GET, HEAD"));
    }
    match resource {
        Resource::Health => health(operations.health()),
        Resource::Metrics => Ok(metrics(operations.metrics())),
        Resource::Status => Ok(json(StatusCode::OK, &operations.status())),
    }
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
