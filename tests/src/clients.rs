//! Runs real clients to their end, each with a deadline.

use crate::parts;
use crate::process::{run_to_any_end, run_to_end};
use crate::{Failure, workspace};
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// How a client logs in on the loopback.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The port to connect to.
    pub port: u16,
    /// The user name, with tenant and cluster as the test wants them.
    pub user: &'a str,
    /// The password, empty for none.
    pub password: &'a str,
}

/// Runs a script of `tests/python` and gives its stdout.
///
/// # Errors
/// When Python cannot be had, the script fails or takes too long.
pub fn python(script: &str, arguments: &[&str], limit: Duration) -> Result<String, Failure> {
    let python = parts::python()?;
    let mut command = Command::new(&python.interpreter);
    command
        // The connector's C extension brings a newer OpenSSL than some systems have, and the first
        // one to be loaded serves the whole process.
        .env("LD_LIBRARY_PATH", python.package("mysql")?.join("vendor"))
        .env("PYTHONUNBUFFERED", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(workspace::root().join("tests/python").join(script))
        .args(arguments);
    run_to_end(&mut command, limit)
}

/// Runs one theme of `tests/python/scenarios.py` directly and through a proxy, and compares
/// everything that a client sees.
///
/// # Errors
/// When the answers differ, with the first differences.
pub fn same_answers(scenario: &str, direct: Account<'_>, proxied: u16) -> Result<(), Failure> {
    let (direct_port, proxied) = (direct.port.to_string(), proxied.to_string());
    let arguments = [
        scenario,
        direct.user,
        direct.password,
        &direct_port,
        &proxied,
    ];
    python("same_answers.py", &arguments, SCENARIO).map(drop)
}

/// Makes a test of each theme of `tests/python/scenarios.py` that every server knows, or of those that
/// are named: `$run` takes the theme.
#[macro_export]
macro_rules! test_themes {
    ($run:path) => {
        $crate::test_themes! { $run:
            logins_and_refusals_are_the_same => "login",
            text_statements_answer_the_same => "text_statements",
            prepared_statements_answer_the_same => "prepared_statements",
            the_binary_protocol_is_the_same_byte_by_byte => "binary_protocol",
            transactions_end_the_same => "transactions",
            unicode_is_the_same => "unicode_text",
            types_and_nulls_are_the_same => "types_and_nulls",
            a_large_result_is_the_same => "large_result",
            an_error_in_the_middle_is_the_same => "error_in_the_middle",
            warnings_are_the_same => "warnings",
            multiple_results_are_the_same => "multiple_results",
            last_insert_id_is_the_same => "last_insert_id",
            session_variables_are_the_same => "session_variables",
            other_databases_are_the_same => "other_databases",
            show_statements_are_the_same => "show_statements",
            load_data_local_is_the_same => "load_data_local",
            large_packets_are_the_same => "large_packets",
            other_commands_answer_the_same => "commands",
        }
    };
    ($run:path: $($test:ident => $scenario:literal,)*) => {
        $(
            #[test]
            fn $test() -> Result<(), $crate::Failure> {
                let _timer = $crate::Timer::start();
                $run($scenario)
            }
        )*
    };
}

/// Runs statements with the `mariadb` command line client (`--batch`) and gives its stdout.
///
/// # Errors
/// When the client cannot be had, fails or takes too long.
pub fn mariadb(account: Account<'_>, database: &str, sql: &str) -> Result<String, Failure> {
    let client = parts::program("mariadb-client", "mariadb")?;
    let mut command = client.command();
    // The reader's own option files must not change what is tested.
    command
        .arg("--no-defaults")
        .args([
            "--batch",
            "--host=127.0.0.1",
            "--default-character-set=utf8mb4",
        ])
        .arg(format!("--port={}", account.port))
        .arg(format!("--user={}", account.user))
        .arg(format!("--password={}", account.password))
        .arg(format!("--database={database}"))
        .arg(format!("--execute={sql}"));
    run_to_end(&mut command, CLI)
}

/// The size of a `sysbench oltp_read_write` run.
#[derive(Debug, Clone, Copy)]
pub struct Sysbench {
    /// Tables.
    pub tables: u32,
    /// Rows of each table.
    pub rows: u32,
    /// Client threads.
    pub threads: u32,
    /// Length of the run in seconds.
    pub seconds: u32,
}

impl Sysbench {
    /// Runs one step (`prepare`, `run` or `cleanup`) in database `test` and gives its report.
    ///
    /// # Errors
    /// When sysbench cannot be had, reports an error or takes too long.
    pub fn step(&self, account: Account<'_>, step: &str) -> Result<String, Failure> {
        self.step_with(account, step, &[])
    }

    /// The same with more options.
    ///
    /// # Errors
    /// As [`Sysbench::step`].
    pub fn step_with(
        &self,
        account: Account<'_>,
        step: &str,
        options: &[&str],
    ) -> Result<String, Failure> {
        let sysbench = parts::program("sysbench", "sysbench")?;
        let scripts = sysbench.file("/usr/share/sysbench");
        let mut command = sysbench.command();
        command
            // Its scripts look for their common part in the current folder.
            .current_dir(&scripts)
            .arg(scripts.join("oltp_read_write.lua"))
            .args([
                "--db-driver=mysql",
                "--mysql-host=127.0.0.1",
                "--mysql-db=test",
            ])
            .arg(format!("--mysql-port={}", account.port))
            .arg(format!("--mysql-user={}", account.user))
            .arg(format!("--mysql-password={}", account.password))
            .arg(format!("--tables={}", self.tables))
            .arg(format!("--table-size={}", self.rows))
            .arg(format!("--threads={}", self.threads))
            .arg(format!("--time={}", self.seconds))
            .args(options)
            .arg(step);
        let limit = CLI + Duration::from_secs(u64::from(self.seconds));
        let (status, output) = run_to_any_end(&mut command, limit)?;
        let report = format!("{}{}", output.stdout, output.stderr);
        // It exits with 0 after some errors of a worker thread.
        if status.success() && !report.contains("FATAL") {
            return Ok(report);
        }
        let program = format!("sysbench {step}");
        Err(Failure::Process {
            program,
            status: status.to_string(),
            output: report,
        })
    }
}

/// Runs `curl` with arguments; gives the status code and the body.
///
/// # Errors
/// When it cannot be had, gets no answer or takes too long.
pub fn curl(arguments: &[&str]) -> Result<(u16, String), Failure> {
    let mut command = parts::program("curl", "curl")?.command();
    command
        .args(["--silent", "--show-error", "--noproxy", "*"])
        .args(["--max-time", "30", "--write-out", "\n%{http_code}"])
        .args(arguments);
    let output = run_to_end(&mut command, CLI)?;
    let (body, status) = output.rsplit_once('\n').unwrap_or_default();
    let status = status
        .trim()
        .parse()
        .map_err(|_| Failure::answer(format!("curl {arguments:?}"), output.as_str()))?;
    Ok((status, body.to_owned()))
}

/// Runs `odp` with arguments to its end.
///
/// # Errors
/// When it cannot be built or takes too long.
pub fn odp(arguments: &[&str]) -> Result<(ExitStatus, String, String), Failure> {
    let mut command = Command::new(workspace::odp()?);
    command.args(arguments);
    let (status, output) = run_to_any_end(&mut command, CLI)?;
    Ok((status, output.stdout, output.stderr))
}

const SCENARIO: Duration = Duration::from_mins(3);
const CLI: Duration = Duration::from_mins(2);
