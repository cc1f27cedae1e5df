//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What a shell says of a program that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// A token that fires at the first signal. A second one ends the process at once; the demo's
/// databases then clean up by themselves.
pub(super) fn stop_token() -> std::io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let fired = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if fired.is_cancelled() {
                std::process::exit(INTERRUPTED);
            }
            fired.cancel();
        }
    });
    Ok(stop)
}
