//! A client of the admin endpoint, for the commands that ask a running proxy.

use crate::coordinator::EndpointFile;
use crate::error::Error;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// The answer to a request.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Bytes,
}

/// An endpoint that may be asked.
#[derive(Debug, Clone)]
pub(crate) struct AdminClient {
    url: String,
    token: Option<String>,
    /// The owner's socket, which needs no token.
    socket: Option<PathBuf>,
}

/// What a request wants.
struct Question<'a> {
    method: Method,
    path: &'a str,
    body: Option<String>,
    /// Beyond the time that any answer may take.
    extra_time: Duration,
}

impl AdminClient {
    const TIMEOUT: Duration = Duration::from_secs(10);
    const LONGEST_BODY: usize = 64 << 20;
    /// The port of `http` where an address names none.
    const DEFAULT_PORT: u16 = 80;

    /// A client of the endpoint at `url`, for example `http://127.0.0.1:2884`.
    pub(crate) fn new(url: &str, token: Option<String>) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            token,
            socket: None,
        }
    }

    /// A client that finds out by itself how it may speak to an endpoint on this host: with the token
    /// of `token_file` or of the environment, over the owner's socket, or with the token file that the
    /// endpoint names.
    ///
    /// # Errors
    /// [`Error::Usage`] when `token_file` cannot be read.
    pub(crate) fn find(url: &str, token_file: Option<&Path>) -> Result<Self, Error> {
        let mut client = Self::new(url, None);
        if let Some(path) = token_file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
            client.token = Some(text.trim().to_owned());
            return Ok(client);
        }
        client.token = std::env::var("ODP_ADMIN_TOKEN").ok();
        let endpoint = client.local_port().and_then(EndpointFile::find);
        if let (None, Some(endpoint)) = (&client.token, endpoint) {
            let read = endpoint.token_file.map(std::fs::read_to_string);
            client.token = read.and_then(Result::ok).map(|text| text.trim().to_owned());
            client.socket = Some(endpoint.socket);
        }
        Ok(client)
    }

    /// Gets a resource.
    ///
    /// # Errors
    /// [`Error::Usage`] for a bad URL, [`Error::Unreachable`] when no answer comes.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Error> {
        self.get_within(path, Duration::ZERO).await
    }

    /// Gets a resource whose answer may take `extra_time` longer than others.
    ///
    /// # Errors
    /// Like [`Self::get`].
    pub(crate) async fn get_within(
        &self,
        path: &str,
        extra_time: Duration,
    ) -> Result<Answer, Error> {
        let (method, body) = (Method::GET, None);
        self.ask(&Question {
            method,
            path,
            body,
            extra_time,
        })
        .await
    }

    /// Posts a JSON document.
    ///
    /// # Errors
    /// Like [`Self::get`].
    pub(crate) async fn post(&self, path: &str, document: String) -> Result<Answer, Error> {
        self.ask(&Question {
            method: Method::POST,
            path,
            body: Some(document),
            extra_time: Duration::ZERO,
        })
        .await
    }

    async fn ask(&self, question: &Question<'_>) -> Result<Answer, Error> {
        let limit = Self::TIMEOUT + question.extra_time;
        let reason = match tokio::time::timeout(limit, self.exchange(question)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(Failure::Usage(reason))) => {
                return Err(Error::Usage(format!("{}: {reason}", self.url)));
            }
            Ok(Err(Failure::Unreachable(reason))) => reason,
            Err(_) => "no answer in time".to_owned(),
        };
        let url = self.url.clone();
        Err(Error::Unreachable { url, reason })
    }

    async fn exchange(&self, question: &Question<'_>) -> Result<Answer, Failure> {
        let uri = self.uri()?;
        let authority = uri.authority().ok_or(Failure::Usage("has no host"))?;
        let mut request = Request::builder()
            .method(question.method.clone())
            .uri(question.path)
            .header(HOST, authority.as_str());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if question.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = question.body.clone().unwrap_or_default();
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| Failure::Usage("the token is no header value"))?;
        if let Some(socket) = &self.socket
            && let Ok(stream) = UnixStream::connect(socket).await
        {
            return converse(stream, request).await;
        }
        let host = authority.host().trim_matches(['[', ']']);
        let addr = (host, authority.port_u16().unwrap_or(Self::DEFAULT_PORT));
        let stream = TcpStream::connect(addr).await.map_err(unreachable)?;
        converse(stream, request).await
    }

    fn uri(&self) -> Result<Uri, Failure> {
        let uri: Uri = self.url.parse().map_err(|_| Failure::Usage("is no URL"))?;
        if uri.scheme_str() == Some("http") {
            Ok(uri)
        } else {
            Err(Failure::Usage("only http:// URLs are possible"))
        }
    }

    /// The port, when the endpoint is on this host.
    fn local_port(&self) -> Option<u16> {
        let uri = self.uri().ok()?;
        let authority = uri.authority()?;
        let host = authority.host().trim_matches(['[', ']']);
        let local = host.eq_ignore_ascii_case("localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback());
        local.then(|| authority.port_u16().unwrap_or(Self::DEFAULT_PORT))
    }
}

enum Failure {
    Usage(&'static str),
    Unreachable(String),
}

fn unreachable<E: Into<Box<dyn std::error::Error + Send + Sync>>>(error: E) -> Failure {
    Failure::Unreachable(error.into().to_string())
}

async fn converse<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(unreachable)?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), AdminClient::LONGEST_BODY);
        let body = body.collect().await?.to_bytes();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Answer { status, body })
    };
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer.map_err(unreachable),
        ended = connection => match ended {
            Ok(()) => exchange.await.map_err(unreachable),
            Err(error) => Err(unreachable(error)),
        },
    }
}
