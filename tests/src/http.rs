//! A small HTTP client: one request, one answer, on the loopback.

use crate::Failure;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// An answer of an HTTP endpoint.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value, Failure> {
        serde_json::from_str(&self.body).map_err(|error| {
            Failure::answer(
                "a JSON body",
                format!("{} {}: {error}", self.status, self.body),
            )
        })
    }
}

/// `GET path` from the endpoint on `port`.
///
/// # Errors
/// When it cannot be reached or answers no HTTP.
pub fn get(port: u16, path: &str) -> Result<Answer, Failure> {
    request(port, "GET", path, None)
}

/// `POST path` with a JSON body.
///
/// # Errors
/// When it cannot be reached or answers no HTTP.
pub fn post(port: u16, path: &str, body: &Value) -> Result<Answer, Failure> {
    request(port, "POST", path, Some(&body.to_string()))
}

fn request(port: u16, method: &str, path: &str, body: Option<&str>) -> Result<Answer, Failure> {
    let what = format!("{method} http://127.0.0.1:{port}{path}");
    let exchange = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let body = body.map_or_else(String::new, |body| {
            format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        });
        let end = if body.is_empty() { "\r\n" } else { "" };
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{body}{end}"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(Failure::io(&what))?;
    let answer = String::from_utf8_lossy(&answer);
    parse(&answer).ok_or_else(|| Failure::answer(what, answer.as_ref()))
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head
        .strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}

const TIMEOUT: Duration = Duration::from_secs(10);
