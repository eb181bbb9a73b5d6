//! Ends every process that the tests started and removes their folders, however the tests end.
//!
//! Values in statics are never dropped and a killed test binary drops nothing at all, so a small
//! shell process holds the list; it acts when the pipe to the test binary closes.

use crate::Failure;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Puts a process group on the list.
///
/// # Errors
/// When the watchdog cannot be started or reached.
pub fn watch(group: u32) -> Result<(), Failure> {
    tell(&format!("watch {group}"))
}

/// Takes a process group off the list: it has ended and its number may be used again.
pub fn forget(group: u32) {
    // A watchdog that is gone has nothing left to forget.
    tell(&format!("forget {group}")).ok();
}

/// Has a folder removed in the end.
///
/// # Errors
/// When the watchdog cannot be started or reached.
pub fn remove_at_exit(dir: &Path) -> Result<(), Failure> {
    tell(&format!("remove {}", dir.display()))
}

fn tell(line: &str) -> Result<(), Failure> {
    static WATCHDOG: Mutex<Option<(Child, ChildStdin)>> = Mutex::new(None);
    let mut watchdog = WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner);
    if watchdog.is_none() {
        *watchdog = Some(start()?);
    }
    let Some((_, input)) = watchdog.as_mut() else {
        return Ok(());
    };
    writeln!(input, "{line}").map_err(Failure::io("tell the watchdog"))
}

fn start() -> Result<(Child, ChildStdin), Failure> {
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(SCRIPT)
        .stdin(Stdio::piped())
        // An interrupt from the terminal is meant for the tests; the watchdog outlives them.
        .process_group(0)
        .spawn()
        .map_err(Failure::io("start the watchdog"))?;
    let input = child.stdin.take();
    let input = input.ok_or_else(|| Failure::answer("start the watchdog", "no stdin"))?;
    Ok((child, input))
}

const SCRIPT: &str = r#"
groups=" " dirs=""
while read -r verb what; do
    case "$verb" in
        watch) groups="$groups$what " ;;
        forget) groups=$(echo "$groups" | sed "s/ $what / /") ;;
        remove) dirs="$dirs$what
" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
echo "$dirs" | while read -r dir; do [ -n "$dir" ] && rm -rf -- "$dir"; done
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_pipe_ends_the_watched_and_removes_the_folder() {
        let mut sleeper = Command::new("sleep")
            .arg("1000")
            .process_group(0)
            .spawn()
            .unwrap();
        let dir = std::env::temp_dir().join(format!("odp watchdog {}", sleeper.id()));
        std::fs::create_dir_all(dir.join("inner")).unwrap();
        let (mut watchdog, mut input) = start().unwrap();
        let id = sleeper.id();
        writeln!(
            input,
            "watch 999999\nwatch {id}\nforget 999999\nremove {}",
            dir.display()
        )
        .unwrap();
        drop(input);
        watchdog.wait().unwrap();
        assert!(!sleeper.wait().unwrap().success());
        assert!(!dir.exists());
    }
}
