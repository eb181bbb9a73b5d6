//! Servers that send what no server may send: the client hears of it once and in its place, its session
//! goes on where that is possible, and nothing of it reaches another answer.

use super::*;
use bytes::{Buf, BytesMut};
use odp_protocol::{Control, ErrPacket, HEADER_LEN, ResponseTracker, Step, put_packet};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// What a client sees of a command.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Answer,
    /// An error with this code.
    Error(u16),
    /// The end of the connection, or bytes that no client understands.
    End,
}

/// A server that answers its first command with these bytes, and nothing else ever.
async fn lie(mut pipe: DuplexStream, bytes: Vec<u8>, then_closes: bool) {
    let mut command = BytesMut::new();
    while command.len() < HEADER_LEN + 1 {
        if pipe.read_buf(&mut command).await.unwrap_or(0) == 0 {
            return;
        }
    }
    pipe.write_all(&bytes).await.ok();
    if !then_closes {
        // Held open until the proxy closes it.
        while pipe.read_buf(&mut command).await.unwrap_or(0) > 0 {
            command.clear();
        }
    }
}

async fn ask(client: &mut DuplexStream, text: &str) -> Seen {
    let mut out = BytesMut::new();
    put_packet(&mut out, 0, &query(text));
    if client.write_all(&out).await.is_err() {
        return Seen::End;
    }
    let mut tracker = ResponseTracker::new(CommandKind::Query, Framing::default());
    let mut pending = BytesMut::new();
    loop {
        match tracker.next(&pending) {
            Err(_) => return Seen::End,
            Ok(Step::Done) => {
                assert!(pending.is_empty(), "more than one answer: {pending:02x?}");
                return Seen::Answer;
            }
            Ok(Step::Packet(Control::Err, count)) => {
                let payload = pending.split_to(count).split_off(HEADER_LEN);
                assert!(pending.is_empty(), "more than one answer: {pending:02x?}");
                return Seen::Error(ErrPacket::parse(&payload).unwrap().code);
            }
            Ok(Step::Forward(count) | Step::Packet(_, count)) => pending.advance(count),
            Ok(Step::More(_)) => {
                if client.read_buf(&mut pending).await.unwrap_or(0) == 0 {
                    return Seen::End;
                }
            }
        }
    }
}

/// What the client of a first server that lies so sees, and what it sees of the honest second one
/// afterwards.
async fn meet(bytes: Vec<u8>, then_closes: bool) -> (Seen, Seen) {
    let (_lifecycle, watcher) = watch::channel(Lifecycle::Serving);
    let context = context(watcher);
    let (mut near, client) = tokio::io::duplex(PIPE);
    let (liar, far) = tokio::io::duplex(PIPE);
    tokio::task::spawn_local(lie(far, bytes, then_closes));
    let (honest, far) = tokio::io::duplex(PIPE);
    tokio::task::spawn_local(FakeServer::default().serve(far, 0));
    let mut session = session(client, [liar, honest], &context);
    for lease in session.leases.iter_mut() {
        // The lie answers the client's own command.
        lease.synced.database = session.state.database.clone();
    }
    let serve = async move {
        let end = session.run(&context).await;
        drop(session);
        end
    };
    let drive = async {
        let first = ask(&mut near, "insert into a values (1)").await;
        let second = ask(&mut near, "select 3 from b").await;
        drop(near);
        (first, second)
    };
    let met = Box::pin(async { tokio::join!(serve, drive).1 });
    let limit = Duration::from_mins(10);
    timeout(limit, met)
        .await
        .expect("the session ends with its client")
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    put_packet(&mut out, sequence, payload);
    out.to_vec()
}

#[test]
fn an_answer_that_is_none_is_told_once_and_the_session_goes_on() {
    let ok = packet(1, &[0, 0, 0, 2, 0, 0, 0, 0]);
    let cases: [(&str, Vec<u8>, Seen); 9] = [
        ("a short OK", packet(1, &[0]), Seen::Error(10014)),
        (
            "an OK that ends in its status",
            packet(1, &[0, 0, 0, 2]),
            Seen::Error(10014),
        ),
        (
            "an ERR without a code",
            packet(1, &[0xFF]),
            Seen::Error(10014),
        ),
        ("an empty packet", packet(1, b""), Seen::Error(10014)),
        (
            "a count that is none",
            packet(1, &[0xFE; 20]),
            Seen::Error(10014),
        ),
        (
            "a length that leads nowhere",
            packet(1, &[0xFC]),
            Seen::Error(10014),
        ),
        (
            "a packet that never ends",
            b"\xFE\xFF\xFF\x01\0\0\0\x02".to_vec(),
            Seen::Error(10022),
        ),
        (
            "an ERR without SQLSTATE",
            [packet(1, b"\xFF\x7a\x04no"), packet(2, &ok[HEADER_LEN..])].concat(),
            Seen::Error(1146),
        ),
        (
            "session changes that lie about their length",
            packet(1, &[0, 0, 0, 2, 0x40, 0, 0, 0, 3, 0, 200, 1]),
            Seen::Answer,
        ),
    ];
    for (what, bytes, expected) in cases {
        let (first, second) = in_local_set(meet(bytes, false));
        assert_eq!(first, expected, "{what}");
        assert_eq!(second, Seen::Answer, "{what}: the session goes on");
    }
}

#[test]
fn a_result_that_breaks_its_own_rules_never_reaches_the_next_answer() {
    let end = [0xFE, 0, 0, 2, 0];
    let column = [3, b'd', b'e', b'f'];
    let cases: [(&str, Vec<u8>); 5] = [
        (
            "more columns than were counted",
            [
                packet(1, &[1]),
                packet(2, &column),
                packet(3, &column),
                packet(4, &end),
            ]
            .concat(),
        ),
        (
            "fewer columns than were counted",
            [
                packet(1, &[9]),
                packet(2, &column),
                packet(3, &end),
                packet(4, &end),
            ]
            .concat(),
        ),
        (
            "an end, and a row behind it",
            [
                packet(1, &[1]),
                packet(2, &column),
                packet(3, &end),
                packet(4, &end),
                packet(5, &[1, b'x']),
            ]
            .concat(),
        ),
        (
            "numbers out of their order",
            [
                packet(7, &[1]),
                packet(3, &column),
                packet(3, &end),
                packet(200, &end),
            ]
            .concat(),
        ),
        (
            "columns without end",
            [
                packet(1, &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
                packet(2, &column).repeat(5_000),
            ]
            .concat(),
        ),
    ];
    for (what, bytes) in cases {
        for then_closes in [false, true] {
            let (first, second) = in_local_set(meet(bytes.clone(), then_closes));
            let goes_on = matches!(second, Seen::Answer);
            // In the middle of an answer, only its end is left to tell.
            assert!(
                goes_on || matches!(first, Seen::End) || second == Seen::End,
                "{what}: {first:?} {second:?}"
            );
        }
    }
}

#[test]
fn an_answer_with_any_byte_wrong_ends_in_an_answer_an_error_or_the_end() {
    let (mut answers, mut errors, mut ends) = (0, 0, 0);
    let column = b"\x03def\0\0\0\x01c\0\x0c\x2d\0\x64\0\0\0\xfd\0\0\0\0\0";
    let honest = [
        packet(1, &[1]),
        packet(2, column),
        packet(3, &[0xFE, 0, 0, 2, 0]),
        packet(4, b"\x03abc"),
        packet(5, &[0xFE, 0, 0, 2, 0]),
        packet(6, &[0, 0, 0, 2, 0, 0, 0]),
    ]
    .concat();
    for at in 0..honest.len() {
        for wrong in [0x00, 0x01, 0x7F, 0xFB, 0xFE, 0xFF] {
            let mut bytes = honest.clone();
            bytes[at] = wrong;
            match in_local_set(meet(bytes, true)) {
                (Seen::Answer, _) => answers += 1,
                (Seen::Error(_), second) => {
                    errors += 1;
                    assert_eq!(second, Seen::Answer, "byte {at} is {wrong:02x}");
                }
                (Seen::End, _) => ends += 1,
            }
        }
    }
    assert!(
        answers > 50 && errors > 20 && ends > 20,
        "{answers}, {errors}, {ends}"
    );
}
