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
    /// The status line and the headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(':'));
        headers
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .next()
    }

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
    Endpoint::open(port).get(path)
}

/// An HTTP endpoint on the loopback.
#[derive(Debug, Clone)]
pub struct Endpoint {
    port: u16,
    token: Option<String>,
}

impl Endpoint {
    /// One that asks for nothing.
    #[must_use]
    pub fn open(port: u16) -> Self {
        Self { port, token: None }
    }

    /// The same with a token in every request.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `GET path`.
    ///
    /// # Errors
    /// When it cannot be reached or answers no HTTP.
    pub fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.request("GET", path, None)
    }

    /// A request with any method, and a JSON body or none.
    ///
    /// # Errors
    /// When it cannot be reached or answers no HTTP.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let mut head = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n",
            self.port
        );
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut header = |name: &str, value: &str| {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        };
        if let Some(token) = &self.token {
            header("Authorization", &format!("Bearer {token}"));
        }
        if !body.is_empty() {
            header("Content-Type", "application/json");
            header("Content-Length", &body.len().to_string());
        }
        let what = format!("{method} http://127.0.0.1:{}{path}", self.port);
        let answer =
            exchange(self.port, &format!("{head}\r\n{body}")).map_err(Failure::io(&what))?;
        let answer = String::from_utf8_lossy(&answer);
        parse(&answer).ok_or_else(|| Failure::answer(what, answer.as_ref()))
    }
}

fn exchange(port: u16, request: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
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
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

const TIMEOUT: Duration = Duration::from_secs(10);
