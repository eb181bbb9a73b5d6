//! In front of a real `MariaDB` server (`server_routing_mode = "mysql"`): the same answers as
//! without the proxy, every login method relayed, and a dead server that hurts nobody else.

use odp_tests::clients::{self, Account, mariadb};
use odp_tests::mysql::Connection;
use odp_tests::process::{is_alive, send};
use odp_tests::proxy::Settings;
use odp_tests::{Failure, MariadbServer, Proxy, Timer, wait};
use rustix::process::Signal;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

odp_tests::test_themes!(same_answers);
odp_tests::test_themes!(same_answers: a_changed_user_is_the_same => "change_user",);

fn same_answers(scenario: &str) -> Result<(), Failure> {
    let world = World::shared()?;
    clients::same_answers(scenario, world.direct("app", PASSWORD), world.proxy.port())
        .map_err(|failure| world.explain(&failure))
}

#[test]
fn an_ed25519_login_is_relayed() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::shared()?;
    let who = "SELECT CURRENT_USER() AS u";
    let output = mariadb(world.proxied("modern", PASSWORD), "test", who)
        .map_err(|failure| world.explain(&failure))?;
    assert_eq!(output, "u\nmodern@%\n");
    let refusal = |account| {
        let refused = mariadb(account, "test", who).err();
        let text = refused.map(|failure| failure.to_string());
        let text = text.unwrap_or_else(|| "let in".to_owned());
        text.lines()
            .find(|line| line.contains("ERROR"))
            .unwrap_or(&text)
            .to_owned()
    };
    let direct = refusal(world.direct("modern", "wrong"));
    assert!(direct.contains("1045"), "{direct}");
    assert_eq!(refusal(world.proxied("modern", "wrong")), direct);
    Ok(())
}

#[test]
fn a_server_sees_no_statement_but_its_clients() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::shared()?;
    // The client names the database in its login, which is no statement.
    let counted = "SHOW SESSION STATUS WHERE Variable_name IN ('Com_change_db', 'Questions')";
    let ask = |account| mariadb(account, "test", counted);
    let direct = ask(world.direct("app", PASSWORD))?;
    assert!(direct.contains("Com_change_db\t0"), "{direct}");
    let proxied = ask(world.proxied("app", PASSWORD)).map_err(|failure| world.explain(&failure))?;
    assert_eq!(proxied, direct);
    Ok(())
}

#[test]
fn a_client_that_is_not_greeted_is_told_why() -> Result<(), Failure> {
    let _timer = Timer::start();
    let full = b"\x17\0\0\0\xFF\x10\x04Too many connections";
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Failure::io("listen"))?;
    let port = listener.local_addr().map_err(Failure::io("listen"))?.port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.write_all(full)
    });
    let proxy = proxy_in_front_of(&[port])?;
    assert_eq!(greeting_of(&proxy)?, full, "{}", proxy.evidence());
    server
        .join()
        .expect("no panic")
        .map_err(Failure::io("serve"))?;
    // Nobody listens there any more. No code is a client's own, as of 2000: libmariadb hides those.
    let answer = greeting_of(&proxy)?;
    let text = String::from_utf8_lossy(answer.get(7..).unwrap_or_default());
    assert_eq!(answer.get(3..7), Some(&b"\0\xFF\xAC\x0F"[..]), "{text}");
    assert!(text.starts_with("no server"), "{text}");
    Ok(())
}

/// Everything that a silent client gets.
fn greeting_of(proxy: &Proxy) -> Result<Vec<u8>, Failure> {
    let mut greeting = Vec::new();
    TcpStream::connect(("127.0.0.1", proxy.port()))
        .and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            stream.read_to_end(&mut greeting)
        })
        .map_err(Failure::io("read a greeting"))?;
    Ok(greeting)
}

#[test]
fn a_killed_server_ends_its_clients_and_the_proxy_stays() -> Result<(), Failure> {
    let _timer = Timer::start();
    let (mut first, second) = (MariadbServer::start()?, MariadbServer::start()?);
    let proxy = proxy_in_front_of(&[first.port(), second.port()])?;
    let data_plane = proxy.data_plane()?;
    let mut sessions = Vec::new();
    for _ in 0..8 {
        let mut session = Connection::login(proxy.port(), "root", "")?;
        let rows = session.query("SELECT @@port")?;
        let port = rows.first().and_then(|row| row.first().cloned().flatten());
        sessions.push((session, port));
    }
    send(first.id(), Signal::KILL)?;
    let _status = first.wait_for_end(Duration::from_secs(5))?;
    let on_first = Some(first.port().to_string());
    for (session, port) in &mut sessions {
        let answer = session.query("SELECT 1");
        if *port != on_first {
            assert!(answer.is_ok(), "{answer:?}\n{}", proxy.evidence());
            continue;
        }
        assert!(answer.is_err(), "a dead server answered {answer:?}");
        let again = session.query("SELECT 2");
        let cut = matches!(again, Err(Failure::Io { .. }));
        assert!(cut, "the connection is still open: {again:?}");
    }
    // Clients that come back find the other server, perhaps after the first was found dead.
    wait::until(
        "a login on the other server",
        Duration::from_secs(10),
        || {
            let mut session =
                Connection::login(proxy.port(), "root", "").map_err(|e| e.to_string())?;
            session.query("SELECT 3").map_err(|e| e.to_string())
        },
    )?;
    assert_eq!(proxy.health()?.status, 200, "{}", proxy.evidence());
    assert_eq!(proxy.data_plane()?, data_plane, "{}", proxy.evidence());
    assert!(is_alive(proxy.coordinator()));
    Ok(())
}

#[test]
fn an_idle_client_whose_session_the_server_ends_is_closed_at_once() -> Result<(), Failure> {
    let _timer = Timer::start();
    let world = World::shared()?;
    let mut killer = Connection::login(world.proxy.port(), "app", PASSWORD)?;
    // Killed by another client, and idle for longer than the server allows.
    for ending in ["KILL {id}", "SET wait_timeout = 1"] {
        let mut idle = Connection::login(world.proxy.port(), "app", PASSWORD)?;
        let rows = idle.query("SELECT CONNECTION_ID()")?;
        let id = rows[0][0].clone().unwrap_or_default();
        if ending.starts_with("KILL") {
            killer.query(&ending.replace("{id}", &id))?;
        } else {
            idle.query(ending)?;
        }
        let clean = idle.wait_for_clean_end(Duration::from_secs(5));
        let clean = clean.map_err(|failure| world.explain(&failure))?;
        assert!(clean, "{ending}");
    }
    assert_eq!(killer.query("SELECT 1")?.len(), 1);
    Ok(())
}

#[test]
fn a_server_killed_under_a_running_statement_ends_the_client_at_once() -> Result<(), Failure> {
    let _timer = Timer::start();
    let mut server = MariadbServer::start()?;
    let proxy = proxy_in_front_of(&[server.port()])?;
    let mut session = Connection::login(proxy.port(), "root", "")?;
    let id = session.query("SELECT CONNECTION_ID()")?;
    let id = id[0][0].clone().unwrap_or_default();
    let waiting = std::thread::spawn(move || (session.query("SELECT SLEEP(60)"), Instant::now()));
    let mut watcher = Connection::login(server.port(), "root", "")?;
    let running = format!(
        "SELECT COUNT(*) FROM information_schema.processlist \
         WHERE info LIKE 'SELECT SLEEP%' AND (id = {id} OR user = 'root')"
    );
    wait::until(
        "the statement on the server",
        Duration::from_secs(10),
        || {
            let rows = watcher.query(&running).map_err(|e| e.to_string())?;
            if rows[0][0].as_deref() == Some("0") {
                return Err("not there".to_owned());
            }
            Ok(())
        },
    )?;
    let killed = Instant::now();
    send(server.id(), Signal::KILL)?;
    let _status = server.wait_for_end(Duration::from_secs(5))?;
    let joined = waiting.join();
    let (answer, ended) = joined.map_err(|_| Failure::answer("SLEEP", "the client panicked"))?;
    assert!(answer.is_err(), "{answer:?}");
    let took = ended - killed;
    assert!(
        took < Duration::from_secs(2),
        "{took:?}\n{}",
        proxy.evidence()
    );
    assert!(is_alive(proxy.coordinator()));
    Ok(())
}

/// A server with two accounts on it and a proxy in front.
struct World {
    server: MariadbServer,
    proxy: Proxy,
}

impl World {
    fn shared() -> Result<Arc<Self>, Failure> {
        static SHARED: Mutex<Option<Arc<World>>> = Mutex::new(None);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(world) = shared.as_ref() {
            return Ok(Arc::clone(world));
        }
        let server = MariadbServer::start()?;
        let mut root = Connection::login(server.port(), "root", "")?;
        for sql in [
            "INSTALL SONAME 'auth_ed25519'".to_owned(),
            format!("CREATE USER app IDENTIFIED BY '{PASSWORD}'"),
            "GRANT ALL ON *.* TO app".to_owned(),
            "CREATE USER second IDENTIFIED BY 'other'".to_owned(),
            "GRANT ALL ON *.* TO second".to_owned(),
            format!("CREATE USER modern IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}')"),
            "GRANT ALL ON *.* TO modern".to_owned(),
        ] {
            root.query(&sql)?;
        }
        let proxy = proxy_in_front_of(&[server.port()])?;
        let world = Arc::new(Self { server, proxy });
        *shared = Some(Arc::clone(&world));
        Ok(world)
    }

    fn direct<'a>(&self, user: &'a str, password: &'a str) -> Account<'a> {
        Account {
            port: self.server.port(),
            user,
            password,
        }
    }

    fn proxied<'a>(&self, user: &'a str, password: &'a str) -> Account<'a> {
        self.proxy.account(user, password)
    }

    fn explain(&self, failure: &Failure) -> Failure {
        let logs = format!("{}\n{}", self.proxy.evidence(), self.server.evidence());
        Failure::answer("behind MariaDB", format!("{failure}\n{logs}"))
    }
}

fn proxy_in_front_of(servers: &[u16]) -> Result<Proxy, Failure> {
    let settings = Settings::in_front_of(servers)
        .with("server_routing_mode", "\"mysql\"")
        .with("graceful_exit_delay", "\"100ms\"");
    Proxy::start(&settings)
}

const PASSWORD: &str = "secret";
