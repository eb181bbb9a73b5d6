//! Clients that compress: every byte arrives, whatever stands behind the proxy, and costs no memory.

use odp_tests::clients::{Account, mariadb, mariadb_compressed, python};
use odp_tests::mysql::{Connection, greeting};
use odp_tests::proxy::Settings;
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
fn a_large_compressed_result_is_exact_and_costs_no_memory() -> Result<(), Failure> {
    let _timer = Timer::start();
    let server = MariadbServer::start()?;
    let proxy = in_front_of_mysql(&server)?;
    let (user, password) = ("app", "secret");
    let sql = "SELECT seq, REPEAT(MD5(seq), 30) FROM seq_1_to_60000";
    let direct = Account {
        port: server.port(),
        user,
        password,
    };
    let expected = mariadb(direct, "test", sql)?;
    assert!(expected.len() > 55_000_000, "{} bytes", expected.len());
    mariadb_compressed(
        proxy.account(user, password),
        "test",
        "SELECT REPEAT('warm', 50000)",
    )?;
    let before = peak_kb(&proxy)?;
    let compressed = mariadb_compressed(proxy.account(user, password), "test", sql)?;
    assert!(compressed == expected, "{} bytes came", compressed.len());
    let grown = peak_kb(&proxy)?.saturating_sub(before);
    assert!(grown < 3_000, "{grown} kB more for a result of 58 MB");
    Ok(())
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

/// The most memory that the data plane has held, in kB.
fn peak_kb(proxy: &Proxy) -> Result<u64, Failure> {
    let pid = proxy.data_plane()?.unwrap_or_default();
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(path).map_err(Failure::io("read the status"))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.ok_or_else(|| Failure::answer("VmHWM", status))
}
