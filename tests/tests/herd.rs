//! A server that refuses everybody and comes back: clients are told meanwhile, and it is not trampled
//! down when it is there again.

use odp_tests::mysql::Connection;
use odp_tests::proxy::Settings;
use odp_tests::{Failure, Proxy, Timer, port, wait};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(30);
const CLIENTS: usize = 60;
/// `connect_concurrency_max`.
const AT_ONCE: usize = 4;
/// How long the server takes over a login.
const LOGIN: Duration = Duration::from_millis(50);

/// A server that lets everybody in, slowly, and counts how many logins of clients it has at a time. It
/// refuses everybody once this is dropped.
struct Gate {
    counts: Arc<Counts>,
    closed: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    now: AtomicUsize,
    most: AtomicUsize,
    done: AtomicUsize,
}

impl Gate {
    fn open(port: u16) -> Result<Self, Failure> {
        let listen = || {
            let listener = TcpListener::bind(("127.0.0.1", port))?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = listen().map_err(Failure::io("listen"))?;
        let counts = Arc::new(Counts::default());
        let closed = Arc::new(AtomicBool::new(false));
        let (to_count, until) = (Arc::clone(&counts), Arc::clone(&closed));
        let listening = std::thread::spawn(move || {
            let mut inside = Vec::new();
            while !until.load(Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    wait::pause(Duration::from_millis(1));
                    continue;
                };
                inside.extend(stream.try_clone());
                let counts = Arc::clone(&to_count);
                // A connection that breaks is the proxy's to tell of.
                std::thread::spawn(move || counts.serve(stream).ok());
            }
            for stream in inside {
                stream.shutdown(Shutdown::Both).ok();
            }
        });
        Ok(Self {
            counts,
            closed,
            listening: Some(listening),
        })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.closed.store(true, Relaxed);
        if let Some(thread) = self.listening.take() {
            thread.join().ok();
        }
    }
}

impl Counts {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        let mut greeting = b"\x0a5.7.25-OceanBase-v4.3.5.0\0".to_vec();
        greeting.extend(7_u32.to_le_bytes());
        greeting.extend(b"saltsalt\0");
        // Protocol 4.1, secure connections, authentication by plugin, attributes.
        greeting.extend([0x0F, 0xA2, 45, 2, 0, 0x18, 0, 21]);
        greeting.extend([0; 10]);
        greeting.extend(b"saltsaltsalt\0mysql_native_password\0");
        send(&mut stream, 0, &greeting)?;
        let (sequence, login) = receive(&mut stream)?;
        let is_clients = login.windows(4).any(|text| text == b"herd");
        if is_clients {
            self.most
                .fetch_max(self.now.fetch_add(1, Relaxed) + 1, Relaxed);
        }
        std::thread::sleep(LOGIN);
        if is_clients {
            self.now.fetch_sub(1, Relaxed);
            self.done.fetch_add(1, Relaxed);
        }
        send(&mut stream, sequence + 1, &OK)?;
        loop {
            receive(&mut stream)?;
            send(&mut stream, 1, NO_TABLE)?;
        }
    }
}

const OK: [u8; 7] = [0, 0, 0, 2, 0, 0, 0];
/// As an engine on one node answers to questions about a cluster.
const NO_TABLE: &[u8] = b"\xff\x7a\x04#42S02no such table";

fn send(stream: &mut TcpStream, sequence: u8, payload: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_le_bytes();
    let mut packet = length[..3].to_vec();
    packet.push(sequence);
    packet.extend(payload);
    stream.write_all(&packet)
}

fn receive(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let [a, b, c, sequence] = header;
    let mut payload = vec![0; usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16];
    stream.read_exact(&mut payload)?;
    Ok((sequence, payload))
}

#[test]
fn a_server_that_comes_back_gets_few_logins_at_once() -> Result<(), Failure> {
    let _timer = Timer::start();
    let server = port::free()?;
    let settings = Settings::in_front_of(&[server])
        .with("login_timeout", "\"10s\"")
        .with("connect_concurrency_max", AT_ONCE.to_string())
        .with("server_state_refresh_interval", "\"1h\"");
    let gate = Gate::open(server)?;
    let proxy = Proxy::start(&settings)?;
    Connection::login(proxy.port(), "herd", "pw")?;
    drop(gate);
    let (refused, admitted) = (Arc::new(AtomicUsize::new(0)), mpsc::channel());
    let threads: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (port, refused, admitted) =
                (proxy.port(), Arc::clone(&refused), admitted.0.clone());
            std::thread::spawn(move || {
                loop {
                    let started = Instant::now();
                    match Connection::login(port, "herd", "pw") {
                        Ok(client) => break admitted.send(Ok(client)),
                        Err(Failure::Server { .. }) if started.elapsed() < LIMIT / 2 => {
                            refused.fetch_add(1, Relaxed);
                        }
                        Err(other) => break admitted.send(Err((other, started.elapsed()))),
                    }
                }
            })
        })
        .collect();
    wait::until_true("everybody to be told", LIMIT, || {
        refused.load(Relaxed) >= CLIENTS
    })?;
    let gate = Gate::open(server)?;
    let mut inside = Vec::new();
    for _ in 0..CLIENTS {
        let end = admitted.1.recv_timeout(LIMIT);
        let end = end.map_err(|_| Failure::answer("a login", proxy.evidence()))?;
        inside.push(end.map_err(|(error, waited)| {
            Failure::answer(
                format!("an error or a login after {waited:?}"),
                error.to_string(),
            )
        })?);
    }
    for thread in threads {
        thread.join().expect("no thread panics").ok();
    }
    assert_eq!(gate.counts.most.load(Relaxed), AT_ONCE, "logins at once");
    assert!(gate.counts.done.load(Relaxed) >= CLIENTS);
    Ok(())
}
