//! The harness itself: its processes end, its engine answers.

use odp_tests::clients::python;
use odp_tests::mysql::Connection;
use odp_tests::process::{Process, is_alive};
use odp_tests::{Engine, Failure, Timer, wait, workspace};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

#[test]
fn the_real_engine_is_an_oceanbase_and_checks_passwords() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let mut root = Connection::login(engine.port(), "root@sys", "")?;
    let rows = root.query("SELECT ob_version()")?;
    assert_eq!(
        rows,
        [[Some("4.3.5.3".to_owned())]],
        "{}",
        engine.evidence()
    );

    root.query("CREATE USER IF NOT EXISTS harness IDENTIFIED BY 'right'")?;
    Connection::login(engine.port(), "harness", "right")?;
    let refused = Connection::login(engine.port(), "harness", "wrong");
    assert_eq!(
        refused.err().and_then(|failure| failure.server_code()),
        Some(1045)
    );

    Ok(())
}

#[test]
fn the_comparison_finds_equal_what_is_and_notices_one_changed_byte() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let direct = engine.port().to_string();
    let compare = |other: u16| {
        let arguments = ["text_statements", "root", "", &direct, &other.to_string()];
        python("same_answers.py", &arguments, Duration::from_mins(1))
    };
    let output = compare(engine.port())?;
    assert!(output.ends_with("0 differences\n"), "{output}");

    let output = compare(forward_with_one_change(engine.port())?).err();
    let text = output
        .map(|failure| failure.to_string())
        .unwrap_or_default();
    assert!(text.contains("quatre") && text.contains("quadre"), "{text}");
    Ok(())
}

#[test]
fn a_dropped_process_takes_its_children_with_it() -> Result<(), Failure> {
    let _timer = Timer::start();
    let dir = workspace::run_dir("harness")?;
    let script = "sleep 1000 & echo $!; wait";
    let mut parent = Process::start(Command::new("sh").args(["-c", script]), &dir)?;
    let second = Duration::from_secs(1);
    let child = parent.wait_until("the child's number", second, |process| {
        process
            .stdout()
            .trim()
            .parse::<u32>()
            .map_err(|error| error.to_string())
    })?;
    assert!(is_alive(child));
    drop(parent);
    wait::until_true("the end of the child", second, || !is_alive(child))
}

#[test]
fn a_command_that_takes_too_long_is_a_failure_with_its_output() {
    let _timer = Timer::start();
    let mut command = Command::new("sh");
    command.args(["-c", "echo started; exec sleep 1000"]);
    let limit = Duration::from_millis(300);
    let failure = odp_tests::process::run_to_end(&mut command, limit).err();
    let text = failure
        .map(|failure| failure.to_string())
        .unwrap_or_default();
    assert!(text.contains("started"), "{text}");
}

/// A port that forwards to another one and changes one letter of one word on the way back.
fn forward_with_one_change(to: u16) -> Result<u16, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Failure::io("listen"))?;
    let port = listener
        .local_addr()
        .map_err(Failure::io("ask for the port"))?
        .port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else {
                return;
            };
            let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else {
                return;
            };
            std::thread::spawn(move || copy(from_client, to_server, |_| ()));
            std::thread::spawn(move || {
                copy(server, client, |bytes| {
                    let word = bytes.windows(6).position(|word| word == b"quatre");
                    if let Some(letter) = word.and_then(|at| bytes.get_mut(at + 3)) {
                        *letter = b'd';
                    }
                });
            });
        }
    });
    Ok(port)
}

fn copy(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&mut [u8])) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get_mut(..count).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        change(bytes);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
}
