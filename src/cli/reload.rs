//! How a running proxy reads its policy file anew, and when.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::databases::Databases;
use super::findings::{of_shadow, of_source};
use super::refresh::refresh;
use crate::ledger::{Event, Via};
use crate::policy::{Finding, Policy, ServerOverrides};
use crate::road::{Gate, Opener, Policies};

/// How often the file and the teams are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// What is kept of an error on record.
const ERROR_CHARS_MAX: usize = 500;

/// The file of a policy.
#[derive(Debug)]
pub(super) struct PolicyFile(pub(super) PathBuf);

impl Opener for PolicyFile {
    fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn read(&self) -> Result<String, String> {
        Policy::read_text(&self.0).map_err(sentence)
    }

    fn parse(&self, text: &str) -> Result<Policy, String> {
        Policy::of_file(&self.0, text, ServerOverrides::default()).map_err(sentence)
    }

    fn check<'a>(&'a self, policy: &'a Policy) -> BoxFuture<'a, Result<Vec<Finding>, String>> {
        async move {
            let databases = Databases::of(policy).map_err(sentence)?;
            let mut findings = of_source(policy, &databases, false).await.map_err(sentence)?;
            findings.extend(of_shadow(policy, &databases).await.map_err(sentence)?);
            Ok(findings)
        }
        .boxed()
    }

    fn open<'a>(&'a self, policy: Policy, beside: &'a Gate) -> BoxFuture<'a, Result<Gate, String>> {
        async move {
            let databases = Databases::of(&policy).map_err(sentence)?;
            refresh(&policy, &databases).await;
            let opened = beside.open_beside(policy, databases.source, databases.shadow);
            opened.await.map_err(sentence)
        }
        .boxed()
    }
}

fn sentence(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Follows what other proxies and commands change: teams, and queries that are to stop; until `stop`
/// fires.
pub(super) async fn follow(policies: Arc<Policies>, stop: CancellationToken) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(looks.tick()).await.is_some() {
        if let Err(error) = policies.follow_teams().await {
            tracing::warn!(%error, "the teams are as they were read last");
        }
        if let Err(error) = policies.gate().stop_canceled().await {
            tracing::warn!(%error, "whether queries were canceled elsewhere is not known");
        }
    }
}

/// Reloads the policy when its file is another, and at SIGHUP, until `stop` fires.
pub(super) async fn watch(
    file: PathBuf,
    policies: Arc<Policies>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut seen, mut loaded) = (look(&file), look(&file));
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = hangup.recv() => {
                loaded = look(&file);
                reload(&policies).await;
            }
            _ = looks.tick() => {
                let now = look(&file);
                // Whoever writes the file may not have come to its end: half a policy can be
                // another policy. So it has to stay the same for one look.
                if now == seen && now != loaded {
                    loaded = now;
                    if policies.is_other() {
                        reload(&policies).await;
                    }
                }
                seen = now;
            }
        }
    }
}

/// Reloads, which tells of failures itself, and puts on record what came of it.
async fn reload(policies: &Policies) {
    let reloaded = policies.reload().await;
    let (kind, detail) = match &reloaded {
        Ok(running) => {
            let version = hex::encode(running.gate.policy.version.get(..8).unwrap_or_default());
            ("policy.reload", json!({ "version": version }))
        }
        Err(error) => {
            let error: String = error.chars().take(ERROR_CHARS_MAX).collect();
            ("policy.reload.failed", json!({ "error": error }))
        }
    };
    let event = Event {
        who: "proxy:file".to_owned(),
        via: Via::Proxy,
        kind,
        object: policies.name().unwrap_or_default(),
        detail: detail.to_string(),
        why: "the file is another one".to_owned(),
    };
    if let Err(error) = policies.gate().ledger.record(vec![event]).await {
        tracing::warn!(%error, "a reload is not on record");
    }
}

/// What tells a file from itself a while ago: device, number, length and times of changes. Nothing
/// if it is not there.
type Look = Option<(u64, u64, u64, i64, i64, i64, i64)>;

fn look(file: &std::path::Path) -> Look {
    let of = |meta: Metadata| {
        let changed = (meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec());
        (meta.dev(), meta.ino(), meta.len(), changed.0, changed.1, changed.2, changed.3)
    };
    std::fs::metadata(file).ok().map(of)
}
