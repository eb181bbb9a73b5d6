//! A copy relay on one tokio thread: what the runtime alone costs.

use super::{Task, announce, listen};
use crate::{Error, observer};
use std::io;
use std::rc::Rc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// What one read takes, in bytes.
const CHUNK: usize = 16 << 10;

/// Relays until the process is ended.
///
/// # Errors
/// When the port cannot be opened.
pub fn run(task: Task) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("start the relay"))?;
    LocalSet::new().block_on(&runtime, accept(Rc::new(task)))
}

async fn accept(task: Rc<Task>) -> Result<(), Error> {
    let listener = listen(task.addr())?;
    announce(observer::READY)?;
    let mut number = 0;
    loop {
        let accepted = listener.accept().await;
        let (client, _) = accepted.map_err(Error::io("accept a client"))?;
        let task = Rc::clone(&task);
        tokio::task::spawn_local(async move {
            // Either side going away ends the relay of this client.
            serve(client, number, &task).await.ok();
        });
        number += 1;
    }
}

async fn serve(mut client: TcpStream, number: usize, task: &Task) -> io::Result<()> {
    let at = number % task.servers.len();
    let Some(&server) = task.servers.get(at) else {
        return Ok(());
    };
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let mut request = vec![0; CHUNK];
    let mut answer = vec![0; CHUNK];
    loop {
        tokio::select! {
            count = from_client.read(&mut request) => {
                let count = count?;
                if count == 0 {
                    return Ok(());
                }
                task.spin();
                to_server.write_all(request.get(..count).unwrap_or_default()).await?;
            }
            count = from_server.read(&mut answer) => {
                let count = count?;
                if count == 0 {
                    return Ok(());
                }
                to_client.write_all(answer.get(..count).unwrap_or_default()).await?;
            }
        }
    }
}
