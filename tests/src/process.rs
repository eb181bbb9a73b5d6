//! Real processes: each in a group of its own, with a log, a deadline and an end.

use crate::{Failure, watchdog, workspace};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A process that runs beside the test; its whole group is killed at drop.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    dir: PathBuf,
}

impl Process {
    /// Starts a command in a run folder; what it writes goes to `stdout` and `stderr` there.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command, dir: &Path) -> Result<Self, Failure> {
        Self::start_with(Stdio::null(), command, dir)
    }

    /// Likewise, with something to read.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_with(stdin: Stdio, command: &mut Command, dir: &Path) -> Result<Self, Failure> {
        let name = describe(command);
        let file = |stream: &str| {
            let path = dir.join(stream);
            File::create(&path).map_err(Failure::io(format!("create {}", path.display())))
        };
        let child = command
            .stdin(stdin)
            .stdout(file(STDOUT)?)
            .stderr(file(STDERR)?)
            .process_group(0)
            .spawn()
            .map_err(Failure::io(format!("start {name}")))?;
        watchdog::watch(child.id())?;
        Ok(Self {
            child,
            name,
            dir: dir.to_owned(),
        })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything written to its stdout so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        read(&self.dir.join(STDOUT))
    }

    /// Everything written to its stderr so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        read(&self.dir.join(STDERR))
    }

    /// The end of both streams, for a failure's text.
    #[must_use]
    pub fn evidence(&self) -> String {
        let (stdout, stderr) = (self.stdout(), self.stderr());
        format!(
            "{}\nstdout: {}\nstderr: {}",
            self.name,
            tail(&stdout),
            tail(&stderr)
        )
    }

    /// Polls `probe` until it gives a value; gives up at once when the process ends.
    ///
    /// # Errors
    /// When the time is up or the process ended, with its log.
    pub fn wait_until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut probe: impl FnMut(&Self) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let mut ended = None;
        let result = crate::wait::until(what, limit, || {
            let seen = probe(self);
            if seen.is_ok() {
                return seen.map(Some);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                ended = Some(status);
                return Ok(None);
            }
            seen.map(Some)
                .map_err(|refusal| format!("{refusal}\n{}", self.evidence()))
        })?;
        result.ok_or_else(|| Failure::Process {
            program: self.name.clone(),
            status: ended.map_or_else(String::new, |status| status.to_string()),
            output: self.evidence(),
        })
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    /// When it has not within the limit.
    pub fn wait_for_end(&mut self, limit: Duration) -> Result<ExitStatus, Failure> {
        let what = format!("the end of {}", self.name);
        crate::wait::until(&what, limit, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err(self.evidence()),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Sends a signal to the process alone.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub fn signal(&self, signal: Signal) -> Result<(), Failure> {
        send(self.child.id(), signal)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = self.child.id();
        if let Some(pid) = pid(group) {
            // A group that has ended already is what is wanted.
            kill_process_group(pid, Signal::KILL).ok();
        }
        self.child.wait().ok();
        watchdog::forget(group);
    }
}

/// Sends a signal to a process by its number.
///
/// # Errors
/// When there is no such process.
pub fn send(id: u32, signal: Signal) -> Result<(), Failure> {
    let what = format!("signal process {id}");
    let pid = pid(id).ok_or_else(|| Failure::answer(&what, "no process id"))?;
    kill_process(pid, signal).map_err(|error| Failure::io(what)(error.into()))
}

/// Whether a process with this number exists and is no zombie.
#[must_use]
pub fn is_alive(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| {
        let state = rest.trim_start();
        !state.is_empty() && !state.starts_with(['Z', 'X'])
    })
}

/// The processes that run in a folder, zombies excluded: however they were started, and whatever
/// group they lead.
#[must_use]
pub fn in_folder(dir: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id| std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd == dir))
        .filter(|&id| is_alive(id))
        .collect()
}

/// The command line of a process, for a failure's text.
#[must_use]
pub fn command_line(id: u32) -> String {
    read(Path::new(&format!("/proc/{id}/cmdline"))).replace('\0', " ")
}

/// The number of a process's open descriptors.
#[must_use]
pub fn descriptors(id: u32) -> usize {
    std::fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count)
}

/// The memory that a process has now, in kB (`VmRSS`).
///
/// # Errors
/// When there is no such process.
pub fn memory_kb(id: u32) -> Result<u64, Failure> {
    status_kb(id, "VmRSS:")
}

/// The most memory that a process has had since [`forget_peak_memory`], in kB (`VmHWM`).
///
/// # Errors
/// When there is no such process.
pub fn peak_memory_kb(id: u32) -> Result<u64, Failure> {
    status_kb(id, "VmHWM:")
}

/// Makes what a process has now the most that it has had.
///
/// # Errors
/// When there is no such process.
pub fn forget_peak_memory(id: u32) -> Result<(), Failure> {
    std::fs::write(format!("/proc/{id}/clear_refs"), "5").map_err(Failure::io("reset the peak"))
}

fn status_kb(id: u32, key: &str) -> Result<u64, Failure> {
    let path = format!("/proc/{id}/status");
    let status = std::fs::read_to_string(&path).map_err(Failure::io(&path))?;
    let value = status.lines().find_map(|line| line.strip_prefix(key));
    let number = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| Failure::answer(path, status))
}

/// Runs a command to its end and gives its stdout.
///
/// # Errors
/// When it cannot be started, fails, or is not done within the limit (it is killed then).
pub fn run_to_end(command: &mut Command, limit: Duration) -> Result<String, Failure> {
    let (status, output) = run_to_any_end(command, limit)?;
    if status.success() {
        return Ok(output.stdout);
    }
    let output = format!("{}\n{}", tail(&output.stdout), tail(&output.stderr));
    Err(Failure::Process {
        program: describe(command),
        status: status.to_string(),
        output,
    })
}

/// What a finished command wrote.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs a command to its end, whatever its exit code.
///
/// # Errors
/// When it cannot be started or is not done within the limit (it is killed then).
pub fn run_to_any_end(
    command: &mut Command,
    limit: Duration,
) -> Result<(ExitStatus, Output), Failure> {
    let dir = workspace::run_dir("command")?;
    let started = Instant::now();
    let mut process = Process::start(command, &dir)?;
    let status = process.wait_for_end(limit.saturating_sub(started.elapsed()))?;
    let output = Output {
        stdout: process.stdout(),
        stderr: process.stderr(),
    };
    drop(process);
    std::fs::remove_dir_all(&dir).map_err(Failure::io(format!("remove {}", dir.display())))?;
    Ok((status, output))
}

/// The last part of a text, cut at a line.
#[must_use]
pub fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(TAIL_BYTES);
    let cut = text
        .char_indices()
        .map(|(at, _)| at)
        .find(|&at| at >= start)
        .unwrap_or(0);
    text.get(cut..).unwrap_or(text).trim_end()
}

fn describe(command: &Command) -> String {
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy());
    std::iter::once(command.get_program().to_string_lossy())
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";
const TAIL_BYTES: usize = 8_000;
