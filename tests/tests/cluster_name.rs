//! A proxy that is told the wrong name of its cluster says so, to clients in the words of `OBProxy`'s servers.

use odp_tests::mysql::Connection;
use odp_tests::proxy::Settings;
use odp_tests::{Failure, Proxy, Sandbox, Timer, wait};
use std::time::Duration;

#[test]
fn servers_of_another_cluster_are_refused_with_their_name() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let settings = Settings::in_front_of(&sandbox.server_ports()?)
        .with("metadata_user", "\"root@sys\"")
        .with("rootservice_cluster_name", "\"mine\"");
    let mut wrong = Proxy::spawn(&settings)?;
    wrong.wait_for_health(503)?;
    let server = &sandbox.servers()?.swap_remove(0).addr;
    let said = wait::until("a word about the other cluster", MOMENT, || {
        let health = wrong.health().map_err(|error| error.to_string())?;
        let names = health.body.contains("`sandbox`, not to `mine`");
        if names { Ok(()) } else { Err(health.body) }
    });
    said.map_err(|failure| Failure::answer(failure.to_string(), wrong.evidence()))?;
    for (user, code, words) in [
        ("app@demo", 4666, "belongs to 'sandbox'"),
        ("app@demo#mine", 4666, server.as_str()),
        ("app@demo#mine", 4666, "cluster name is not match to 'mine'"),
        ("app@demo#sandbox", 4669, "cluster 'sandbox'"),
    ] {
        let refused = Connection::login(wrong.port(), user, "app").err();
        let found = refused.as_ref().and_then(Failure::server_code);
        assert_eq!(found, Some(code), "{user}: {refused:?}");
        let text = refused
            .map(|failure| failure.to_string())
            .unwrap_or_default();
        assert!(text.contains(words), "{user}: {text}");
    }

    let unchecked = settings.with("enable_cluster_checkout", "false");
    let unchecked = Proxy::start(&unchecked)?;
    for user in ["app@demo", "app@demo#mine"] {
        let mut session = Connection::login(unchecked.port(), user, "app")?;
        session.query("SELECT 1")?;
    }
    Ok(())
}

const MOMENT: Duration = Duration::from_secs(20);
