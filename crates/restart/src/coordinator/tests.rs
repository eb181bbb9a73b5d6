//! The coordinator against a data plane that is this very test binary, started again.
//!
//! The child is this test executable with a filter for one test that plays the data plane when
//! its stdin is a control channel, and does nothing otherwise.

use super::*;
use crate::{
    Belongings, Heartbeat, Hello, Launch, ListenerSpec, Order, Orphan, Outcome, StepName,
    Successor, Timing,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

const CHILD: &str = "coordinator::tests::plays_the_data_plane_when_stdin_is_a_control_channel";

/// Reads the configuration from a file at each restart, and takes the binary that it is given.
struct Files {
    config: PathBuf,
}

impl Planner for Files {
    fn plan(&self, launch: &Launch, current: &Plan) -> Result<Plan, String> {
        let mut plan = current.clone();
        plan.config = std::fs::read(&self.config).map_err(|error| error.to_string())?;
        if let Launch::Binary(path) = launch {
            plan.program = Program::open(path).map_err(|error| error.to_string())?;
        }
        Ok(plan)
    }
}

struct Run {
    handle: Handle,
    addr: SocketAddr,
    task: tokio::task::JoinHandle<()>,
    dir: PathBuf,
}

fn folder(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("odp-restart-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn specs() -> Vec<ListenerSpec> {
    vec![ListenerSpec {
        name: "mysql".to_owned(),
        addr: "127.0.0.1:0".parse().unwrap(),
        backlog: 128,
    }]
}

fn settings(dir: &Path) -> Settings {
    let config = dir.join("config");
    std::fs::write(&config, "first").unwrap();
    Settings {
        plan: Plan {
            program: Program::open(&std::env::current_exe().unwrap()).unwrap(),
            config: dir.join("control.sock").display().to_string().into_bytes(),
            timing: Timing {
                ready_timeout: Duration::from_secs(10),
                hang_timeout: Duration::from_secs(10),
                exit_delay: Duration::ZERO,
                drain_timeout: Some(Duration::from_secs(5)),
            },
            listeners: specs(),
        },
        planner: Arc::new(Files { config }),
        arguments: ["--exact", "--nocapture", CHILD].map(Into::into).to_vec(),
        notice: Vec::new(),
        own_arguments: Vec::new(),
        companions: Vec::new(),
    }
}

fn start(name: &str) -> Run {
    let dir = folder(name);
    let listeners = Listeners::open(&specs()).unwrap();
    let addr = listeners.addr("mysql").unwrap();
    let (coordinator, handle) =
        Coordinator::new(settings(&dir), Start::Serving(listeners)).unwrap();
    Run {
        handle,
        addr,
        task: tokio::spawn(coordinator.run()),
        dir,
    }
}

async fn ask(addr: SocketAddr) -> Vec<u8> {
    tokio::task::spawn_blocking(move || greeting(addr))
        .await
        .unwrap()
}

async fn over(handle: &mut Handle, id: u64) -> Operation {
    let found = |status: &Status| {
        let mut all = status.operations.iter().rev();
        all.find(|operation| operation.id == id && operation.is_over())
            .cloned()
    };
    let status = until(handle, |status| found(status).is_some()).await;
    found(&status).unwrap()
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
    let mut run = start("killed");
    let first = until(&mut run.handle, |status| status.state == State::Running).await;
    assert_eq!(first.generation, 1);
    // Who greets has written its line to the log.
    ask(run.addr).await;
    kill(first.data_plane.unwrap());
    assert!(ask(run.addr).await.ends_with(b"control.sock"));
    let second = until(&mut run.handle, |status| {
        status.generation == 2 && status.state == State::Running
    })
    .await;
    assert_ne!(second.data_plane, first.data_plane);
    assert!(second.last_exit.as_ref().unwrap().contains("signal: 9"));
    assert!(
        second.last_log.concat().contains("generation 1 accepts"),
        "{second:?}"
    );
    run.handle.exit().await;
    run.task.await.unwrap();
    assert_eq!(run.handle.status().state, State::Stopped);
}

#[tokio::test]
async fn a_notice_reaches_who_serves_and_every_generation_before_it_accepts() {
    let dir = folder("notice");
    let listeners = Listeners::open(&specs()).unwrap();
    let addr = listeners.addr("mysql").unwrap();
    let mut settings = settings(&dir);
    settings.notice = b"; out: none".to_vec();
    let (coordinator, mut handle) = Coordinator::new(settings, Start::Serving(listeners)).unwrap();
    let task = tokio::spawn(coordinator.run());
    let first = until(&mut handle, |status| status.state == State::Running).await;
    assert!(ask(addr).await.ends_with(b"; out: none"));
    handle.notice(b"; out: one".to_vec()).await;
    let heard = async {
        while !ask(addr).await.ends_with(b"; out: one") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard)
        .await
        .expect("the serving generation is told");
    kill(first.data_plane.unwrap());
    // Its successor's very first client.
    let after_the_crash = ask(addr).await;
    assert!(after_the_crash.ends_with(b"; out: one"));
    until(&mut handle, |status| {
        status.generation == 2 && status.state == State::Running
    })
    .await;
    handle.command(5, Command::Restart).await.unwrap();
    over(&mut handle, 5).await;
    assert!(ask(addr).await.ends_with(b"; out: one"));
    handle.force().await;
    task.await.unwrap();
}

#[tokio::test]
async fn a_restart_passes_listeners_and_snapshot_and_reads_the_configuration_anew() {
    let mut run = start("restart");
    let first = until(&mut run.handle, |status| status.state == State::Running).await;
    std::fs::write(run.dir.join("config"), "second").unwrap();
    run.handle.command(5, Command::Restart).await.unwrap();
    let refused = run.handle.command(6, Command::Restart).await;
    assert_eq!(refused, Err(Refusal::Busy(5)));
    let operation = over(&mut run.handle, 5).await;
    assert_eq!(operation.outcome, Outcome::Completed, "{operation:?}");
    assert_eq!(operation.before.as_deref(), Some(&b"generation 1"[..]));
    let second = run.handle.status();
    assert_eq!((second.state, second.generation), (State::Running, 2));
    assert_ne!(second.data_plane, first.data_plane);
    // The second generation tells what the first one told it.
    assert_eq!(
        ask(run.addr).await,
        b"second, after 300000 bytes of generation 1"
    );
    let pid = first.data_plane.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    run.handle.force().await;
    run.task.await.unwrap();
}

#[tokio::test]
async fn a_restart_without_configuration_leaves_the_old_generation_alone() {
    let mut run = start("rollback");
    let first = until(&mut run.handle, |status| status.state == State::Running).await;
    std::fs::remove_file(run.dir.join("config")).unwrap();
    run.handle.command(5, Command::Restart).await.unwrap();
    let operation = over(&mut run.handle, 5).await;
    let Outcome::Failed(reason) = operation.outcome else {
        panic!("{operation:?}");
    };
    assert!(reason.contains("No such file"), "{reason}");
    let status = run.handle.status();
    assert_eq!(status.data_plane, first.data_plane);
    assert_eq!((status.state, status.generation), (State::Running, 1));
    run.handle.force().await;
    run.task.await.unwrap();
}

#[tokio::test]
async fn a_broken_new_binary_is_told_in_words_and_hurts_nobody() {
    use std::os::unix::fs::PermissionsExt;
    let mut run = start("broken");
    let first = until(&mut run.handle, |status| status.state == State::Running).await;
    for (id, script, reason) in [
        (1, "#!/bin/sh\nexit 0\n", "exit status: 0"),
        (2, "#!/bin/sh\nexit 3\n", "exit status: 3"),
        (3, "#!/bin/sh\nkill -SEGV $$\n", "signal: 11"),
        (4, "#!/nonexistent\n", "No such file"),
        (5, "no binary", "Exec format error"),
    ] {
        let path = run.dir.join(format!("broken-{id}"));
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let command = Command::Upgrade(path);
        run.handle.command(id, command).await.unwrap();
        let operation = over(&mut run.handle, id).await;
        let outcome = format!("{:?}", operation.outcome);
        assert!(outcome.contains(reason), "{outcome}");
        let status = run.handle.status();
        assert_eq!(status.state, State::Running);
        assert_eq!(status.data_plane, first.data_plane);
    }
    // What failed is forgotten: a crash is followed by what served before.
    kill(first.data_plane.unwrap());
    let again = until(&mut run.handle, |status| {
        status.state == State::Running && status.data_plane != first.data_plane
    })
    .await;
    assert!(again.last_exit.as_ref().unwrap().contains("signal: 9"));
    run.handle.force().await;
    run.task.await.unwrap();
}

#[tokio::test]
async fn stopped_refuses_clients_and_start_serves_on_the_same_address() {
    let mut run = start("stop");
    until(&mut run.handle, |status| status.state == State::Running).await;
    run.handle.command(1, Command::Stop).await.unwrap();
    let stopped = over(&mut run.handle, 1).await;
    assert_eq!(stopped.outcome, Outcome::Completed, "{stopped:?}");
    assert_eq!(run.handle.status().state, State::Stopped);
    assert_eq!(run.handle.status().data_plane, None);
    assert!(TcpStream::connect(run.addr).is_err());
    let again = run.handle.command(2, Command::Stop).await;
    assert_eq!(again, Err(Refusal::State(State::Stopped)));
    run.handle.command(3, Command::Start).await.unwrap();
    let started = over(&mut run.handle, 3).await;
    assert_eq!(started.outcome, Outcome::Completed, "{started:?}");
    assert_eq!(run.handle.status().state, State::Running);
    run.handle.force().await;
    run.task.await.unwrap();
}

#[tokio::test]
async fn a_forced_end_leaves_no_process() {
    let mut run = start("force");
    let status = until(&mut run.handle, |status| status.state == State::Running).await;
    run.handle.force().await;
    run.task.await.unwrap();
    let pid = status.data_plane.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn a_data_plane_outlives_its_coordinator_and_is_adopted() {
    let mut run = start("adopt");
    let status = until(&mut run.handle, |status| {
        status.state == State::Running && status.heard.is_some()
    })
    .await;
    // The coordinator ends like one that was killed: without a word.
    run.task.abort();
    let socket = run.dir.join("control.sock");
    let deadline = Instant::now() + Duration::from_secs(20);
    let adopted = loop {
        if let Some(adopted) = Adopted::find(&socket).await.unwrap() {
            break adopted;
        }
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(adopted.listeners().match_specs(&specs()));
    let start = Start::Adopted(Box::new(adopted), None);
    let (coordinator, mut handle) = Coordinator::new(settings(&run.dir), start).unwrap();
    let task = tokio::spawn(coordinator.run());
    let now = handle.status();
    assert_eq!((now.state, now.generation), (State::Running, 1));
    assert_eq!(now.data_plane, status.data_plane);
    assert!(now.heard.is_some());
    assert!(ask(run.addr).await.ends_with(b"control.sock"));
    handle.command(1, Command::Restart).await.unwrap();
    let operation = over(&mut handle, 1).await;
    assert_eq!(operation.outcome, Outcome::Completed, "{operation:?}");
    assert!(
        operation
            .steps
            .iter()
            .any(|step| step.name == StepName::Drain)
    );
    handle.force().await;
    task.await.unwrap();
}

/// The snapshot of a generation is long enough for several messages.
fn snapshot(generation: u64) -> Vec<u8> {
    let mut snapshot = format!("generation {generation}").into_bytes();
    snapshot.resize(300_000, b' ');
    snapshot
}

fn heartbeat(generation: u64) -> Heartbeat {
    Heartbeat {
        pid: std::process::id(),
        ticks: vec![1],
        snapshot: format!("generation {generation}").into_bytes(),
    }
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
    let Ok(mut offered) = successor.hello(hello.clone()).await else {
        return;
    };
    let generation = offered.generation;
    let mut greeting = offered.config.clone();
    if let Some(snapshot) = &offered.snapshot {
        let words = snapshot.trim_ascii_end();
        let note = format!(", after {} bytes of ", snapshot.len());
        greeting.extend([note.as_bytes(), words].concat());
    }
    offered.link.ready().await.unwrap();
    let mut told = Vec::new();
    loop {
        match offered.link.order().await {
            Order::Notice(notice) => told = notice,
            order => {
                assert_eq!(order, Order::Commit);
                break;
            }
        }
    }
    eprintln!("generation {generation} accepts");
    let one = offered.listeners.pop().unwrap();
    let listener = tokio::net::TcpListener::from_std(one.listener.try_clone().unwrap()).unwrap();
    loop {
        let beat = offered.link.heartbeat(heartbeat(generation));
        beat.await.ok();
        tokio::select! {
            order = offered.link.order() => match order {
                Order::Commit => {}
                Order::Snapshot => offered.link.snapshot(&snapshot(generation)).await.unwrap(),
                Order::Drain { .. } => {
                    offered.link.drained().await.ok();
                    return;
                }
                Order::Shutdown => return,
                Order::Notice(notice) => told = notice,
                Order::Lost => {
                    let path = String::from_utf8(offered.config.clone()).unwrap();
                    let orphan = Orphan::wait_at(Path::new(&path)).unwrap();
                    let belongings = Belongings {
                        hello: hello.clone(),
                        generation,
                        listeners: vec![(&one.name, one.addr, &one.listener)],
                        heartbeat: heartbeat(generation),
                    };
                    let patience = Duration::from_secs(10);
                    let adopted = tokio::time::timeout(patience, orphan.adopted(&belongings));
                    match adopted.await {
                        Ok(Ok(link)) => offered.link = link,
                        _ => return,
                    }
                }
            },
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                let mut stream = stream.into_std().unwrap();
                stream.set_nonblocking(false).unwrap();
                stream.write_all(&[greeting.as_slice(), &told].concat()).unwrap();
            }
        }
    }
}
