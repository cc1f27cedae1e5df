//! Limits on what running processes may write.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use noisegate::demo::Cluster;

/// As far as anything is written that may be on a full disk.
pub(crate) const FULL: &str = "--fsize=65536:";
pub(crate) const NONE: &str = "--fsize=unlimited:";

/// Limits the files that processes of a server may write.
pub(crate) fn files(server: &Cluster, limit: &str, pids: &[i32]) {
    // As their own user: in a container, others may not, whoever they are.
    let owner = std::fs::metadata(server.socket_dir()).expect("the server's folder");
    for pid in pids {
        let pid = format!("--pid={pid}");
        // It may be gone by now.
        let _gone = Command::new("prlimit")
            .args([&pid, limit])
            .uid(owner.uid())
            .gid(owner.gid())
            .stderr(Stdio::null())
            .status()
            .expect("prlimit");
    }
}
