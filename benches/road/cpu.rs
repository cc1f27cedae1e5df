//! The CPU time of noisegate's own threads. It shares the process with the clients, so it is
//! counted by thread; waiting for a busy processor does not count.

use std::fs;

use super::setup::THREAD;

/// Nanoseconds so far; `None` where the system does not tell.
pub(crate) fn noisegate_ns() -> Option<u64> {
    let mut sum = 0_u64;
    for task in fs::read_dir("/proc/self/task").ok()? {
        let path = task.ok()?.path();
        // A thread may end while the list is read.
        let Ok(name) = fs::read_to_string(path.join("comm")) else { continue };
        if name.starts_with(THREAD) || name.starts_with("ledger-") {
            let Ok(schedule) = fs::read_to_string(path.join("schedstat")) else { continue };
            sum = sum.saturating_add(schedule.split_whitespace().next()?.parse().ok()?);
        }
    }
    Some(sum)
}
