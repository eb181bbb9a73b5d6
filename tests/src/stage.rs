//! A proxy in front of a simulated cluster whose next generation a test can hold back or break.
//!
//! The coordinator runs from a copy of `odp` in a folder of its own. [`Stage::swap_binary`] puts a
//! stand-in in its place, which runs lines of the test's choice before it becomes the real binary.

use crate::clients::Account;
use crate::process::{self, run_to_end};
use crate::proxy::Settings;
use crate::{Failure, Proxy, Sandbox, Task, wait, workspace};
use serde_json::{Value, json};
use std::fs::{File, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A proxy, its cluster, and the folder with its binary.
#[derive(Debug)]
pub struct Stage {
    /// The proxy.
    pub proxy: Proxy,
    cluster: Arc<Sandbox>,
    dir: PathBuf,
}

impl Stage {
    /// The token of every proxy on a stage: an upgrade over HTTP asks for one.
    pub const TOKEN: &str = "the-token-of-the-stage";

    /// In front of the cluster that the tests of this binary share.
    ///
    /// # Errors
    /// When `odp` cannot be built or is not healthy in time.
    pub fn start(settings: impl FnOnce(Settings) -> Settings) -> Result<Self, Failure> {
        Self::in_front_of(shared_cluster()?, settings)
    }

    /// In front of a cluster of the test's own.
    ///
    /// # Errors
    /// When `odp` cannot be built or is not healthy in time.
    pub fn in_front_of(
        cluster: Arc<Sandbox>,
        settings: impl FnOnce(Settings) -> Settings,
    ) -> Result<Self, Failure> {
        let dir = workspace::run_dir("stage")?;
        let odp = dir.join("odp");
        // A second name costs nothing; a swap replaces the name and leaves the file alone.
        std::fs::hard_link(workspace::odp()?, &odp).map_err(Failure::io("link odp"))?;
        Self::run(cluster, dir, &odp, |plain| {
            settings(plain.with_token(Self::TOKEN))
        })
    }

    /// Without a token for the admin endpoint.
    ///
    /// # Errors
    /// When `odp` cannot be built or is not healthy in time.
    pub fn start_without_token() -> Result<Self, Failure> {
        let dir = workspace::run_dir("stage")?;
        let odp = workspace::odp()?;
        Self::run(shared_cluster()?, dir, &odp, |plain| {
            plain.with("hot_upgrade_exit_timeout", "\"1s\"")
        })
    }

    /// With a `state_dir` on a disk of 256 KB, in a mount namespace of its own; where that
    /// is not permitted, on the common disk.
    ///
    /// # Errors
    /// When `odp` cannot be built or is not healthy in time.
    pub fn on_a_small_disk(settings: impl FnOnce(Settings) -> Settings) -> Result<Self, Failure> {
        let dir = workspace::run_dir("stage")?;
        let state = dir.join("state");
        std::fs::create_dir_all(&state).map_err(Failure::io("create state_dir"))?;
        let text = format!(
            "#!/bin/sh\nexec unshare --map-root-user --mount sh -c 'mount -t tmpfs -o \
             size={SMALL_DISK},mode=0700 none \"$0\"; exec \"$@\"' '{}' '{}' \"$@\"\n",
            state.display(),
            workspace::odp()?.display()
        );
        let mut probe = Command::new("unshare");
        probe.args(["--map-root-user", "--mount", "true"]);
        let binary = match run_to_end(&mut probe, STEP) {
            Ok(_) => program(&dir, "odp-on-a-small-disk", &text)?,
            Err(_) => workspace::odp()?,
        };
        Self::run(shared_cluster()?, dir, &binary, |plain| {
            settings(plain.with_token(Self::TOKEN))
        })
    }

    fn run(
        cluster: Arc<Sandbox>,
        dir: PathBuf,
        binary: &Path,
        settings: impl FnOnce(Settings) -> Settings,
    ) -> Result<Self, Failure> {
        let plain =
            Settings::in_front_of(&cluster.server_ports()?).with("graceful_exit_delay", "\"50ms\"");
        let mut proxy = Proxy::spawn_in(&dir, binary, &settings(plain))?;
        proxy.wait_for_health(200)?;
        Ok(Self {
            proxy,
            cluster,
            dir,
        })
    }

    /// Lets every further write to `state_dir` fail: its disk is full, or, where there is no disk
    /// of its own, its files cannot be made.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn fill_the_disk(&self) -> Result<(), Failure> {
        let filler = self.state_of_the_proxy().join(FILLER);
        let what = || format!("fill {}", filler.display());
        let mut file = File::create(&filler).map_err(Failure::io(what()))?;
        for _ in 0..2 * SMALL_DISK / 1024 {
            match file.write(&[0; 1024]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(Failure::io(what())(error)),
            }
        }
        let state = self.state_of_the_proxy();
        std::fs::rename(&state, state.with_extension("aside")).map_err(Failure::io(what()))?;
        std::fs::write(&state, "").map_err(Failure::io(what()))
    }

    /// Takes back what [`Stage::fill_the_disk`] did.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn free_the_disk(&self) -> Result<(), Failure> {
        let state = self.state_of_the_proxy();
        let aside = state.with_extension("aside");
        let what = || format!("empty {}", state.display());
        if aside.exists() {
            std::fs::remove_file(&state).map_err(Failure::io(what()))?;
            std::fs::rename(&aside, &state).map_err(Failure::io(what()))?;
        }
        std::fs::remove_file(state.join(FILLER)).map_err(Failure::io(what()))
    }

    /// `state_dir` as the coordinator sees it.
    fn state_of_the_proxy(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.proxy.coordinator()));
        let state = self.dir.join("state");
        root.join(state.strip_prefix("/").unwrap_or(&state))
    }

    /// The names of all files in `state_dir`, sorted.
    #[must_use]
    pub fn state_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.join("state"));
        let entries = entries.into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The account `app` behind the proxy.
    #[must_use]
    pub fn app(&self) -> Account<'static> {
        Account {
            port: self.proxy.port(),
            ..self.cluster.app()
        }
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Sandbox {
        &self.cluster
    }

    /// The folder that everything runs in.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Puts a stand-in in the place of the binary on disk. A data plane that is started from it runs
    /// the lines that [`Stage::act`] wrote last, then becomes the real `odp`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn swap_binary(&self) -> Result<(), Failure> {
        self.act("")?;
        self.stand_in("odp", "data-plane", &self.act_file())
            .map(drop)
    }

    /// Likewise for the coordinator that an upgrade to this binary begins.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn swap_coordinator(&self) -> Result<(), Failure> {
        self.act("")?;
        self.stand_in("odp", "serve", &self.act_file()).map(drop)
    }

    /// Makes such a binary under another name, for another role than that of a data plane perhaps, and
    /// gives its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn stand_in(&self, name: &str, role: &str, lines: &Path) -> Result<PathBuf, Failure> {
        let text = format!(
            "case \"$1\" in {role}) . '{}' ;; esac\nexec '{}' \"$@\"\n",
            lines.display(),
            workspace::odp()?.display()
        );
        let (path, draft) = (self.dir.join(name), self.dir.join(format!("{name}.draft")));
        let script = self.dir.join(format!("{name}.sh"));
        write(&draft, &text)?;
        let put = |what: &'static str| Failure::io(what);
        std::fs::rename(&draft, script).map_err(put("put a script in place"))?;
        copy(&workspace::stand_in()?, &draft)?;
        std::fs::rename(&draft, &path).map_err(put("put a stand-in in place"))?;
        Ok(path)
    }

    /// Writes an executable file and gives its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn program(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        program(&self.dir, name, text)
    }

    /// What the next data plane does before it becomes `odp`: lines of shell.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn act(&self, lines: &str) -> Result<(), Failure> {
        let draft = self.dir.join("act.draft");
        write(&draft, &format!("{lines}\n"))?;
        std::fs::rename(draft, self.act_file()).map_err(Failure::io("put an act in place"))
    }

    /// Lets the next data planes wait before their first word, until [`Stage::release`].
    ///
    /// # Errors
    /// When the act cannot be written.
    pub fn hold(&self) -> Result<(), Failure> {
        self.hold_then("")
    }

    /// Like [`Stage::hold`]; after the wait they run these lines first.
    ///
    /// # Errors
    /// When the act cannot be written.
    pub fn hold_then(&self, lines: &str) -> Result<(), Failure> {
        let held = self.held_file();
        write(&held, "")?;
        self.act(&format!(
            "while [ -e '{}' ]; do sleep 0.02; done\n{lines}",
            held.display()
        ))
    }

    /// Like [`Stage::hold`] for a coordinator: a shell that waited for `sleep` would take notice of the
    /// data plane's end as well, which is the coordinator's child.
    ///
    /// # Errors
    /// When the act cannot be written.
    pub fn hold_without_children(&self) -> Result<(), Failure> {
        let held = self.held_file();
        write(&held, "")?;
        self.act(&format!("while [ -e '{}' ]; do :; done", held.display()))
    }

    /// Lets the held ones go on, and the next ones not wait.
    ///
    /// # Errors
    /// When the act cannot be written.
    pub fn release(&self) -> Result<(), Failure> {
        self.act("")?;
        // Without a hold before there is nothing to remove.
        std::fs::remove_file(self.held_file()).ok();
        Ok(())
    }

    /// Gives an order whose task must be completed.
    ///
    /// # Errors
    /// When it is not, with the proxy's log.
    pub fn complete(&self, action: &str, body: Option<&Value>) -> Result<Task, Failure> {
        Task::complete(self.proxy.admin(), action, body).map_err(|failure| self.explain(&failure))
    }

    /// A restart that must be completed.
    ///
    /// # Errors
    /// When it is not, with the proxy's log.
    pub fn restart(&self) -> Result<Task, Failure> {
        self.complete("restart", Some(&json!({"mode": "restart"})))
    }

    /// A data plane that lives, from `/v1/status`.
    ///
    /// # Errors
    /// When there is none for 10 s.
    pub fn data_plane(&self) -> Result<u32, Failure> {
        wait::until("a data plane in /v1/status", STEP, || {
            let id = self.proxy.data_plane().map_err(|error| error.to_string())?;
            id.filter(|&id| process::is_alive(id))
                .ok_or_else(|| format!("{id:?}\n{}", self.proxy.evidence()))
        })
    }

    /// Waits until nothing but the coordinator and one data plane runs.
    ///
    /// # Errors
    /// When more is left, with its command lines.
    pub fn wait_for_two_processes(&self) -> Result<(), Failure> {
        wait::until("the end of every other process", STEP, || {
            let left = process::in_folder(&self.dir);
            if left.len() == 2 {
                return Ok(());
            }
            let lines = left.into_iter().map(|id| (id, process::command_line(id)));
            Err(format!(
                "{:#?}\n{}",
                lines.collect::<Vec<_>>(),
                self.proxy.evidence()
            ))
        })
    }

    /// The failure with the proxy's log.
    #[must_use]
    pub fn explain(&self, failure: &Failure) -> Failure {
        Failure::answer(
            "on the stage",
            format!("{failure}\n{}", self.proxy.evidence()),
        )
    }

    /// The file that is there from [`Stage::hold`] to [`Stage::release`].
    #[must_use]
    pub fn held_file(&self) -> PathBuf {
        self.dir.join("held")
    }

    fn act_file(&self) -> PathBuf {
        self.dir.join("act")
    }
}

/// The cluster that the tests of this binary share; the watchdog ends it.
fn shared_cluster() -> Result<Arc<Sandbox>, Failure> {
    static SHARED: Mutex<Option<Arc<Sandbox>>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = shared.as_ref() {
        return Ok(Arc::clone(cluster));
    }
    let cluster = Arc::new(Sandbox::start()?);
    *shared = Some(Arc::clone(&cluster));
    Ok(cluster)
}

/// Writes an executable file into a folder and gives its path.
///
/// # Errors
/// When it cannot be written.
pub fn program(dir: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let (draft, copied, path) = (
        dir.join(format!("{name}.draft")),
        dir.join(format!("{name}.copy")),
        dir.join(name),
    );
    write(&draft, text)?;
    copy(&draft, &copied)?;
    std::fs::set_permissions(&copied, Permissions::from_mode(0o755))
        .map_err(Failure::io("make a script executable"))?;
    std::fs::rename(&copied, &path).map_err(Failure::io("put a script in place"))?;
    std::fs::remove_file(&draft).map_err(Failure::io("remove a draft"))?;
    Ok(path)
}

/// Copies a file that will be executed. Another process does so: one that is forked here at this moment
/// would keep the file open for writing, and such a file cannot be executed.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    run_to_end(Command::new("cp").arg(from).arg(to), STEP).map(drop)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(Failure::io(format!("write {}", path.display())))
}

const STEP: Duration = Duration::from_secs(10);
/// Bytes of the small disk.
const SMALL_DISK: u32 = 256 << 10;
const FILLER: &str = "filler";
