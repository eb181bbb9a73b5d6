//! A server that drops dead at any byte of what it says: the client is told, and keeps its connection
//! unless an answer broke off inside a packet.

use super::*;
use bytes::{Buf, BytesMut};
use odp_protocol::{Control, ErrPacket, HEADER_LEN, ResponseTracker, Step, put_packet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a client sees of a command.
#[derive(Debug)]
enum Seen {
    /// A whole answer without an error.
    Answer,
    /// An error in its right place.
    Error(ErrPacket),
    /// The end of the connection, so many bytes into a packet.
    End(usize),
}

/// A transaction on the first server.
fn commands() -> Vec<Vec<u8>> {
    vec![
        query("select 3 from a"),
        query("begin"),
        query("insert into a values (1)"),
        query("select 2 from a"),
        [&[0x16], &b"select 5 from a where k = ?"[..]].concat(),
        execute(1, true, 4),
        query("commit"),
    ]
}

/// Runs the commands until something is lost: what was seen, the number of the command, and, where the
/// connection stands, whether it still answers.
async fn run_until_lost(dies_after: usize) -> Option<(Seen, usize, u32)> {
    let (_lifecycle, watcher) = watch::channel(Lifecycle::Serving);
    let context = Rc::new(context(watcher));
    let (mut near, client) = tokio::io::duplex(PIPE);
    let mut pipes = Vec::new();
    for dies_after in [Some(dies_after), None] {
        let (near, far) = tokio::io::duplex(PIPE);
        let mut server = FakeServer::default();
        server.dies_after = dies_after;
        tokio::task::spawn_local(server.serve(far, 0));
        pipes.push(near);
    }
    let servers = <[DuplexStream; 2]>::try_from(pipes).unwrap();
    let mut session = session(client, servers, &context);
    let id = session.id.get().get();
    let worker = tokio::task::spawn_local(async move { session.run(&context).await });
    let mut lost = None;
    for (number, command) in commands().into_iter().enumerate() {
        match ask(&mut near, &command).await {
            Seen::Answer => {}
            seen => {
                lost = Some((seen, number, id));
                break;
            }
        }
    }
    if let Some((Seen::Error(_), ..)) = &lost {
        let still = ask(&mut near, &query("select 1 from b")).await;
        assert!(matches!(still, Seen::Answer), "{still:?}");
    }
    drop(near);
    let end = worker.await.unwrap();
    if let Some((Seen::End(_), ..)) = &lost {
        assert!(
            matches!(end, Err(SessionError::ServerLost { .. })),
            "{end:?}"
        );
    }
    lost
}

/// Sends a command and follows its answer.
async fn ask(client: &mut DuplexStream, command: &[u8]) -> Seen {
    let mut out = BytesMut::new();
    put_packet(&mut out, 0, command);
    client.write_all(&out).await.unwrap();
    let mut tracker = ResponseTracker::new(CommandKind::from_byte(command[0]), Framing::default());
    let (mut pending, mut whole) = (BytesMut::new(), BytesMut::new());
    loop {
        match tracker
            .next(&pending)
            .unwrap_or_else(|e| panic!("{e} in {whole:?} pending {pending:?}"))
        {
            Step::Done => return Seen::Answer,
            Step::Packet(Control::Err, count) => {
                let payload = pending.split_to(count).split_off(HEADER_LEN);
                return Seen::Error(ErrPacket::parse(&payload).unwrap());
            }
            Step::Forward(count) | Step::Packet(_, count) => {
                pending.advance(count);
            }
            Step::More(_) => {
                let before = pending.len();
                if client.read_buf(&mut pending).await.unwrap() == 0 {
                    return Seen::End(behind_last_packet(&whole));
                }
                whole.extend_from_slice(&pending[before..]);
            }
        }
    }
}

/// How many bytes there are behind the last whole packet.
fn behind_last_packet(mut bytes: &[u8]) -> usize {
    while let Some(header) = FrameHeader::read(bytes) {
        let Some(rest) = bytes.get(header.frame_len()..) else {
            break;
        };
        bytes = rest;
    }
    bytes.len()
}

#[test]
fn a_server_lost_at_any_byte_is_told_and_only_a_broken_packet_ends_the_connection() {
    /// What the first server says in all, at most.
    const MOST: usize = 700;
    let commit = commands().len() - 1;
    let (mut told, mut ended, mut unnoticed) = (0, 0, 0);
    for dies_after in 1..=MOST {
        let Some((seen, number, id)) = in_local_set(run_until_lost(dies_after)) else {
            unnoticed += 1;
            continue;
        };
        match seen {
            Seen::Error(error) => {
                told += 1;
                let text = String::from_utf8_lossy(&error.message).into_owned();
                assert_eq!(error.code, 10014, "{dies_after}: {text}");
                for part in ["127.0.0.1:1", &format!("session {id}")] {
                    assert!(text.contains(part), "{dies_after}: {text}");
                }
                let rolled_back = text.contains("its transaction was rolled back");
                let unknown = text.contains("whether its transaction was committed is not known");
                let expected = (number > 0 && number < commit, number == commit);
                // COMMIT is not sent any more where the loss was noticed before.
                if number < commit || unknown {
                    assert_eq!((rolled_back, unknown), expected, "{dies_after}: {text}");
                } else {
                    assert!(rolled_back, "{dies_after}: {text}");
                }
            }
            Seen::End(inside) => {
                ended += 1;
                assert!(
                    inside > 0,
                    "{dies_after}: the connection ended between packets"
                );
            }
            Seen::Answer => unreachable!("an answer is no loss"),
        }
    }
    // The server's answers end before it dies, or it dies when nothing was to come that concerns a client.
    assert!(
        told > 150 && ended > 150 && unnoticed > 10,
        "{told}, {ended}, {unnoticed}"
    );
    assert!(
        in_local_set(run_until_lost(MOST)).is_none(),
        "the server said more"
    );
}
