//! The coordinator against a data plane that is this very test binary, started again.
//!
//! The child is this test executable with a filter for one test that plays the data plane when
//! its stdin is a control channel, and does nothing otherwise.

use super::*;
use crate::{Heartbeat, Hello, ListenerSpec, Order, Successor};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

const CHILD: &str = "coordinator::tests::plays_the_data_plane_when_stdin_is_a_control_channel";

fn start() -> (Handle, SocketAddr, tokio::task::JoinHandle<()>) {
    let listeners = Listeners::open(&[ListenerSpec {
        name: "mysql".to_owned(),
        addr: "127.0.0.1:0".parse().unwrap(),
        backlog: 128,
    }])
    .unwrap();
    let addr = listeners.addr("mysql").unwrap();
    let settings = Settings {
        binary: std::env::current_exe().unwrap(),
        arguments: ["--exact", "--nocapture", CHILD].map(Into::into).to_vec(),
        config: b"configuration".to_vec(),
        timing: Timing {
            ready_timeout: Duration::from_secs(10),
            hang_timeout: Duration::from_secs(10),
            exit_delay: Duration::ZERO,
            drain_timeout: Some(Duration::from_secs(5)),
        },
    };
    let (coordinator, handle) = Coordinator::new(settings, listeners);
    (handle, addr, tokio::spawn(coordinator.run()))
}

async fn until(handle: &mut Handle, wanted: impl Fn(&Status) -> bool) -> Arc<Status> {
    let deadline = Duration::from_secs(20);
    tokio::time::timeout(deadline, async {
        loop {
            let status = handle.status();
            if wanted(&status) {
                return status;
            }
            handle.changed().await.expect("the coordinator has ended");
        }
    })
    .await
    .expect("the status did not come")
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn greeting(addr: SocketAddr) -> Vec<u8> {
    let mut client = TcpStream::connect(addr).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn a_killed_data_plane_is_replaced_and_nobody_is_refused() {
    let (mut handle, addr, run) = start();
    let first = until(&mut handle, |status| status.state == State::Running).await;
    assert_eq!(first.generation, 1);
    kill(first.data_plane.unwrap());
    let connected = tokio::task::spawn_blocking(move || greeting(addr))
        .await
        .unwrap();
    assert_eq!(connected, b"configuration");
    let second = until(&mut handle, |status| status.generation == 2).await;
    assert_ne!(second.data_plane, first.data_plane);
    assert!(second.last_exit.as_ref().unwrap().contains("signal: 9"));
    until(&mut handle, |status| status.state == State::Running).await;
    handle.stop().await;
    run.await.unwrap();
    assert_eq!(handle.status().state, State::Stopped);
}

#[tokio::test]
async fn a_forced_end_leaves_no_process() {
    let (mut handle, _, run) = start();
    let status = until(&mut handle, |status| status.state == State::Running).await;
    handle.force().await;
    run.await.unwrap();
    let pid = status.data_plane.unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn heartbeats_reach_the_status() {
    let (mut handle, _, run) = start();
    let status = until(&mut handle, |status| status.heard.is_some()).await;
    assert_eq!(&*status.heard.as_ref().unwrap().snapshot, b"snapshot");
    handle.force().await;
    run.await.unwrap();
}

#[tokio::test]
async fn a_missing_binary_is_reported_and_tried_again() {
    let (coordinator, mut handle) = Coordinator::new(
        Settings {
            binary: "/nonexistent/odp".into(),
            arguments: Vec::new(),
            config: Vec::new(),
            timing: Timing {
                ready_timeout: Duration::from_secs(1),
                hang_timeout: Duration::from_secs(1),
                exit_delay: Duration::ZERO,
                drain_timeout: None,
            },
        },
        Listeners::open(&[]).unwrap(),
    );
    let run = tokio::spawn(coordinator.run());
    let status = until(&mut handle, |status| status.state == State::Unavailable).await;
    assert!(status.last_exit.as_ref().unwrap().contains("No such file"));
    handle.stop().await;
    run.await.unwrap();
}

#[tokio::test]
async fn plays_the_data_plane_when_stdin_is_a_control_channel() {
    let Ok(successor) = Successor::from_stdin() else {
        return;
    };
    let hello = Hello {
        version: "test".to_owned(),
        pid: std::process::id(),
        record_formats: Vec::new(),
    };
    let Ok(mut offered) = successor.hello(hello).await else {
        return;
    };
    offered.link.ready().await.unwrap();
    assert_eq!(offered.link.order().await, Order::Commit);
    let listener = offered.listeners.pop().unwrap().listener;
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let heartbeat = Heartbeat {
            pid: std::process::id(),
            ticks: vec![1],
            snapshot: b"snapshot".to_vec(),
        };
        offered.link.heartbeat(heartbeat).await.unwrap();
        tokio::select! {
            order = offered.link.order() => match order {
                Order::Commit => {}
                Order::Drain { .. } | Order::Shutdown | Order::Lost => return,
            },
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                let mut stream = stream.into_std().unwrap();
                stream.set_nonblocking(false).unwrap();
                stream.write_all(&offered.config).unwrap();
            }
        }
    }
}
