//! A bare copy relay: two threads a client, each a loop of read and write.

use super::{Task, announce};
use crate::{Error, observer};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// The stack of a copying thread, in bytes.
const STACK: usize = 64 << 10;
/// What one read takes, in bytes.
const CHUNK: usize = 16 << 10;

/// Relays until the process is ended.
///
/// # Errors
/// When the port cannot be opened.
pub fn run(task: Task) -> Result<(), Error> {
    let listener = TcpListener::bind(task.addr()).map_err(Error::io("open a port"))?;
    announce(observer::READY)?;
    let task = Arc::new(task);
    for (number, client) in listener.incoming().enumerate() {
        let client = client.map_err(Error::io("accept a client"))?;
        let at = number % task.servers.len();
        if let Some(&server) = task.servers.get(at) {
            serve(client, server, &task).map_err(Error::io("start two threads"))?;
        }
    }
    Ok(())
}

fn serve(client: TcpStream, server: SocketAddr, task: &Arc<Task>) -> std::io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client_back, server_back) = (client.try_clone()?, server.try_clone()?);
    let task = Arc::clone(task);
    let thread = || std::thread::Builder::new().stack_size(STACK);
    thread().spawn(move || copy(client, server, || task.spin()))?;
    thread().spawn(move || copy(server_back, client_back, || {}))?;
    Ok(())
}

/// Copies until one side is gone, which ends the other direction too.
fn copy(mut from: TcpStream, mut to: TcpStream, each: impl Fn()) {
    let mut chunk = [0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        each();
        let bytes = chunk.get(..count).unwrap_or_default();
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
