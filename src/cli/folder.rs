//! The folder of `demo --dir`: empty when the demo begins, and so again when it ends.

use std::io;
use std::path::{Path, PathBuf};

use super::error::CliError;

/// Empties the folder when dropped, and removes it if it was not there before.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The topmost folder that had to be made.
    made: Option<PathBuf>,
}

impl Folder {
    /// Takes a folder that is empty or not there; another's files are never ours to remove.
    pub(super) fn take(path: &Path) -> Result<Self, CliError> {
        let at = |error| CliError::File { path: path.to_path_buf(), error };
        // Absolute, since what is removed later must be what was made now.
        let absolute = std::path::absolute(path).map_err(at)?;
        let made = absolute.ancestors().take_while(|folder| !folder.exists()).last();
        let made = made.map(Path::to_path_buf);
        std::fs::create_dir_all(&absolute).map_err(at)?;
        if std::fs::read_dir(&absolute).map_err(at)?.next().is_some() {
            return Err(CliError::NotEmpty(absolute));
        }
        Ok(Self { path: absolute, made })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn empty(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mut result = self.empty();
        if let Some(made) = &self.made {
            // Not with all that is in them: by now others may have put something beside ours.
            for folder in self.path.ancestors().take_while(|folder| folder.starts_with(made)) {
                result = result.and_then(|()| std::fs::remove_dir(folder));
            }
        }
        if let Err(error) = result {
            tracing::warn!(path = %self.path.display(), %error, "files of the demo are left");
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_left_as_it_was_found() {
        let parent = tempfile::tempdir().unwrap();
        let (new, old) = (parent.path().join("a/b"), parent.path().join("old"));
        std::fs::create_dir(&old).unwrap();
        for path in [&new, &old] {
            let folder = Folder::take(path).unwrap();
            std::fs::create_dir(folder.path().join("source")).unwrap();
            std::fs::write(folder.path().join("source/ledger.db"), "x").unwrap();
        }
        let left: Vec<_> =
            std::fs::read_dir(parent.path()).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(left, std::slice::from_ref(&old));
        assert!(old.read_dir().unwrap().next().is_none());
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused_and_left() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("thesis.tex");
        std::fs::write(&file, "x").unwrap();
        assert!(matches!(Folder::take(parent.path()), Err(CliError::NotEmpty(_))));
        assert!(file.exists());
    }
}
