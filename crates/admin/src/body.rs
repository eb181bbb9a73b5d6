//! JSON bodies, with a bound on their size and their time.

use crate::answer::Refusal;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// What a body may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes.
    pub(crate) bytes: u64,
    /// The time until it has arrived.
    pub(crate) time: Duration,
}

/// Reads a body; none at all is the default.
pub(crate) async fn read<T: DeserializeOwned + Default>(
    request: Request<Incoming>,
    limits: Limits,
) -> Result<T, Refusal> {
    Ok(parse(request, limits).await?.unwrap_or_default())
}

/// Reads a body that must be there.
pub(crate) async fn read_required<T: DeserializeOwned>(
    request: Request<Incoming>,
    limits: Limits,
) -> Result<T, Refusal> {
    let missing = || Refusal::bad_request("a JSON body is missing");
    parse(request, limits).await?.ok_or_else(missing)
}

async fn parse<T: DeserializeOwned>(
    request: Request<Incoming>,
    limits: Limits,
) -> Result<Option<T>, Refusal> {
    let kind = request.headers().get(CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| {
        let kind = kind.to_str().unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    });
    let bytes = collect(request.into_body(), limits).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    // A form of a web page cannot have this type without the page being asked first.
    if !is_json {
        return Err(Refusal::bad_request("the body must be application/json"));
    }
    // Objects only: a struct would take an array of its fields as well.
    serde_json::from_slice(&bytes)
        .and_then(|fields| serde_json::from_value(serde_json::Value::Object(fields)))
        .map(Some)
        .map_err(|error| Refusal::bad_request(&format!("the body is not understood: {error}")))
}

async fn collect(body: Incoming, limits: Limits) -> Result<Bytes, Refusal> {
    let limit = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
    let collecting = Limited::new(body, limit).collect();
    match tokio::time::timeout(limits.time, collecting).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Refusal::too_large(limits.bytes))
        }
        Ok(Err(error)) => Err(Refusal::bad_request(&format!(
            "the body broke off: {error}"
        ))),
        Err(_) => Err(Refusal::timeout()),
    }
}
