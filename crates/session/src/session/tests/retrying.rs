//! Requests whose first server is lost or refuses them: sent again where that is safe, told once where
//! it is not.

use super::*;
use odp_protocol::put_packet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a client got for a command.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    /// An answer, with the rows in it.
    Rows(usize),
    /// This error.
    Error(u16),
    /// The end of the connection.
    Closed,
}

/// Moves the leader of `a` to the second server when it is asked for.
struct NewLeader(Arc<Router>);

impl Lookup for NewLeader {
    fn lookup(&self, asked: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        if asked == key("a") {
            self.0.install(asked, led_by(2), std::time::Instant::now());
        }
        Box::pin(std::future::ready(()))
    }

    fn refresh(&self, _: &TableKey) {}

    fn settled(&self, _: TableKey) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn report(&self, _: Evidence) {}

    fn refresh_cluster(&self) {}
}

/// Sends commands to a session whose first server is sick, and says what the client got for each.
async fn talk(commands: &[&str], moves_leader: bool) -> Vec<Got> {
    let (_lifecycle, watcher) = watch::channel(Lifecycle::Serving);
    let mut context = context(watcher);
    if moves_leader {
        context.lookup = Rc::new(NewLeader(Arc::clone(context.router.router())));
    }
    let (mut near, client) = tokio::io::duplex(PIPE);
    let (first, far) = tokio::io::duplex(PIPE);
    tokio::task::spawn_local(FakeServer::sick().serve(far, 100));
    let (second, far) = tokio::io::duplex(PIPE);
    tokio::task::spawn_local(FakeServer::default().serve(far, 200));
    let mut session = session(client, [first, second], &context);
    let worker = tokio::task::spawn_local(async move {
        session.run(&context).await.ok();
    });
    let mut got = Vec::new();
    for command in commands {
        let mut out = BytesMut::new();
        put_packet(&mut out, 0, &query(command));
        near.write_all(&out).await.unwrap();
        got.push(next_answer(&mut near).await);
    }
    drop(near);
    worker.await.unwrap();
    got
}

async fn next_answer(client: &mut DuplexStream) -> Got {
    let mut tracker = odp_protocol::ResponseTracker::new(CommandKind::Query, Framing::default());
    let (mut pending, mut received) = (BytesMut::new(), Vec::new());
    loop {
        match tracker.next(&pending).unwrap() {
            odp_protocol::Step::Done => break,
            odp_protocol::Step::Packet(odp_protocol::Control::Err, count) => {
                let packet = pending.split_to(count);
                return Got::Error(u16::from_le_bytes([packet[5], packet[6]]));
            }
            odp_protocol::Step::Forward(count) | odp_protocol::Step::Packet(_, count) => {
                received.extend(pending.split_to(count));
            }
            odp_protocol::Step::More(_) => {
                if client.read_buf(&mut pending).await.unwrap() == 0 {
                    return Got::Closed;
                }
            }
        }
    }
    assert!(pending.is_empty(), "bytes behind an answer");
    Got::Rows(String::from_utf8_lossy(&received).matches("row ").count())
}

#[test]
fn a_request_without_an_answer_is_sent_again_or_told_once_and_the_session_goes_on() {
    use Got::{Error, Rows};
    // What the sick server does is written in the statement; `b` is led by the other one.
    let table: &[(&[&str], &[Got])] = &[
        // Lost: only what changes nothing runs elsewhere.
        (&["select 3 lost from a"], &[Rows(3)]),
        (
            &["select 3 lost from a where x = concat('a', 1)"],
            &[Rows(3)],
        ),
        (&["insert into a lost"], &[Error(10014)]),
        (&["select 3 lost from a for update"], &[Error(10014)]),
        (&["select 3 lost, f(1) from a"], &[Error(10014)]),
        (&["begin", "select 3 lost from a"], &[Rows(0), Error(10014)]),
        // Refused: the server says that it did not run.
        (&["insert into a refused 8002"], &[Rows(0)]),
        (&["select 3 from a refused 5150"], &[Rows(3)]),
        (&["insert into a refused 8001"], &[Rows(0)]),
        (
            &["begin", "insert into a refused 5081", "commit"],
            &[Rows(0), Rows(0), Rows(0)],
        ),
        // Other errors are the client's.
        (&["insert into a refused 1205"], &[Error(1205)]),
        (&["select 1 from a refused 4012"], &[Error(4012)]),
        // Within a transaction nothing moves.
        (
            &["begin", "select 1 from a", "insert into a refused 8002"],
            &[Rows(0), Rows(1), Error(8002)],
        ),
        (
            &["begin", "select 1 from a", "select 1 lost from a"],
            &[Rows(0), Rows(1), Error(10014)],
        ),
    ];
    for (commands, expected) in table {
        let commands = [commands, &["select 2 from b"][..]].concat();
        let expected = [expected, &[Rows(2)][..]].concat();
        let in_vain =
            commands.iter().any(|text| text.contains("begin")) && expected.contains(&Error(8002));
        let got = in_local_set(talk(&commands, false));
        if in_vain {
            // The transaction is still open on the sick server, which serves the last statement too.
            assert_eq!(got[..got.len() - 1], expected[..expected.len() - 1]);
        } else {
            assert_eq!(got, expected, "{commands:?}");
        }
    }
}

#[test]
fn an_answer_that_has_begun_is_never_begun_again() {
    let got = in_local_set(talk(&["select 50 half from a"], false));
    assert!(
        matches!(got[..], [Got::Error(10014) | Got::Closed]),
        "{got:?}"
    );
}

#[test]
fn a_leader_that_has_moved_is_followed() {
    let statement = "insert into a refused 4038";
    let got = in_local_set(talk(&[statement, "select 2 from a"], true));
    assert_eq!(got, [Got::Rows(0), Got::Rows(2)]);
}

#[test]
fn a_leader_that_nobody_knows_is_waited_for_as_long_as_the_statement_may_take() {
    let got = in_local_set(async {
        let started = tokio::time::Instant::now();
        let got = talk(&["insert into a refused 4038", "select 2 from b"], false).await;
        (got, started.elapsed())
    });
    assert_eq!(got.0, [Got::Error(4038), Got::Rows(2)]);
    assert!((10..12).contains(&got.1.as_secs()), "{:?}", got.1);
}
