//! The endpoint's connections: HTTP/1.1 with a bound on everything a stranger could stretch.

use crate::access::{Access, Caller};
use crate::body;
use crate::operations::Operations;
use crate::route;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How much a client of the endpoint may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; a further one takes the place of the oldest.
    pub connections: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Bytes of a request's body.
    pub body_bytes: u64,
    /// From the end of one request to the end of the next one's head; as much again for its body.
    pub head_timeout: Duration,
    /// The whole life of a connection.
    pub connection_lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            head_bytes: 16 << 10,
            body_bytes: 64 << 10,
            head_timeout: Duration::from_secs(10),
            connection_lifetime: Duration::from_mins(10),
        }
    }
}

/// The endpoint over an [`Operations`].
#[derive(Debug)]
pub struct Server<O> {
    operations: Arc<O>,
    access: Arc<Access>,
    limits: Limits,
}

impl<O: Operations> Server<O> {
    /// Header lines of a request; more answer with 431.
    const MAX_HEADERS: usize = 64;
    /// How long accepting pauses when the process has no descriptor left.
    const PAUSE: Duration = Duration::from_millis(50);

    /// An endpoint that is not yet open.
    #[must_use]
    pub fn new(operations: Arc<O>, access: Access, limits: Limits) -> Self {
        Self {
            operations,
            access: Arc::new(access),
            limits,
        }
    }

    /// Serves `listener`, and the owner's Unix socket if there is one, until `stop`; open connections
    /// are cut then.
    pub async fn run(
        self,
        listener: TcpListener,
        owner: Option<UnixListener>,
        stop: CancellationToken,
    ) {
        let tasks = TaskTracker::new();
        let mut open: VecDeque<AbortHandle> = VecDeque::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted.map(|(stream, _)| {
                    tasks.spawn(self.connection(stream, Caller::Network)).abort_handle()
                }),
                accepted = accept_owner(owner.as_ref()) => accepted.map(|stream| {
                    tasks.spawn(self.connection(stream, Caller::Owner)).abort_handle()
                }),
            };
            match accepted {
                Ok(task) => {
                    open.retain(|task| !task.is_finished());
                    if open.len() >= self.limits.connections
                        && let Some(oldest) = open.pop_front()
                    {
                        oldest.abort();
                    }
                    open.push_back(task);
                }
                Err(error) => {
                    tracing::debug!(%error, "the admin endpoint cannot accept");
                    tokio::time::sleep(Self::PAUSE).await;
                }
            }
        }
        open.iter().for_each(AbortHandle::abort);
        tasks.close();
        tasks.wait().await;
    }

    fn connection<S>(
        &self,
        stream: S,
        caller: Caller,
    ) -> impl Future<Output = ()> + Send + use<O, S>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let operations = Arc::clone(&self.operations);
        let access = Arc::clone(&self.access);
        let limits = self.limits;
        let body_limits = body::Limits {
            bytes: limits.body_bytes,
            time: limits.head_timeout,
        };
        let service = service_fn(move |request: Request<Incoming>| {
            let (operations, access) = (Arc::clone(&operations), Arc::clone(&access));
            async move {
                let answer =
                    route::answer(request, caller, &access, &*operations, body_limits).await;
                Ok::<Response<_>, Infallible>(answer)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_buf_size(limits.head_bytes)
            .max_headers(Self::MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), service);
        async move {
            match tokio::time::timeout(limits.connection_lifetime, connection).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(error)) => tracing::debug!(%error, "admin connection"),
            }
        }
    }
}

/// Accepts a connection of this user or of root; others are dropped.
async fn accept_owner(listener: Option<&UnixListener>) -> std::io::Result<UnixStream> {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let own = std::fs::metadata("/proc/self").map(|own| own.uid());
    loop {
        let (stream, _) = listener.accept().await?;
        let peer = stream.peer_cred()?.uid();
        if peer == 0 || own.as_ref().is_ok_and(|&own| own == peer) {
            return Ok(stream);
        }
    }
}

#[cfg(test)]
mod tests;
