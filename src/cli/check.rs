//! `noisegate check`.

use super::args;
use super::databases::Databases;
use super::error::CliError;
use super::findings::{lines, of_shadow, of_source, verdict};
use super::output::say;
use crate::policy::{Finding, Level, Policy, PolicyError};

pub(super) async fn run(args: &args::Check) -> Result<(), CliError> {
    let file = &args.of.policy;
    let policy = match Policy::load(file) {
        Ok(policy) => policy,
        Err(PolicyError::Wrong { place, what, fix, .. }) => {
            let (line, column) = (place.line, place.column);
            let finding = Finding { level: Level::Error, line, column, what, fix };
            say(lines(file, &finding));
            return verdict(&[finding]);
        }
        Err(error) => return Err(error.into()),
    };
    let databases = Databases::of(&policy)?;
    let mut findings = of_source(&policy, &databases, args.data).await?;
    for finding in &findings {
        say(lines(file, finding));
    }
    // The source's findings are worth printing even where there is no shadow yet.
    let of_shadow = of_shadow(&policy, &databases).await?;
    for finding in &of_shadow {
        say(lines(file, finding));
    }
    findings.extend(of_shadow);
    verdict(&findings)?;
    if findings.is_empty() {
        say(format_args!("{}: no findings in {} tables", file.display(), policy.tables.len()));
    }
    Ok(())
}
