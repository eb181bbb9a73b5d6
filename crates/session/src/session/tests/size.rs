//! How much room a session takes that waits for its client.

use super::*;

/// Most clients are idle: what their futures hold, they hold for as long as they are connected.
#[tokio::test]
async fn the_future_of_a_session_holds_no_room_for_what_is_rare() {
    const MOST: usize = 4 << 10;
    let (_running, lifecycle) = watch::channel(Lifecycle::Serving);
    let context = context(lifecycle);
    let [client, one, two] = [(); 3].map(|()| tokio::io::duplex(64).0);
    let mut session = session(client, [one, two], &context);
    let size = size_of_val(&session.run(&context));
    assert!(size <= MOST, "{size} bytes");
}
