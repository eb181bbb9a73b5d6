//! How a command on the same host finds the admin endpoint's secrets: a small file named after its
//! port, in a folder that only this user writes.

use crate::config::Settings;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file; removed when this is dropped.
#[derive(Debug)]
pub(crate) struct EndpointFile(PathBuf);

/// What it says. It holds no secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    /// The socket that needs no token.
    pub(crate) socket: PathBuf,
    /// The file that holds the token, for those who may read it.
    pub(crate) token_file: Option<PathBuf>,
}

impl EndpointFile {
    /// Writes the file for the endpoint on `port`; without it commands need `--token-file`.
    pub(crate) fn write(port: u16, state_dir: &Path, settings: &Settings) -> Option<Self> {
        let token_file = Some(PathBuf::from(&settings.admin_token_file))
            .filter(|path| !path.as_os_str().is_empty())
            .and_then(|path| fs::canonicalize(path).ok());
        let endpoint = Endpoint {
            socket: super::StateDir::admin_socket(state_dir),
            token_file,
        };
        let folder = folders().into_iter().next()?;
        match write(&folder, port, &endpoint) {
            Ok(path) => Some(Self(path)),
            Err(error) => {
                tracing::debug!(folder = %folder.display(), %error, "no endpoint file");
                None
            }
        }
    }

    /// Reads what was written for `port` by this user or by root; for root, by anybody.
    pub(crate) fn find(port: u16) -> Option<Endpoint> {
        folders()
            .iter()
            .find_map(|folder| read(&folder.join(format!("{port}.json"))))
    }
}

impl Drop for EndpointFile {
    fn drop(&mut self) {
        // Whoever removed it first was right.
        fs::remove_file(&self.0).ok();
    }
}

/// Where such files may be; the first is the one to write to.
fn folders() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let own = rustix::process::geteuid();
    let mut folders: Vec<PathBuf> = variable("RUNTIME_DIRECTORY").into_iter().collect();
    if own.is_root() {
        folders.push("/run/odp".into());
    }
    folders.extend(variable("XDG_RUNTIME_DIR").map(|folder| folder.join("odp")));
    folders.push(std::env::temp_dir().join(format!("odp-{}", own.as_raw())));
    folders.push("/run/odp".into());
    folders
}

fn write(folder: &Path, port: u16, endpoint: &Endpoint) -> io::Result<PathBuf> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)?;
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("the folder belongs to somebody else"));
    }
    let path = folder.join(format!("{port}.json"));
    let fresh = folder.join(format!("{port}.json.new"));
    fs::remove_file(&fresh).ok();
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&fresh)?
        .write_all(&serde_json::to_vec(endpoint)?)?;
    fs::rename(&fresh, &path)?;
    Ok(path)
}

fn read(path: &Path) -> Option<Endpoint> {
    let own = rustix::process::geteuid();
    let file = OpenOptions::new().read(true).open(path).ok()?;
    let owner = file.metadata().ok()?.uid();
    if owner != 0 && owner != own.as_raw() && !own.is_root() {
        return None;
    }
    serde_json::from_reader(io::BufReader::new(file)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found_again_and_gone_with_its_proxy() {
        let folder = std::env::temp_dir().join(format!("odp-endpoint-{}", std::process::id()));
        let endpoint = Endpoint {
            socket: "/state/admin.sock".into(),
            token_file: Some("/etc/odp/token".into()),
        };
        let path = write(&folder, 2884, &endpoint).unwrap();
        assert_eq!(read(&path), Some(endpoint));
        drop(EndpointFile(path.clone()));
        assert_eq!(read(&path), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
