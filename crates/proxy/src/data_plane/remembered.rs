//! The servers of the cluster as they were seen last, kept in `state_dir`: a start finds the cluster by
//! them when the servers of the configured list are gone.

use crate::config::Settings;
use crate::kept_file::KeptFile;
use odp_cluster::{ClusterName, ServerAddr};
use odp_routing::{ClusterView, Metadata};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// What is kept.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// The configured list that led to the cluster: another list may mean another cluster.
    rootservice_list: Vec<ServerAddr>,
    cluster: ClusterName,
    servers: Vec<ServerAddr>,
}

/// The place where they are kept.
#[derive(Debug)]
pub(super) struct Remembered {
    /// `None` where nothing is kept.
    file: Option<KeptFile>,
    rootservice_list: Vec<ServerAddr>,
    /// The version of the view that was kept last.
    version: u64,
}

impl Remembered {
    const NAME: &str = "servers.json";

    /// The place that the configuration gives.
    pub(super) fn new(settings: &Settings) -> Self {
        Self::at(
            Path::new(&settings.state_dir),
            settings.rootservice_list.0.clone(),
        )
    }

    fn at(state_dir: &Path, rootservice_list: Vec<ServerAddr>) -> Self {
        let is_given = !state_dir.as_os_str().is_empty();
        Self {
            file: is_given.then(|| KeptFile::new(state_dir.join(Self::NAME))),
            rootservice_list,
            version: 0,
        }
    }

    /// The servers, when they belong to the configured list. What cannot be read is told in the log.
    pub(super) fn servers(&self) -> Vec<ServerAddr> {
        let kept: Kept = self.file.as_ref().map(KeptFile::read).unwrap_or_default();
        if kept.rootservice_list == self.rootservice_list {
            kept.servers
        } else {
            Vec::new()
        }
    }

    /// Keeps the servers of a view that is new.
    pub(super) fn keep(&mut self, view: &ClusterView) {
        let Some(file) = &self.file else {
            return;
        };
        if view.version == self.version || view.metadata != Metadata::Available {
            return;
        }
        self.version = view.version;
        let kept = Kept {
            rootservice_list: self.rootservice_list.clone(),
            cluster: view.name.clone(),
            servers: view.servers.iter().map(|server| server.addr).collect(),
        };
        // Should it be lost with the power, the configured list is still there.
        let written = serde_json::to_vec(&kept).map_err(io::Error::from);
        if let Err(error) = written.and_then(|bytes| file.replace(&bytes)) {
            tracing::warn!(%error, "the servers cannot be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odp_cluster::{Server, ServerState, ZoneName};
    use std::fs;

    fn addr(port: u16) -> ServerAddr {
        format!("127.0.0.1:{port}").parse().unwrap()
    }

    fn view(version: u64, ports: &[u16]) -> ClusterView {
        let server = |&port: &u16| Server {
            addr: addr(port),
            zone: ZoneName::new("z"),
            state: ServerState::Active,
        };
        ClusterView {
            servers: ports.iter().map(server).collect(),
            metadata: Metadata::Available,
            version,
            ..ClusterView::default()
        }
    }

    #[test]
    fn the_servers_seen_last_are_there_after_the_next_start() {
        let dir = std::env::temp_dir().join(format!("odp-servers-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let mut first = Remembered::at(&dir, vec![addr(1)]);
        assert!(first.servers().is_empty());
        first.keep(&view(1, &[1, 2]));
        first.keep(&view(2, &[2, 3]));
        // A list without metadata behind it is no news.
        first.keep(&ClusterView {
            metadata: Metadata::Unavailable,
            ..view(3, &[1])
        });
        assert_eq!(
            Remembered::at(&dir, vec![addr(1)]).servers(),
            [addr(2), addr(3)]
        );
        assert!(
            Remembered::at(&dir, vec![addr(9)]).servers().is_empty(),
            "another list"
        );
        fs::write(dir.join(Remembered::NAME), "{").unwrap();
        assert!(first.servers().is_empty());
        assert_eq!(
            fs::read_dir(&dir).unwrap().count(),
            1,
            "nothing is left behind"
        );
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn without_a_state_dir_nothing_is_kept() {
        let mut nowhere = Remembered::at(Path::new(""), vec![addr(1)]);
        nowhere.keep(&view(1, &[1]));
        assert!(nowhere.servers().is_empty());
    }
}
