//! A client of the admin endpoint, for the commands that ask a running proxy.

use crate::error::Error;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;

/// The answer to a request.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Bytes,
}

/// An endpoint that may be asked.
pub(crate) struct AdminClient {
    url: String,
    token: Option<String>,
}

impl AdminClient {
    const TIMEOUT: Duration = Duration::from_secs(10);
    const LONGEST_BODY: usize = 64 << 20;

    /// A client of the endpoint at `url`, for example `http://127.0.0.1:2884`.
    pub(crate) fn new(url: &str, token: Option<String>) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            token,
        }
    }

    /// Gets a resource.
    ///
    /// # Errors
    /// [`Error::Usage`] for a bad URL, [`Error::Unreachable`] when no answer comes.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Error> {
        let usage = |reason: &str| Error::Usage(format!("{}: {reason}", self.url));
        let uri: Uri = format!("{}{path}", self.url)
            .parse()
            .map_err(|_| usage("is no URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(usage("only http:// URLs are possible"));
        }
        let authority = uri.authority().ok_or_else(|| usage("has no host"))?;
        let mut request = Request::get(path).header(HOST, authority.as_str());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(|_| usage("the token is no header value"))?;
        let host = authority.host().trim_matches(['[', ']']);
        let addr = (host, authority.port_u16().unwrap_or(80));
        let exchanged = tokio::time::timeout(Self::TIMEOUT, exchange(addr, request)).await;
        let reason = match exchanged {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(reason)) => reason,
            Err(_) => "no answer in time".to_owned(),
        };
        let url = self.url.clone();
        Err(Error::Unreachable { url, reason })
    }
}

async fn exchange(addr: (&str, u16), request: Request<Empty<Bytes>>) -> Result<Answer, String> {
    let stream = TcpStream::connect(addr)
        .await
        .map_err(|error| error.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), AdminClient::LONGEST_BODY);
        let body = body.collect().await?.to_bytes();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Answer { status, body })
    };
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer.map_err(|error| error.to_string()),
        ended = connection => match ended {
            Ok(()) => exchange.await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
    }
}
