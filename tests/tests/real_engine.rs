//! In front of the real engine: the same answers as without the proxy.

use odp_tests::clients::{self, Account, mariadb, python};
use odp_tests::mysql::{self, Connection};
use odp_tests::proxy::Settings;
use odp_tests::{Engine, Failure, Proxy, Timer, wait};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

odp_tests::test_themes!(same_answers);

#[test]
fn every_form_of_the_user_name_logs_in() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::shared()?;
    let user = |user| world.proxy.account(user, PASSWORD);
    for name in ["app", "app@sys", "app@sys#obcluster", "obcluster:sys:app"] {
        let output = mariadb(user(name), "test", "SELECT CURRENT_USER() AS u")?;
        assert_eq!(output, "u\napp@%\n", "{name}");
    }
    Ok(())
}

#[test]
fn clients_are_greeted_with_the_engines_own_version() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::shared()?;
    let version = |port| -> Result<Vec<u8>, Failure> {
        let greeting = mysql::greeting(port)?;
        Ok(greeting
            .split(|&byte| byte == 0)
            .next()
            .unwrap_or_default()
            .to_vec())
    };
    let direct = version(world.engine.port())?;
    assert!(direct.len() > 5, "{direct:?}");
    // Each worker learns it for itself, before its first client.
    for _ in 0..8 {
        assert_eq!(
            version(world.proxy.port())?,
            direct,
            "{}",
            world.proxy.evidence()
        );
    }
    Ok(())
}

#[test]
fn a_ping_tells_a_client_that_it_was_killed_at_the_server() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::shared()?;
    let mut idle = Connection::login(world.proxy.port(), USER, PASSWORD)?;
    let rows = idle.query("SELECT CONNECTION_ID()")?;
    let id = rows[0][0].clone().unwrap_or_default();
    let mut stream = idle.into_stream();
    assert_eq!(ping(&mut stream)?.first(), Some(&0));
    let mut dba = Connection::login(world.engine.port(), USER, PASSWORD)?;
    dba.query(&format!("KILL {id}"))?;
    // The engine closes the connection after it has answered.
    wait::until("an end of the session", Duration::from_secs(10), || {
        let answer = ping(&mut stream).map_err(|failure| failure.to_string())?;
        let was_told =
            matches!(answer[..], [0xFF, low, high, ..] if u16::from_le_bytes([low, high]) == 4401);
        was_told
            .then_some(())
            .ok_or_else(|| format!("{answer:02x?}"))
    })
}

/// `COM_PING` and the payload of its answer.
fn ping(stream: &mut TcpStream) -> Result<Vec<u8>, Failure> {
    let mut answer = vec![0; 1024];
    stream
        .write_all(&[1, 0, 0, 0, 0x0E])
        .map_err(Failure::io("ping"))?;
    let length = stream.read(&mut answer).map_err(Failure::io("ping"))?;
    answer.truncate(length);
    Ok(answer.split_off(4.min(length)))
}

#[test]
fn the_c_extension_logs_in_through_the_proxy() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::shared()?;
    let port = world.proxy.port().to_string();
    python(
        "connector_works.py",
        &["c", USER, PASSWORD, &port],
        SCENARIO,
    )
    .map(drop)
}

/// An engine, an account with a password on it, and a proxy in front.
struct World {
    engine: Arc<Engine>,
    proxy: Proxy,
}

impl World {
    fn shared() -> Result<Arc<Self>, Failure> {
        static SHARED: Mutex<Option<Arc<World>>> = Mutex::new(None);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(world) = shared.as_ref() {
            return Ok(Arc::clone(world));
        }
        let engine = Engine::shared()?;
        let mut root = Connection::login(engine.port(), "root", "")?;
        root.query(&format!(
            "CREATE USER IF NOT EXISTS app IDENTIFIED BY '{PASSWORD}'"
        ))?;
        root.query("GRANT ALL ON *.* TO app")?;
        let settings = Settings::in_front_of(&[engine.port()])
            .with("rootservice_cluster_name", "\"obcluster\"")
            .with("metadata_user", "\"root@sys\"")
            .with("observer_sys_password", "\"\"");
        let world = Arc::new(Self {
            proxy: Proxy::start(&settings)?,
            engine,
        });
        *shared = Some(Arc::clone(&world));
        Ok(world)
    }
}

fn same_answers(scenario: &str) -> Result<(), Failure> {
    let world = World::shared()?;
    let direct = Account {
        port: world.engine.port(),
        user: USER,
        password: PASSWORD,
    };
    clients::same_answers(scenario, direct, world.proxy.port()).map_err(|failure| {
        let evidence = format!("{failure}\n{}", world.proxy.evidence());
        Failure::answer(format!("scenario {scenario}"), evidence)
    })
}

const USER: &str = "app@sys";
const PASSWORD: &str = "secret";
const SCENARIO: Duration = Duration::from_mins(3);
