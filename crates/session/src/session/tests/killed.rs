//! Sessions that are killed, and those that kill.

use super::*;
use odp_protocol::ErrPacket;
use odp_protocol::stream::StreamError;
use std::time::Duration;
use tokio::time::timeout;

/// A session in front of two servers that end at `lost`, and the client's end of it.
fn victim(context: &Context) -> (Session, Stream) {
    let (near, client) = tokio::io::duplex(PIPE);
    let pipes = [0, 1].map(|_| {
        let (near, far) = tokio::io::duplex(PIPE);
        tokio::task::spawn_local(FakeServer::sick().serve(far, 0));
        near
    });
    (session(client, pipes, context), stream(near))
}

/// Runs a session to its end, which closes its connections.
async fn run(mut session: Session, context: &Context) -> Result<SessionEnd, SessionError> {
    session.run(context).await
}

async fn ask(client: &mut Stream, text: &str) -> Result<ErrPacket, StreamError> {
    client.put_packet(0, &query(text));
    client.flush().await?;
    let (_, answer) = client.read_packet(1 << 20).await?;
    Ok(ErrPacket::parse(&answer)?)
}

#[test]
fn a_session_that_is_killed_hears_so_and_not_that_its_server_is_lost() {
    in_local_set(async {
        let (_lifecycle, watcher) = watch::channel(Lifecycle::Serving);
        let context = context(watcher);
        let ids = Arc::clone(&context.ids);
        for is_killed in [true, false] {
            let (victim, mut client) = victim(&context);
            ids.doom(victim.id.get(), is_killed);
            let serve = run(victim, &context);
            let drive = async {
                let told = ask(&mut client, "insert lost").await.unwrap();
                assert_eq!(told.code, if is_killed { 5066 } else { 10014 });
                let still = ask(&mut client, "refused 1").await;
                assert_eq!(still.is_ok(), !is_killed, "{still:?}");
                drop(client);
            };
            let (end, ()) = tokio::join!(serve, drive);
            assert_eq!(
                matches!(end, Err(SessionError::KilledAtWork)),
                is_killed,
                "{end:?}"
            );
        }
    });
}

#[test]
fn a_session_that_its_server_calls_killed_ends_with_the_servers_word() {
    in_local_set(async {
        let (_lifecycle, watcher) = watch::channel(Lifecycle::Serving);
        let context = context(watcher);
        for code in [4401, 5066] {
            let (victim, mut client) = victim(&context);
            let drive = async {
                let told = ask(&mut client, &format!("refused {code}")).await.unwrap();
                assert_eq!(told.code, code);
                let end = ask(&mut client, "select 1").await;
                assert!(end.is_err(), "{end:?}");
            };
            let (end, ()) = tokio::join!(run(victim, &context), drive);
            assert!(matches!(end, Err(SessionError::Killed)), "{end:?}");
        }
    });
}

#[test]
fn a_kill_that_waits_for_its_turn_is_given_up_when_its_client_leaves() {
    in_local_set(async {
        let (_lifecycle, watcher) = watch::channel(Lifecycle::Serving);
        let context = context(watcher);
        let mut turns = Vec::new();
        for _ in 0..Kills::AT_ONCE {
            turns.push(context.kills.turn().await.unwrap());
        }
        let (killer, mut client) = victim(&context);
        let drive = async {
            client.put_packet(0, &query("KILL 5"));
            client.flush().await.unwrap();
            turns_of_the_scheduler(100).await;
            drop(client);
        };
        let ended = async { tokio::join!(run(killer, &context), drive).0 };
        let end = timeout(Duration::from_secs(5), Box::pin(ended)).await;
        assert!(matches!(end, Ok(Err(SessionError::ClientGone))), "{end:?}");
        drop(turns);
    });
}
