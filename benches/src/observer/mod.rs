//! A fast fake OBServer: three addresses, one thread, canned answers.
//!
//! It logs proxies in as an OBServer does (838 variables, an extra OK behind result sets), answers the
//! metadata queries about one hash-partitioned layout, so that odp routes for real, and everything else
//! from bytes made beforehand. Passwords are not checked.

mod answers;
mod login;
pub mod metadata;
mod rows;

use crate::Error;
use answers::Answers;
use odp_protocol::stream::{Stream, StreamError};
use odp_protocol::{Command, HEADER_LEN, PacketTracker};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

/// How many addresses the fake cluster has; each leads one of the partitions.
pub const SERVERS: usize = 3;

/// The name that the cluster gives itself.
pub const CLUSTER: &str = "bench";

/// The line that says that every port is open.
pub const READY: &str = "ready";

/// Serves these ports of the loopback until the process is ended.
///
/// # Errors
/// When a port cannot be opened.
pub fn run(ports: &[u16]) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("start the fake server"))?;
    LocalSet::new().block_on(&runtime, serve(ports))
}

async fn serve(ports: &[u16]) -> Result<(), Error> {
    let addrs = addresses(ports);
    let answers = Rc::new(Answers::new(&addrs));
    let mut acceptors = Vec::new();
    for addr in addrs {
        let listener = crate::relay::listen(addr)?;
        acceptors.push(tokio::task::spawn_local(accept(
            listener,
            Rc::clone(&answers),
        )));
    }
    crate::relay::announce(READY)?;
    for acceptor in acceptors {
        acceptor
            .await
            .map_err(|error| Error::Usage(error.to_string()))?;
    }
    Ok(())
}

/// The addresses of these ports.
#[must_use]
pub fn addresses(ports: &[u16]) -> Vec<SocketAddr> {
    let addr = |&port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    ports.iter().map(addr).collect()
}

/// How much of an answer is copied for one write, in bytes.
const WRITE_MAX: usize = 256 << 10;

async fn accept(listener: TcpListener, answers: Rc<Answers>) {
    let mut id = 0_u32;
    while let Ok((stream, _)) = listener.accept().await {
        id = id.wrapping_add(1);
        let answers = Rc::clone(&answers);
        tokio::task::spawn_local(async move {
            // A client that goes away ends its session; nobody is left to tell.
            session(stream, id, &answers).await.ok();
        });
    }
}

async fn session(stream: TcpStream, id: u32, answers: &Answers) -> Result<(), StreamError> {
    stream.set_nodelay(true)?;
    let mut stream = Stream::plain(stream);
    let mode = login::run(&mut stream, id).await?;
    let mut state = answers::State::new(mode);
    loop {
        let mut packet = PacketTracker::default();
        let count = packet.advance(stream.inbound());
        if !packet.is_done() {
            // A request of several reads is tracked from its start each time; requests are small here.
            if stream.read_more().await? == 0 {
                return Ok(());
            }
            continue;
        }
        let request = stream.take(count);
        let payload = request.get(HEADER_LEN..).unwrap_or_default();
        let command = Command::parse(payload)?;
        let Some(answer) = answers.to(command, &mut state) else {
            return Ok(());
        };
        for chunk in answer.chunks(WRITE_MAX) {
            stream.outbound().extend_from_slice(chunk);
            stream.flush().await?;
        }
    }
}
