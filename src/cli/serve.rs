//! `noisegate serve`: in front of the operator's own source and shadow, without any superuser.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::databases::Databases;
use super::error::CliError;
use super::findings::{lines, of_shadow, of_source, verdict};
use super::output::{complain, say};
use super::proxy::{Proxy, Written, bind, open_ledger};
use super::refresh::refresh;
use super::reload::{follow, watch};
use crate::policy::{Finding, Level, Policy, ServerOverrides};

pub(super) async fn run(file: &Path, stop: CancellationToken) -> Result<(), CliError> {
    let text = Policy::read_text(file)?;
    let policy = Policy::of_file(file, &text, ServerOverrides::default())?;
    let databases = Databases::of(&policy)?;
    let scheme = if policy.server.admin_tls.is_some() { "https" } else { "http" };
    // First, so that an address in use is told at once.
    let clients = bind(policy.server.listen).await?;
    let admin = bind(policy.server.admin).await?;
    let started = async {
        let findings = refuse_unsafe(file, &policy, &databases).await?;
        refresh(&policy, &databases).await;
        let ledger = open_ledger(&policy)?;
        Proxy::open(policy, &databases, ledger, Written { file, text: &text, findings }).await
    };
    let proxy = tokio::select! {
        proxy = started => proxy?,
        () = stop.cancelled() => return Ok(()),
    };
    say(format_args!(
        "noisegate answers at {}; its health is at {scheme}://{}/readyz",
        clients.local_addr()?,
        admin.local_addr()?
    ));
    let watched = watch(file.to_owned(), proxy.policies(), stop.clone());
    let followed = follow(proxy.policies(), stop.clone());
    let served = proxy.run(clients, admin, stop);
    let (watched, (), served) = tokio::join!(watched, followed, served);
    watched?;
    served
}

/// The same questions as `check`'s, but for those that read rows. With a finding that is an error
/// the guarantee would not hold, so nobody is let in.
async fn refuse_unsafe(
    file: &Path,
    policy: &Policy,
    databases: &Databases,
) -> Result<Vec<Finding>, CliError> {
    let mut findings = of_source(policy, databases, false).await?;
    findings.extend(of_shadow(policy, databases).await?);
    for finding in &findings {
        match finding.level {
            Level::Error => complain(lines(file, finding)),
            Level::Warning => tracing::warn!(%finding, "policy"),
        }
    }
    verdict(&findings)?;
    Ok(findings)
}
