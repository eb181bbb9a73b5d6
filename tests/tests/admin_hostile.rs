//! Hostile HTTP: whatever reaches the admin endpoint, a `MySQL` client notices nothing.

use odp_tests::mysql::Connection;
use odp_tests::{Failure, Stage, Timer, wait};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn whatever_is_sent_to_the_endpoint_mysql_clients_notice_nothing() -> Result<(), Failure> {
    let _timer = Timer::start();
    let stage = Stage::start(|settings| settings)?;
    let data_plane = stage.data_plane()?;
    let app = stage.app();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let client = std::thread::spawn(move || -> Result<(u32, Duration), Failure> {
        let mut session = Connection::login(app.port, app.user, app.password)?;
        let (mut count, mut slowest) = (0, Duration::ZERO);
        while !stopped.load(Ordering::Relaxed) {
            let started = Instant::now();
            let rows = session.query("SELECT 1")?;
            assert_eq!(rows, [[Some("1".to_owned())]]);
            slowest = slowest.max(started.elapsed());
            count += 1;
        }
        Ok((count, slowest))
    });
    let attacked = attack(&stage);
    stop.store(true, Ordering::Relaxed);
    let joined = client.join();
    let (count, slowest) = joined.map_err(|_| Failure::answer("client", "it panicked"))??;
    attacked?;
    assert!(count > 100, "only {count} statements");
    assert!(
        slowest < Duration::from_secs(1),
        "a statement took {slowest:?}"
    );
    assert_eq!(stage.proxy.data_plane()?, Some(data_plane));
    assert_eq!(stage.proxy.state()?, "Running");
    Ok(())
}

fn attack(stage: &Stage) -> Result<(), Failure> {
    let admin = stage.proxy.admin().port();
    for (number, request) in requests().into_iter().enumerate() {
        let mut stream = connect(admin)?;
        // The endpoint may answer and close before it has read everything.
        stream.write_all(&request).ok();
        let mut answer = Vec::new();
        let shown = String::from_utf8_lossy(request.get(..60).unwrap_or(&request)).into_owned();
        let read = stream.read_to_end(&mut answer);
        let head = String::from_utf8_lossy(&answer).into_owned();
        let refused = answer.is_empty() || head.starts_with("HTTP/1.1 4");
        assert!(
            refused,
            "{number}: {shown:?} was answered with {head:?} {read:?}"
        );
        answers(stage)?;
    }
    slow_bodies(stage, admin)?;
    idle_connections(stage, admin)
}

/// Requests that end with an error or with nothing.
fn requests() -> Vec<Vec<u8>> {
    let host = "Host: 127.0.0.1\r\nConnection: close\r\n";
    let auth = format!("Authorization: Bearer {}\r\n", Stage::TOKEN);
    let head = |first: &str, more: &str| format!("{first} HTTP/1.1\r\n{host}{auth}{more}\r\n");
    let json = "Content-Type: application/json\r\n";
    let post = |body: &str| {
        let length = format!("{json}Content-Length: {}\r\n", body.len());
        head("POST /v1/restart", &length) + body
    };
    let long_header = format!("X-Long: {}\r\n", "x".repeat(1 << 20));
    let many_headers = "X-Many: y\r\n".repeat(5000);
    let deep = "[".repeat(50_000);
    let chunks = format!("{json}Transfer-Encoding: chunked\r\n");
    let endless = head("POST /v1/restart", &chunks) + "ffff\r\n" + &"x".repeat(1 << 18);
    let smuggled = format!("{json}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n");
    [
        head("GET /v1/status", &long_header),
        head("GET /v1/status", &many_headers),
        head(&format!("GET /{}", "a/".repeat(1 << 19)), ""),
        head("GET /v1/../etc/passwd", ""),
        head("GET /v1/tasks/99999999999999999999999999", ""),
        head("GET /v1/tasks/1?wait=9999999h", ""),
        head("DELETE /v1/status", ""),
        head("BREW /v1/restart", ""),
        head("POST /health", ""),
        post("{"),
        post("nonsense"),
        post("{\"mode\": 7}"),
        post("{\"mode\": \"force\", \"mode\": \"restart\", \"x\": 1}"),
        post(&deep),
        post(&format!("{{\"mode\": \"{}\"}}", "m".repeat(1 << 20))),
        head(
            "POST /v1/restart",
            &format!("{json}Content-Length: 99999999999999\r\n"),
        ),
        head("POST /v1/restart", &format!("{json}Content-Length: -1\r\n")),
        endless,
        head("POST /v1/restart", &smuggled) + "z\r\n\r\nGET",
        "GET\r\n\r\n".to_owned(),
        "\r\n".repeat(10_000) + "x",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0".to_owned(),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect()
}

/// Heads and bodies that never end come to their deadline while others are served.
fn slow_bodies(stage: &Stage, admin: u16) -> Result<(), Failure> {
    let auth = format!("Authorization: Bearer {}\r\n", Stage::TOKEN);
    let body = format!(
        "POST /v1/restart HTTP/1.1\r\nHost: 127.0.0.1\r\n{auth}\
         Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{{"
    );
    let mut slow = Vec::new();
    for start in ["GET /v1/sta", body.as_str()] {
        for _ in 0..20 {
            let mut stream = connect(admin)?;
            stream
                .write_all(start.as_bytes())
                .map_err(Failure::io("begin a request"))?;
            slow.push(stream);
        }
    }
    answers(stage)?;
    let limit = Duration::from_secs(30);
    for stream in &mut slow {
        // A byte now and then must not buy time.
        wait::until_true("the end of a slow request", limit, || {
            stream.write_all(b" ").is_err() || ended(stream)
        })?;
    }
    answers(stage)
}

/// Whether the other side has closed; takes what it said before.
fn ended(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(1))).ok();
    matches!(stream.read(&mut [0; 4096]), Ok(0))
}

fn idle_connections(stage: &Stage, admin: u16) -> Result<(), Failure> {
    let mut idle = Vec::new();
    for number in 0..1000 {
        // The oldest ones may be cut for the newest.
        idle.push(connect(admin)?);
        if number % 250 == 249 {
            answers(stage)?;
        }
    }
    answers(stage)
}

/// The endpoint itself still answers, at once.
fn answers(stage: &Stage) -> Result<(), Failure> {
    let started = Instant::now();
    assert_eq!(stage.proxy.health()?.status, 200);
    assert_eq!(stage.proxy.state()?, "Running");
    let took = started.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    Ok(())
}

fn connect(port: u16) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port)).map_err(Failure::io("connect"))?;
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .map_err(Failure::io("set a time-out"))?;
    Ok(stream)
}
