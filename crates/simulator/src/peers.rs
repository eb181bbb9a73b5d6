//! The sessions on the cluster's other nodes, where those are processes of their own: asked for and
//! killed over sockets in the data directory.

use crate::error::SimulatorError;
use crate::link::send;
use crate::registry::{Registry, SessionRow};
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a node may take to answer; a stopped one never does.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a node asks another one for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Question {
    /// Its sessions.
    List,
    /// To end the running statements of these sessions, by the server's ids.
    KillQueries(Vec<u32>),
    /// To end these sessions, and to refuse further ones of their clients.
    Kill(Vec<SessionRow>),
}

/// The other nodes.
#[derive(Debug)]
pub(crate) struct Peers {
    dir: PathBuf,
    own: PathBuf,
}

impl Peers {
    /// Opens node `id`'s own socket; whoever asks there is answered from `registry`.
    pub(crate) fn open(
        dir: &Path,
        id: i64,
        registry: &Arc<Registry>,
    ) -> Result<Self, SimulatorError> {
        let own = dir.join(format!("node-{id}.sock"));
        // Left behind by a process that was killed.
        std::fs::remove_file(&own).ok();
        let listener = UnixListener::bind(&own)?;
        let registry = Arc::clone(registry);
        std::thread::Builder::new()
            .name("peers".to_owned())
            .spawn(move || {
                for stream in listener.incoming() {
                    let served = stream.map_err(SimulatorError::from);
                    if let Err(error) = served.and_then(|stream| serve(&stream, &registry)) {
                        tracing::debug!(%error, "another simulated server broke off");
                    }
                }
            })?;
        Ok(Self {
            dir: dir.to_owned(),
            own,
        })
    }

    /// Asks every other node; those that do not answer in time are passed over.
    pub(crate) fn ask(&self, question: &Question) -> Vec<SessionRow> {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let sockets = entries.map(|entry| entry.path()).filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "sock")
                && *path != self.own
        });
        let asked = sockets.filter_map(|path| ask(&path, question).ok());
        asked.flatten().collect()
    }
}

fn ask(path: &Path, question: &Question) -> Result<Vec<SessionRow>, SimulatorError> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    send(&stream, question)?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

fn serve(stream: &UnixStream, registry: &Registry) -> Result<(), SimulatorError> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let mut rows = Vec::new();
    match serde_json::from_str(&line)? {
        Question::List => rows = registry.rows(),
        Question::KillQueries(ids) => registry.kill_queries(&ids),
        Question::Kill(sessions) => registry.kill(&sessions),
    }
    send(stream, &rows)
}
