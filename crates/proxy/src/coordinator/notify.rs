//! What the service manager is told (`sd_notify`): ready, stopping, alive, and the listeners to keep.
//!
//! The listeners in its store outlive a crash of coordinator and data plane together: clients wait in
//! the listen queue instead of being refused.

use odp_restart::{Handle, Listeners, State};
use sd_notify::NotifyState;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// Speaks to the service manager, if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notifier {
    present: bool,
}

impl Notifier {
    /// Speaks to the service manager that the environment names.
    pub(crate) fn from_environment() -> Self {
        Self {
            present: std::env::var_os("NOTIFY_SOCKET").is_some(),
        }
    }

    /// Speaks to nobody.
    pub(crate) fn none() -> Self {
        Self { present: false }
    }

    /// The listeners that the service manager kept, by name.
    pub(crate) fn kept_listeners() -> Vec<(String, OwnedFd)> {
        // Their names would be lost once the descriptors are taken.
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut kept = listenfd::ListenFd::from_env();
        let mut found = Vec::new();
        for (index, name) in (0..kept.len()).zip(names.split(':')) {
            match kept.take_tcp_listener(index) {
                Ok(Some(listener)) => found.push((name.to_owned(), listener.into())),
                Ok(None) => {}
                Err(error) => tracing::warn!(name, %error, "a kept descriptor is no listener"),
            }
        }
        found
    }

    /// Has the open listeners kept, and those that were closed dropped.
    pub(crate) fn listening(self, listeners: &Listeners) {
        if !self.present {
            return;
        }
        let name = super::MYSQL_LISTENER;
        self.say(&[NotifyState::FdStoreRemove, NotifyState::FdName(name)]);
        let copies = listeners.copies().unwrap_or_default();
        for (name, copy) in &copies {
            let state = [NotifyState::FdStore, NotifyState::FdName(name)];
            let descriptors = [copy.as_fd()];
            if let Err(error) = sd_notify::notify_with_fds(false, &state, &descriptors) {
                tracing::debug!(%error, "the service manager does not keep the listeners");
            }
        }
    }

    /// Tells the state until the coordinator has ended, and that it is alive as often as is wanted.
    pub(crate) async fn follow(self, mut handle: Handle) {
        if !self.present {
            return;
        }
        let mut micros = 0;
        let watched = sd_notify::watchdog_enabled(false, &mut micros) && micros > 0;
        let period = Duration::from_micros(if watched {
            micros / 2
        } else {
            u64::from(u32::MAX)
        });
        let mut alive = tokio::time::interval(period);
        let mut told = None;
        loop {
            let state = handle.status().state;
            if told != Some(state) {
                self.tell(state);
                told = Some(state);
            }
            tokio::select! {
                changed = handle.changed() => if changed.is_none() {
                    return;
                },
                _ = alive.tick() => self.say(&[NotifyState::Watchdog]),
            }
        }
    }

    /// Says that the process is about to end.
    pub(crate) fn ending(self) {
        self.say(&[NotifyState::Stopping]);
    }

    fn tell(self, state: State) {
        let text = format!("{state:?}");
        // Stopped is what the operator wants, so that the service is as ready as it will be.
        if matches!(state, State::Running | State::Stopped) {
            self.say(&[NotifyState::Ready, NotifyState::Status(&text)]);
        } else {
            self.say(&[NotifyState::Status(&text)]);
        }
    }

    fn say(self, state: &[NotifyState<'_>]) {
        if !self.present {
            return;
        }
        if let Err(error) = sd_notify::notify(false, state) {
            tracing::debug!(%error, "the service manager cannot be told");
        }
    }
}

#[cfg(test)]
mod tests {
    //! The environment belongs to the whole process, so that the half that speaks is this executable,
    //! started again with a socket of the test's own in its environment.

    use super::*;
    use odp_restart::ListenerSpec;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    const CHILD: &str = "coordinator::notify::tests::speaks_when_the_environment_names_a_socket";

    #[test]
    fn the_protocol_is_spoken_to_the_socket_of_the_environment() {
        let dir = std::env::temp_dir().join(format!("odp-notify-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", CHILD])
            .env("NOTIFY_SOCKET", &path)
            .env("ODP_NOTIFY_TEST", "1")
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
        let mut said = Vec::new();
        for _ in 0..5 {
            let mut buffer = [0; 256];
            let count = socket.recv(&mut buffer).unwrap();
            said.push(String::from_utf8_lossy(&buffer[..count]).into_owned());
        }
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(
            said,
            [
                "FDSTOREREMOVE=1\nFDNAME=mysql\n",
                "FDSTORE=1\nFDNAME=mysql\n",
                "STATUS=Starting\n",
                "READY=1\nSTATUS=Running\n",
                "STOPPING=1\n",
            ]
        );
    }

    #[test]
    fn speaks_when_the_environment_names_a_socket() {
        if std::env::var_os("ODP_NOTIFY_TEST").is_none() {
            return;
        }
        let notifier = Notifier::from_environment();
        let listeners = Listeners::open(&[ListenerSpec {
            name: "mysql".to_owned(),
            addr: "127.0.0.1:0".parse().unwrap(),
            backlog: 1,
        }])
        .unwrap();
        notifier.listening(&listeners);
        notifier.tell(State::Starting);
        notifier.tell(State::Running);
        notifier.ending();
    }
}
