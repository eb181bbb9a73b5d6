//! A small file in `state_dir`: read with a bound, and only ever replaced as a whole.

use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file.
#[derive(Debug)]
pub(crate) struct KeptFile {
    path: PathBuf,
}

impl KeptFile {
    /// More bytes than what is kept in one file ever takes.
    const LONGEST: u64 = 4 << 20;

    /// The file at `path`, which may not be there yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What JSON it holds; nothing when it is not there. What cannot be read is told in the log.
    pub(crate) fn read<T: DeserializeOwned + Default>(&self) -> T {
        let error = match self.parse() {
            Ok(content) => return content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return T::default(),
            Err(error) => error,
        };
        tracing::warn!(path = %self.path.display(), %error, "what was kept cannot be read");
        T::default()
    }

    fn parse<T: DeserializeOwned>(&self) -> io::Result<T> {
        if fs::metadata(&self.path)?.len() > Self::LONGEST {
            return Err(io::Error::other("the file is too long"));
        }
        Ok(serde_json::from_slice(&fs::read(&self.path)?)?)
    }

    /// Replaces the file: whoever reads finds the old or the new content. Several processes may do so at
    /// once.
    ///
    /// # Errors
    /// When it cannot be written; the old content stays, and nothing else.
    pub(crate) fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let fresh = format!("{}.new", std::process::id());
        self.exchange(&fresh, |fresh| fs::write(fresh, bytes))
    }

    /// Replaces the file so that after a power failure, too, the old or the new content is there. One
    /// process at a time may do so; what it leaves half written when it is killed, the next one overwrites.
    ///
    /// # Errors
    /// As for [`Self::replace`].
    pub(crate) fn replace_for_good(&self, bytes: &[u8]) -> io::Result<()> {
        self.exchange("new", |fresh| {
            let mut file = File::create(fresh)?;
            file.write_all(bytes)?;
            file.sync_all()
        })?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    fn exchange(
        &self,
        extension: &str,
        write: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let fresh = self.path.with_extension(extension);
        let replaced = write(&fresh).and_then(|()| fs::rename(&fresh, &self.path));
        if replaced.is_err() {
            // Half a file is of no use to anybody, and the disk may be full.
            fs::remove_file(&fresh).ok();
        }
        replaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_the_old_content_and_nothing_else() {
        let dir = std::env::temp_dir().join(format!("odp-kept-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let file = KeptFile::new(dir.join("numbers.json"));
        assert!(file.read::<Vec<u8>>().is_empty());
        file.replace(b"[1]").unwrap();
        file.replace_for_good(b"[1,2]").unwrap();
        assert_eq!(file.read::<Vec<u8>>(), [1, 2]);
        // A folder of that name stands for whatever keeps a file from being written.
        let fresh = dir.join(format!("numbers.{}.new", std::process::id()));
        fs::create_dir(&fresh).unwrap();
        assert!(file.replace(b"[3]").is_err());
        let other = dir.join("numbers.new");
        fs::create_dir(&other).unwrap();
        assert!(file.replace_for_good(b"[3]").is_err());
        assert_eq!(file.read::<Vec<u8>>(), [1, 2]);
        fs::remove_dir(&fresh).unwrap();
        fs::remove_dir(&other).unwrap();
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_cannot_be_read_is_as_if_it_were_not_there() {
        let dir = std::env::temp_dir().join(format!("odp-unkept-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("numbers.json");
        let file = KeptFile::new(path.clone());
        fs::write(&path, b"[1").unwrap();
        assert!(file.read::<Vec<u8>>().is_empty());
        let long = usize::try_from(KeptFile::LONGEST).unwrap() + 1;
        fs::write(&path, vec![b' '; long]).unwrap();
        assert!(file.read::<Vec<u8>>().is_empty());
        fs::remove_dir_all(&dir).unwrap();
    }
}
