//! The endpoint over loopback, spoken to with raw sockets.

use super::*;
use crate::{
    Command, CommandRefusal, Discovery, Health, Pids, PoolStatus, Pools, ServerCommand,
    ServerRefusal, Sessions, State, Status, Task, TaskKind, TaskState,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Proxy {
    health: Health,
}

impl Operations for Proxy {
    fn health(&self) -> Health {
        self.health.clone()
    }

    fn status(&self) -> Status {
        Status {
            state: State::Running,
            generation: 1,
            pids: Pids {
                coordinator: 1,
                data_plane: Some(2),
            },
            version: "0.1.0".to_owned(),
            uptime_s: 3,
            stale_s: Some(0.1),
            listen: None,
            sessions: Sessions::default(),
            servers: Vec::new(),
            discovery: Discovery::default(),
            last_exit: None,
            last_log: Vec::new(),
            last_task: None,
        }
    }

    fn pools(&self) -> Pools {
        Pools {
            pools: vec![PoolStatus {
                server: "10.0.0.1:2881".to_owned(),
                ..PoolStatus::default()
            }],
            ..Pools::default()
        }
    }

    fn metrics(&self) -> String {
        "odp_up 1\n# EOF\n".to_owned()
    }

    async fn command(&self, command: Command) -> Result<Task, CommandRefusal> {
        match command {
            Command::Restart => Ok(task(7, TaskKind::Restart)),
            Command::ForceRestart => Ok(task(8, TaskKind::ForceRestart)),
            Command::Upgrade(_) => Ok(task(9, TaskKind::Upgrade)),
            Command::Stop => Err(CommandRefusal::TaskRunning(3)),
            Command::Start => Err(CommandRefusal::Precondition("it runs".to_owned())),
        }
    }

    async fn server(&self, addr: SocketAddr, _: ServerCommand) -> Result<(), ServerRefusal> {
        match addr.port() {
            2881 => Ok(()),
            2882 => Err(ServerRefusal::Unavailable("the disk is full".to_owned())),
            _ => Err(ServerRefusal::Unknown),
        }
    }

    fn tasks(&self) -> Vec<Task> {
        vec![task(7, TaskKind::Restart)]
    }

    async fn task(&self, id: u64, wait: Duration) -> Option<Task> {
        tokio::time::sleep(wait).await;
        (id == 7).then(|| task(7, TaskKind::Restart))
    }
}

fn task(id: u64, kind: TaskKind) -> Task {
    Task {
        id,
        kind,
        state: TaskState::Running,
        started_at: "2026-01-31T23:59:59.250Z".to_owned(),
        ended_at: None,
        steps: Vec::new(),
        error: None,
        receipt: None,
    }
}

async fn open(health: Health, token: Option<&str>, limits: Limits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let access = Access::new(loopback, token.map(str::to_owned)).unwrap();
    let server = Server::new(Arc::new(Proxy { health }), access, limits);
    tokio::spawn(server.run(listener, None, CancellationToken::new()));
    addr
}

async fn serving() -> SocketAddr {
    open(Health::Serving, None, Limits::default()).await
}

async fn say(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8(answer).unwrap()
}

async fn get(addr: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    say(addr, &request).await
}

fn assert_error(answer: &str, status: u16, code: &str) {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer}"
    );
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["error"]["code"], code, "{answer}");
    assert!(body["error"]["message"].is_string(), "{answer}");
}

#[tokio::test]
async fn every_resource_answers() {
    let addr = serving().await;
    assert!(get(addr, "/health").await.contains(r#"{"status":"ok"}"#));
    assert!(get(addr, "/metrics").await.contains("odp_up 1"));
    let status = get(addr, "/v1/status").await;
    let body = status.split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["state"], "Running");
    assert_eq!(body["pids"]["data_plane"], 2);
    assert!(body["last_task"].is_null());
}

#[tokio::test]
async fn bad_health_comes_with_its_reason() {
    let reason = "no server is usable".to_owned();
    let addr = open(Health::Unavailable { reason }, None, Limits::default()).await;
    let answer = get(addr, "/health").await;
    assert_error(&answer, 503, "unavailable");
    assert!(answer.contains("no server is usable"));
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_told_apart() {
    let addr = serving().await;
    assert_error(&get(addr, "/v1/nothing").await, 404, "not_found");
    for method in ["POST", "DELETE", "PUT", "OPTIONS"] {
        let request =
            format!("{method} /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = say(addr, &request).await;
        assert_error(&answer, 405, "method_not_allowed");
        assert!(answer.contains("allow: GET, HEAD"), "{answer}");
    }
}

async fn post(addr: SocketAddr, path: &str, headers: &str, body: &str) -> String {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    say(addr, &request).await
}

const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn an_accepted_command_answers_with_its_task_and_where_to_follow_it() {
    let addr = serving().await;
    for (body, kind, id) in [
        ("", "restart", 7),
        ("{}", "restart", 7),
        (r#"{"mode":"restart"}"#, "restart", 7),
        (r#"{"mode":"force"}"#, "force_restart", 8),
    ] {
        let answer = post(addr, "/v1/restart", JSON, body).await;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        let location = format!("location: /v1/tasks/{id}\r\n");
        assert!(answer.contains(&location), "{answer}");
        assert!(answer.contains(&format!(r#""kind":"{kind}""#)), "{answer}");
    }
    assert_error(&post(addr, "/v1/stop", "", "").await, 409, "task_running");
    let answer = post(addr, "/v1/start", "", "").await;
    assert_error(&answer, 409, "precondition_failed");
    assert_error(&get(addr, "/v1/restart").await, 405, "method_not_allowed");
}

#[tokio::test]
async fn bodies_that_are_not_understood_are_refused() {
    let addr = serving().await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (path, headers, body) in [
        ("/v1/restart", JSON, "{"),
        ("/v1/restart", JSON, "[]"),
        ("/v1/restart", JSON, r#"{"mode":"maybe"}"#),
        ("/v1/restart", JSON, r#"{"mod":"force"}"#),
        ("/v1/restart", form, r#"{"mode":"force"}"#),
        ("/v1/restart", "", r#"{"mode":"force"}"#),
        ("/v1/stop", JSON, r#"{"now":true}"#),
    ] {
        let answer = post(addr, path, headers, body).await;
        assert_error(&answer, 400, "bad_request");
    }
    let endless = "POST /v1/restart HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
                   Content-Type: application/json\r\nConnection: close\r\n\r\n";
    let chunk = format!("10001\r\n{}\r\n", "x".repeat(0x10001));
    let answer = say(addr, &format!("{endless}{chunk}")).await;
    assert_error(&answer, 413, "too_large");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_long() {
    let limits = Limits {
        head_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let addr = open(Health::Serving, None, limits).await;
    let slow = "POST /v1/restart HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\
                Content-Type: application/json\r\nConnection: close\r\n\r\n{";
    let answer = tokio::time::timeout(Duration::from_secs(10), say(addr, slow)).await;
    assert_error(&answer.unwrap(), 408, "bad_request");
}

#[tokio::test]
async fn an_upgrade_comes_with_a_token_or_over_the_owners_socket() {
    let body = r#"{"binary":"/usr/local/bin/odp"}"#;
    let addr = serving().await;
    let answer = post(addr, "/v1/upgrade", JSON, body).await;
    assert_error(&answer, 403, "forbidden");

    let addr = open(Health::Serving, Some("0123456789"), Limits::default()).await;
    let headers = format!("{JSON}Authorization: Bearer 0123456789\r\n");
    let answer = post(addr, "/v1/upgrade", &headers, body).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    for body in ["", "{}", r#"{"binary":"odp"}"#] {
        let answer = post(addr, "/v1/upgrade", &headers, body).await;
        assert_error(&answer, 400, "bad_request");
    }

    let path = std::env::temp_dir().join(format!("odp-admin-{}.sock", std::process::id()));
    std::fs::remove_file(&path).ok();
    let owner = UnixListener::bind(&path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let token = Some("0123456789".to_owned());
    let access = Access::new(IpAddr::V4(Ipv4Addr::LOCALHOST), token).unwrap();
    let health = Health::Serving;
    let server = Server::new(Arc::new(Proxy { health }), access, Limits::default());
    tokio::spawn(server.run(listener, Some(owner), CancellationToken::new()));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let request = format!(
        "POST /v1/upgrade HTTP/1.1\r\nHost: odp\r\n{JSON}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn tasks_are_listed_found_and_waited_for() {
    let addr = serving().await;
    assert!(
        get(addr, "/v1/tasks")
            .await
            .contains(r#"{"tasks":[{"id":7"#)
    );
    let answer = get(addr, "/v1/tasks/7?wait=10ms").await;
    assert!(answer.contains(r#""state":"Running""#), "{answer}");
    assert_error(&get(addr, "/v1/tasks/6").await, 404, "not_found");
    let answer = get(addr, "/v1/tasks/7?wait=61s").await;
    assert_error(&answer, 400, "bad_request");
    let document = get(addr, "/v1/openapi.json").await;
    assert!(document.contains(r#""openapi": "3.1.0""#), "{document}");
}

#[tokio::test]
async fn a_head_request_gets_the_status_without_a_body() {
    let addr = serving().await;
    let request = "HEAD /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = say(addr, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_load_balancer_may_speak_http_1_0_without_a_host() {
    let answer = say(serving().await, "GET /health HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
}

#[tokio::test]
async fn foreign_hosts_and_web_pages_are_refused() {
    let addr = serving().await;
    for header in [
        "Host: attacker.example",
        "Host: localhost\r\nOrigin: http://localhost",
    ] {
        let request = format!("GET /health HTTP/1.1\r\n{header}\r\nConnection: close\r\n\r\n");
        assert_error(&say(addr, &request).await, 403, "forbidden");
    }
}

#[tokio::test]
async fn with_a_token_only_health_is_open() {
    let addr = open(Health::Serving, Some("0123456789"), Limits::default()).await;
    assert!(get(addr, "/health").await.starts_with("HTTP/1.1 200 "));
    for path in ["/v1/status", "/metrics", "/nothing"] {
        let answer = get(addr, path).await;
        assert_error(&answer, 401, "unauthorized");
        assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
    }
    let request = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\
                   Authorization: Bearer 0123456789\r\nConnection: close\r\n\r\n";
    assert!(say(addr, request).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_huge_head_and_a_huge_body_are_refused_unread() {
    let addr = serving().await;
    let filler = "x".repeat(40 << 10);
    let head = format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX: {filler}\r\n\r\n");
    assert!(say(addr, &head).await.starts_with("HTTP/1.1 431 "));
    let body = "POST /v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\
                Connection: close\r\n\r\n";
    assert_error(&say(addr, body).await, 413, "too_large");
}

#[tokio::test]
async fn a_slow_head_is_cut() {
    let limits = Limits {
        head_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let addr = open(Health::Serving, None, limits).await;
    let answer = tokio::time::timeout(Duration::from_secs(10), say(addr, "GET /hea")).await;
    assert!(!answer.unwrap().contains("200 OK"));
}

#[tokio::test]
async fn idle_connections_do_not_keep_others_out() {
    let limits = Limits {
        connections: 4,
        ..Limits::default()
    };
    let addr = open(Health::Serving, None, limits).await;
    let mut idle = Vec::new();
    for _ in 0..32 {
        idle.push(TcpStream::connect(addr).await.unwrap());
    }
    assert!(get(addr, "/health").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn garbage_gets_no_answer_but_an_error() {
    let answer = say(serving().await, "\u{16}\u{3}\u{1} garbage\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn servers_are_taken_out_and_let_back_by_their_address() {
    let addr = serving().await;
    for (command, drained) in [("drain", true), ("undrain", false)] {
        let path = format!("/v1/servers/10.0.0.1:2881/{command}");
        let answer = post(addr, &path, "", "").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let expected = format!(r#"{{"addr":"10.0.0.1:2881","drained":{drained}}}"#);
        assert!(answer.ends_with(&expected), "{answer}");
        assert_error(&get(addr, &path).await, 405, "method_not_allowed");
        let answer = post(addr, &path, JSON, r#"{"force":true}"#).await;
        assert_error(&answer, 400, "bad_request");
        for (server, status, code) in [
            ("10.0.0.1", 400, "bad_request"),
            ("ob1:2881", 400, "bad_request"),
            ("10.0.0.1:9", 404, "not_found"),
            ("10.0.0.1:2882", 503, "unavailable"),
        ] {
            let path = format!("/v1/servers/{server}/{command}");
            assert_error(&post(addr, &path, "", "").await, status, code);
        }
    }
}
