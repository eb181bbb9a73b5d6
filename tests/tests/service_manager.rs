//! What a service manager hears (`sd_notify(3)`), and what it keeps: the test is the service manager.

use odp_tests::mysql::Connection;
use odp_tests::process::{in_folder, send};
use odp_tests::proxy::Settings;
use odp_tests::stage::program;
use odp_tests::{Failure, Proxy, Sandbox, Stage, Task, Timer, wait, workspace};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::Signal;
use serde_json::json;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[test]
fn a_service_manager_hears_when_the_proxy_is_ready_alive_and_stopping() -> Result<(), Failure> {
    let _timer = Timer::start();
    let cluster = Sandbox::start()?;
    let mut manager = Manager::new()?;
    let mut proxy = manager.start(&cluster)?;
    manager.wait_for("READY=1")?;
    let first = manager.said.iter().take(4).map(String::as_str);
    let expected = [
        "FDSTOREREMOVE=1\nFDNAME=mysql\n",
        "FDSTORE=1\nFDNAME=mysql\n",
        "STATUS=Starting\n",
    ];
    let first: Vec<_> = first.filter(|said| *said != "WATCHDOG=1\n").collect();
    assert_eq!(first.get(..3), Some(&expected[..]), "{:?}", manager.said);
    assert_eq!(manager.kept.len(), 1);
    manager.is_fed()?;
    // The same process goes on after a restart and an upgrade; nobody need be told another one.
    Task::complete(proxy.admin(), "restart", None)?;
    manager.wait_for("READY=1")?;
    let binary = json!({"binary": workspace::odp()?});
    Task::complete(proxy.admin(), "upgrade", Some(&binary))?;
    manager.wait_for("READY=1")?;
    manager.is_fed()?;
    // A closed listener need not be kept, one that is open again must be.
    Task::complete(proxy.admin(), "stop", None)?;
    manager.wait_for("FDSTOREREMOVE=1")?;
    manager.wait_for("STATUS=Stopped")?;
    Task::complete(proxy.admin(), "start", None)?;
    manager.wait_for("FDSTORE=1")?;
    manager.wait_for("READY=1")?;
    let status = proxy.terminate(MOMENT)?;
    assert_eq!(status.code(), Some(0), "{}", proxy.evidence());
    manager.wait_for("STOPPING=1")
}

#[test]
fn kept_listeners_outlive_a_crash_of_coordinator_and_data_plane() -> Result<(), Failure> {
    let _timer = Timer::start();
    let cluster = Sandbox::start()?;
    let mut manager = Manager::new()?;
    let mut proxy = manager.start(&cluster)?;
    manager.wait_for("READY=1")?;
    let app = proxy.account("app@demo", "app");
    Connection::login(app.port, app.user, app.password)?;
    for process in in_folder(proxy.dir()) {
        send(process, Signal::KILL)?;
    }
    let _status = proxy.wait_for_end(MOMENT)?;
    // Nobody accepts, and nobody is refused: this client waits.
    let port = proxy.port();
    let client = std::thread::spawn(move || {
        let mut session = Connection::login(port, "app@demo", "app")?;
        session.query("SELECT 1")
    });
    wait::until_true("a client in the listen queue", MOMENT, || {
        waiting_clients(port) == 1
    })?;
    let kept = manager.kept.pop();
    let kept = kept.ok_or_else(|| Failure::answer("FDSTORE", "no descriptor"))?;
    proxy.serve_again_with(kept.into())?;
    let joined = client.join();
    let rows = joined.map_err(|_| Failure::answer("client", "it panicked"))??;
    assert_eq!(rows, [[Some("1".to_owned())]]);
    let log = proxy.log();
    assert!(
        log.contains("the service manager kept the listeners"),
        "{log}"
    );
    // It is kept again.
    manager.wait_for("FDSTORE=1")?;
    assert_eq!(manager.kept.len(), 1);
    Task::complete(proxy.admin(), "restart", None)?;
    Connection::login(app.port, app.user, app.password).map(drop)
}

/// A service manager with one service.
struct Manager {
    dir: PathBuf,
    socket: UnixDatagram,
    /// Everything it was told.
    said: Vec<String>,
    /// How much of that was waited for.
    seen: usize,
    /// The descriptors in its store.
    kept: Vec<OwnedFd>,
}

impl Manager {
    /// What the service has to say something within.
    const WATCHDOG: Duration = Duration::from_millis(1500);

    fn new() -> Result<Self, Failure> {
        let dir = workspace::run_dir("service")?;
        let failed = || Failure::io("listen as a service manager");
        let socket = UnixDatagram::bind(dir.join("notify")).map_err(failed())?;
        socket.set_nonblocking(true).map_err(failed())?;
        Ok(Self {
            dir,
            socket,
            said: Vec::new(),
            seen: 0,
            kept: Vec::new(),
        })
    }

    fn start(&self, cluster: &Sandbox) -> Result<Proxy, Failure> {
        let settings = Settings::in_front_of(&cluster.server_ports()?)
            .with_token(Stage::TOKEN)
            .with("graceful_exit_delay", "\"50ms\"")
            .with("hot_upgrade_exit_timeout", "\"1s\"");
        Proxy::spawn_in(&self.dir, &self.service()?, &settings)
    }

    /// Starts `odp` as a service manager does; a socket as stdin stands for one from the store.
    fn service(&self) -> Result<PathBuf, Failure> {
        let text = format!(
            "#!/bin/sh\n\
             export NOTIFY_SOCKET='{}' WATCHDOG_USEC={} WATCHDOG_PID=$$\n\
             if [ -S /proc/self/fd/0 ]; then\n\
             exec 3<&0 </dev/null\n\
             export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=mysql\n\
             fi\n\
             exec '{}' \"$@\"\n",
            self.dir.join("notify").display(),
            Self::WATCHDOG.as_micros(),
            workspace::odp()?.display(),
        );
        program(&self.dir, "service", &text)
    }

    /// Waits for a message with this line, behind those that were waited for before.
    fn wait_for(&mut self, line: &str) -> Result<(), Failure> {
        wait::until(&format!("{line} for the service manager"), MOMENT, || {
            while self.hear().map_err(|error| error.to_string())? {}
            let new = self.said.get(self.seen..).unwrap_or_default();
            let at = new
                .iter()
                .position(|said| said.lines().any(|said| said == line));
            let at = at.ok_or_else(|| format!("{:?}", self.said))?;
            self.seen += at + 1;
            Ok(())
        })
    }

    /// The service says that it is alive, each time before it would be given up.
    fn is_fed(&mut self) -> Result<(), Failure> {
        self.wait_for("WATCHDOG=1")?;
        for _ in 0..3 {
            let last = Instant::now();
            self.wait_for("WATCHDOG=1")?;
            assert!(last.elapsed() < Self::WATCHDOG, "{:?}", last.elapsed());
        }
        Ok(())
    }

    /// Takes a message; false when none is there.
    fn hear(&mut self) -> Result<bool, Failure> {
        let mut bytes = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            &self.socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        let received = match received {
            Ok(received) => received,
            Err(rustix::io::Errno::AGAIN) => return Ok(false),
            Err(error) => return Err(Failure::io("hear")(error.into())),
        };
        let rights = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(rights) => Some(rights),
            _ => None,
        });
        let descriptors: Vec<OwnedFd> = rights.flatten().collect();
        let said = String::from_utf8_lossy(bytes.get(..received.bytes).unwrap_or_default());
        if said.contains("FDSTOREREMOVE=1") {
            self.kept.clear();
        }
        self.kept.extend(descriptors);
        self.said.push(said.into_owned());
        Ok(true)
    }
}

/// Connections that nobody has accepted: the receive queue of a listening socket (`/proc/net/tcp`).
fn waiting_clients(port: u16) -> u32 {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let local = format!("0100007F:{port:04X}");
    let waiting = table.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (addr, _, state, queues) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        let received = queues.split_once(':')?.1;
        (addr == local && state == "0A").then(|| u32::from_str_radix(received, 16).ok())?
    });
    waiting.unwrap_or_default()
}

const MOMENT: Duration = Duration::from_secs(20);
