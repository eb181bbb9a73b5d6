//! Clients that compress: every byte arrives, whatever stands behind the proxy, and costs no memory.

use odp_tests::clients::{Account, python};
use odp_tests::mysql::{Connection, greeting};
use odp_tests::process::{forget_peak_memory, memory_kb, peak_memory_kb};
use odp_tests::proxy::Settings;
use odp_tests::workspace::long;
use odp_tests::{Engine, Failure, MariadbServer, Proxy, Sandbox, Timer};
use std::io::{Read as _, Write as _};
use std::time::Duration;

const MB_16: usize = 1 << 24;

#[test]
fn compression_is_offered_in_front_of_every_server() -> Result<(), Failure> {
    let _timer = Timer::start();
    let (sandbox, server) = (Sandbox::start()?, MariadbServer::start()?);
    for port in [sandbox.app().port, in_front_of_mysql(&server)?.port()] {
        let greeting = greeting(port)?;
        let version_end = greeting.iter().position(|byte| *byte == 0);
        // Behind the version: connection id, eight bytes of salt and a zero.
        let low = version_end.and_then(|end| greeting.get(end + 1 + 4 + 8 + 1));
        assert_eq!(low.map(|bits| bits & 0x20), Some(0x20), "{greeting:02x?}");
    }
    Ok(())
}

#[test]
fn compressed_clients_work_in_front_of_mariadb() -> Result<(), Failure> {
    let _timer = Timer::start();
    let server = MariadbServer::start()?;
    let proxy = in_front_of_mysql(&server)?;
    works("pure", proxy.account("app", "secret"), &[100, 1_000_000])?;
    // The third makes a request of exactly one whole frame, the fourth a row.
    let sizes = [100, 1_000_000, MB_16 - 16, MB_16 - 5, 2 * MB_16 + 5];
    works("c", proxy.account("app", "secret"), &sizes)?;
    Ok(())
}

#[test]
fn compressed_clients_work_in_front_of_simulated_servers() -> Result<(), Failure> {
    let _timer = Timer::start();
    let sandbox = Sandbox::start()?;
    for form in ["pure", "c"] {
        works(form, sandbox.app(), &[100, 1_000_000])?;
    }
    Ok(())
}

#[test]
fn compressed_clients_work_in_front_of_the_real_engine() -> Result<(), Failure> {
    let _timer = Timer::start();
    let engine = Engine::shared()?;
    let mut root = Connection::login(engine.port(), "root", "")?;
    root.query("CREATE USER IF NOT EXISTS packer IDENTIFIED BY 'secret'")?;
    root.query("GRANT ALL ON *.* TO packer")?;
    let settings = Settings::in_front_of(&[engine.port()])
        .with("rootservice_cluster_name", "\"obcluster\"")
        .with("metadata_user", "\"root@sys\"");
    let proxy = Proxy::start(&settings)?;
    for form in ["pure", "c"] {
        works(
            form,
            proxy.account("packer@sys", "secret"),
            &[100, 1_000_000],
        )?;
    }
    Ok(())
}

#[test]
fn a_large_compressed_result_for_a_slow_reader_is_exact_and_costs_no_memory() -> Result<(), Failure>
{
    let _timer = Timer::start();
    let server = MariadbServer::start()?;
    let proxy = in_front_of_mysql(&server)?;
    let data_plane = proxy.data_plane()?.unwrap_or_default();
    let read = |rows: usize, size: usize| {
        let (port, rows, size) = (proxy.port().to_string(), rows.to_string(), size.to_string());
        let arguments = ["app", "secret", &port, &rows, &size];
        python("compressed_slow.py", &arguments, Duration::from_mins(3))
    };
    // Everything that one statement of a session needs is there then.
    read(10, 1_024)?;
    // Rows that are packed together, rows that are packed alone, rows that are too large for it.
    for size in [1_024, 200 << 10, 1 << 20] {
        let before = memory_kb(data_plane)?;
        forget_peak_memory(data_plane)?;
        let rows = result_bytes() / size;
        read(rows, size)?;
        let grown = peak_memory_kb(data_plane)?.saturating_sub(before);
        let note = format!("grew by {grown} kB for {rows} rows of {size} bytes\n");
        std::io::stderr().write_all(note.as_bytes()).ok();
        assert!(grown <= 1_024, "{note}");
    }
    Ok(())
}

/// How large a result is for memory to tell: 1 GB in the longer form.
fn result_bytes() -> usize {
    if long() { 1 << 30 } else { 64 << 20 }
}

#[test]
fn frames_that_lie_end_the_session_that_sent_them_with_an_error() -> Result<(), Failure> {
    let _timer = Timer::start();
    let server = MariadbServer::start()?;
    let proxy = in_front_of_mysql(&server)?;
    // Length, sequence, length unpacked, content: nonsense, an empty one, one that never comes.
    let frames: [&[u8]; 3] = [
        b"\x05\0\0\0\xFF\xFF\xFFabcde",
        b"\0\0\0\0\0\0\0",
        b"\x03\0\0\0\x05\0\0\x78\x9C\x03",
    ];
    for frame in frames {
        let mut stream = Connection::login_compressed(proxy.port(), "app", "secret")?.into_stream();
        stream
            .write_all(frame)
            .map_err(Failure::io("send a frame"))?;
        let mut answer = Vec::new();
        stream
            .read_to_end(&mut answer)
            .map_err(Failure::io("read the end"))?;
        let told = answer.get(7..).unwrap_or_default();
        assert_eq!(told.get(4), Some(&0xFF), "{answer:02x?}");
        assert_eq!(
            told.get(5..7),
            Some(&1043_u16.to_le_bytes()[..]),
            "{answer:02x?}"
        );
    }
    let mut still = Connection::login(proxy.port(), "app", "secret")?;
    still.query("SELECT 1")?;
    Ok(())
}

fn works(form: &str, account: Account<'_>, sizes: &[usize]) -> Result<(), Failure> {
    let port = account.port.to_string();
    let sizes: Vec<_> = sizes.iter().map(ToString::to_string).collect();
    let mut arguments = vec![form, account.user, account.password, port.as_str()];
    arguments.extend(sizes.iter().map(String::as_str));
    python("compressed.py", &arguments, Duration::from_mins(3)).map(drop)
}

fn in_front_of_mysql(server: &MariadbServer) -> Result<Proxy, Failure> {
    let mut root = Connection::login(server.port(), "root", "")?;
    root.query("CREATE USER IF NOT EXISTS app IDENTIFIED BY 'secret'")?;
    root.query("GRANT ALL ON *.* TO app")?;
    let settings = Settings::in_front_of(&[server.port()]).with("server_routing_mode", "\"mysql\"");
    Proxy::start(&settings)
}
