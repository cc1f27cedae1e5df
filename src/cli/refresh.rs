//! Public tables, copied anew.

use super::databases::{Databases, OWNER, READER, connect, listed};
use super::error::CliError;
use crate::policy::Policy;
use crate::shadow::refresh_public;

/// Copies the public tables anew, if the owner's login is there to do it. Analysts can work with
/// the old rows, so a failure is only told.
pub(super) async fn refresh(policy: &Policy, databases: &Databases) {
    let Some(owner) = &databases.owner else {
        tracing::info!(
            "public tables stay as `noisegate init` left them: no password of the owner"
        );
        return;
    };
    let copied = async {
        let mut source = connect(READER, &databases.source).await?;
        let mut shadow = connect(OWNER, owner).await?;
        Ok::<_, CliError>(refresh_public(&mut source, &mut shadow, &listed(policy)).await?)
    };
    match copied.await {
        Ok(tables) => tracing::info!(tables = tables.len(), "public tables are fresh"),
        Err(error) => tracing::warn!(%error, "public tables keep their old rows"),
    }
}
