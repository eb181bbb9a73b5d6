//! Bad input gets a clear error and never costs the proxy its health.

use odp_tests::clients::odp;
use odp_tests::mysql::{Connection, greeting};
use odp_tests::process::is_alive;
use odp_tests::proxy::Settings;
use odp_tests::{Engine, Failure, Proxy, Sandbox, Timer, port, wait, workspace};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn check_reports_every_problem_at_once_with_its_key_and_a_hint() -> Result<(), Failure> {
    let _timer = Timer::start();
    let file = workspace::run_dir("check")?.join("wrong.toml");
    let wrong =
        "lisen_port = 2883\nclient_max_connections = \"many\"\nrootservice_list = \"nowhere\"\n";
    std::fs::write(&file, wrong).map_err(Failure::io("write a configuration"))?;
    let (status, stdout, stderr) = odp(&["check", "--config", &file.display().to_string()])?;
    let output = stdout + &stderr;
    assert_eq!(status.code(), Some(1), "{output}");
    for word in [
        "lisen_port",
        "listen_port",
        "client_max_connections",
        "rootservice_list",
    ] {
        assert!(output.contains(word), "no {word} in: {output}");
    }
    Ok(())
}

#[test]
fn check_accepts_the_sample_configuration() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sample = workspace::root()
        .join("config/odp.toml")
        .display()
        .to_string();
    let (status, stdout, stderr) = odp(&["check", "--config", &sample])?;
    assert_eq!(status.code(), Some(0), "{stdout}{stderr}");
    Ok(())
}

#[test]
fn servers_that_answer_late_are_found_and_until_then_health_says_why() -> Result<(), Failure> {
    let _timer = Timer::start();
    let server = port::free()?;
    let mut proxy = Proxy::spawn(&settings(server))?;
    proxy.wait_for_health(503)?;
    let answer = proxy.health()?;
    assert_eq!(answer.status, 503);
    assert!(answer.body.trim().len() > 5, "no reason: {:?}", answer.body);
    let refused = Connection::login(proxy.port(), "root@sys", "").err();
    let code = refused.as_ref().and_then(Failure::server_code);
    assert!(code.is_some(), "no error packet but {refused:?}");
    assert!(is_alive(proxy.coordinator()));

    let _engine = Engine::start_on(server)?;
    proxy.wait_for_health(200)?;
    let mut session = Connection::login(proxy.port(), "root@sys", "")?;
    assert_eq!(session.query("SELECT 7")?, [[Some("7".to_owned())]]);
    Ok(())
}

#[test]
fn refused_logins_get_the_error_numbers_of_obproxy() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    let port = sandbox.app().port;
    for (user, password, code) in [
        ("app@demo", "wrong", 1045),
        ("app@demo", "", 1045),
        ("nobody@demo", "app", 1045),
        ("app@no_such_tenant", "app", 1045),
        ("app@demo#no_such_cluster", "app", 4669),
        ("@demo", "app", 1045),
    ] {
        let refused = Connection::login(port, user, password).err();
        let got = refused.as_ref().and_then(Failure::server_code);
        assert_eq!(
            got,
            Some(code),
            "{user}: {refused:?}\n{}",
            sandbox.evidence()
        );
    }
    Connection::login(port, "app@demo", "app")?;
    Connection::login(port, "app@demo#sandbox", "app").map(drop)
}

#[test]
fn a_client_that_never_logs_in_is_closed_at_the_login_deadline() -> Result<(), Failure> {
    let _timer = Timer::start();
    let settings = in_front_of_the_engine()?.with("login_timeout", "\"1s\"");
    let proxy = Proxy::start(&settings)?;
    let started = Instant::now();
    let mut silent = connect(proxy.port())?;
    let mut trickling = connect(proxy.port())?;
    // A login that comes byte by byte must not buy more time than one that never starts.
    trickling
        .write_all(&[0xF0, 0, 0, 1])
        .map_err(Failure::io("begin a login"))?;
    wait::until_true(
        "the end of a trickling login",
        Duration::from_secs(5),
        || trickling.write_all(&[0]).is_err(),
    )?;
    read_to_end(&mut silent, Duration::from_secs(5))?;
    let took = started.elapsed();
    assert!(
        took > Duration::from_millis(900) && took < Duration::from_secs(4),
        "{took:?}"
    );
    Connection::login(proxy.port(), "root@sys", "").map(drop)
}

#[test]
fn a_bare_tcp_connect_costs_no_session_and_no_log_line() -> Result<(), Failure> {
    let _timer = Timer::start();
    let proxy = Proxy::start(&in_front_of_the_engine()?)?;
    let mut peers = Vec::new();
    for round in 0..200 {
        let stream = connect(proxy.port())?;
        let peer = stream
            .local_addr()
            .map_err(Failure::io("ask for the own address"))?;
        peers.push(peer.to_string());
        // Half of the load balancers wait for the greeting, the others do not.
        if round % 2 == 0 {
            drop(stream);
            greeting(proxy.port())?;
        }
    }
    wait::until_true("no client session", Duration::from_secs(5), || {
        proxy.client_sessions().is_ok_and(|count| count == 0)
    })?;
    let log = proxy.log();
    let noted = log
        .lines()
        .find(|line| peers.iter().any(|peer| line.contains(peer.as_str())));
    assert_eq!(noted, None);
    // What it says at its start, and nothing for each connection.
    assert!(log.lines().count() < peers.len() / 10, "{log}");
    Ok(())
}

#[test]
fn a_hundred_rounds_of_nonsense_leave_the_proxy_healthy() -> Result<(), Failure> {
    let _timer = Timer::start();
    let proxy = Proxy::start(&in_front_of_the_engine()?)?;
    let data_plane = proxy.data_plane()?;
    for round in 0..100_u8 {
        for nonsense in nonsense(round) {
            let mut stream = connect(proxy.port())?;
            // The proxy may close before it has read everything; that is an answer too.
            stream.write_all(&nonsense).ok();
            stream.shutdown(std::net::Shutdown::Write).ok();
            read_to_end(&mut stream, Duration::from_secs(20))?;
        }
        let refused = Connection::login(proxy.port(), "root@sys", "wrong").err();
        let code = refused.as_ref().and_then(Failure::server_code);
        assert_eq!(code, Some(1045), "{refused:?}\n{}", proxy.evidence());
    }
    assert_eq!(proxy.health()?.status, 200);
    assert_eq!(
        proxy.data_plane()?,
        data_plane,
        "the data plane died:\n{}",
        proxy.evidence()
    );
    let mut session = Connection::login(proxy.port(), "root@sys", "")?;
    assert_eq!(session.query("SELECT 1")?, [[Some("1".to_owned())]]);
    drop(session);
    wait::until_true("no client session", Duration::from_secs(5), || {
        proxy.client_sessions().is_ok_and(|count| count == 0)
    })
}

/// Garbage, an HTTP request, a frame that promises too much, a login cut in the middle.
fn nonsense(round: u8) -> [Vec<u8>; 6] {
    let mut random = u32::from(round).wrapping_add(1);
    let mut noise = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        random.to_be_bytes()[0]
    };
    let garbage = (0..usize::from(round) * 10).map(|_| noise()).collect();
    let http = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
    let endless = [&[0xFF, 0xFF, 0xFF, 1][..], &[round; 64]].concat();
    let empty_login = vec![0, 0, 0, 1];
    let mut login = vec![0x55, 0, 0, 1, 0x01, 0xA2, 0x08, 0, 0, 0, 0, 1, 45];
    login.extend([0; 23]);
    login.extend(b"root@sys\0\x14");
    login.truncate(5 + usize::from(round) % 40);
    let wrong_sequence = [&[0x20, 0, 0, round.wrapping_add(2)][..], &[0; 32]].concat();
    [garbage, http, endless, empty_login, login, wrong_sequence]
}

fn connect(port: u16) -> Result<TcpStream, Failure> {
    TcpStream::connect(("127.0.0.1", port)).map_err(Failure::io("connect"))
}

/// Waits until the other side has closed; a reset counts, a time-out does not.
fn read_to_end(stream: &mut TcpStream, limit: Duration) -> Result<(), Failure> {
    stream
        .set_read_timeout(Some(limit))
        .map_err(Failure::io("set a time-out"))?;
    match stream.read_to_end(&mut Vec::new()) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => {
            Err(Failure::io("wait for the close")(error))
        }
        _ => Ok(()),
    }
}

fn in_front_of_the_engine() -> Result<Settings, Failure> {
    Ok(settings(Engine::shared()?.port()))
}

fn settings(server: u16) -> Settings {
    Settings::in_front_of(&[server])
        .with("metadata_user", "\"root@sys\"")
        .with("observer_sys_password", "\"\"")
}
