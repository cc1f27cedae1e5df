//! From a file to a policy.

use std::io::Read;
use std::path::Path;

use toml::Spanned;

use super::digest;
use super::error::{PolicyError, Source};
use super::meant::{
    Alerts, Answers, Audit, Bounding, BurnRate, Defaults, Places, Policy, Preview, SecondAnalyst,
    Unclassified,
};
use super::server::ServerOverrides;
use super::tables::BOUNDS;
use super::text::duration_ms;
use super::{people, server, tables, written};

/// The largest file that is read, in bytes.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

impl Policy {
    /// Reads a file. Relative paths in it start at its folder.
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        Self::load_with(path, ServerOverrides::default())
    }

    /// Reads a file, with parts of the server section given.
    pub fn load_with(path: &Path, overrides: ServerOverrides) -> Result<Self, PolicyError> {
        Self::of_file(path, &Self::read_text(path)?, overrides)
    }

    /// The text of a file, if it is not too long to be a policy.
    pub fn read_text(path: &Path) -> Result<String, PolicyError> {
        let failed = |reason| PolicyError::Read { path: path.to_owned(), reason };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        // One byte more than may be read, so that a longer file is told from the longest.
        file.take(LARGEST_FILE.saturating_add(1)).read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > LARGEST_FILE {
            return Err(failed(std::io::Error::other("the file is larger than 4 MiB")));
        }
        Ok(text)
    }

    /// The policy that a text means where it stands in this file. Relative paths in it start at
    /// the file's folder.
    pub fn of_file(
        path: &Path,
        text: &str,
        overrides: ServerOverrides,
    ) -> Result<Self, PolicyError> {
        let mut policy = Self::parse_with(text, &path.display().to_string(), overrides)?;
        if let Some(folder) = path.parent() {
            policy.server.start_at(folder);
        }
        Ok(policy)
    }

    /// Reads a text; `name` is what its errors call it.
    pub fn parse(text: &str, name: &str) -> Result<Self, PolicyError> {
        Self::parse_with(text, name, ServerOverrides::default())
    }

    /// Reads a text, with parts of the server section given.
    pub fn parse_with(
        text: &str,
        name: &str,
        overrides: ServerOverrides,
    ) -> Result<Self, PolicyError> {
        let source = Source::new(name, text);
        let file: written::File = toml::from_str(text).map_err(|error| source.toml(&error))?;
        if *file.version.get_ref() != 1 {
            return Err(source.wrong(
                &file.version.span(),
                "this version of the file is not known",
                "write version = 1",
            ));
        }
        let mut places = Places::default();
        let defaults = defaults(&source, file.defaults.as_ref(), &mut places)?;
        let tables = tables::read(&source, &file.tables, &mut places)?;
        let people = people::read(&source, &file, &mut places)?;
        let answers = answers(&source, file.answers.as_ref())?;
        Ok(Self {
            server: server::read(&source, file.server.as_ref(), overrides)?,
            version: digest::version(&tables, defaults, &answers),
            tables,
            teams: people.teams,
            roles: people.roles,
            budgets: people.budgets,
            defaults,
            answers,
            alerts: alerts(&source, file.alerts.as_ref())?,
            audit: audit(&source, file.audit.as_ref())?,
            places,
        })
    }
}

fn defaults(
    source: &Source<'_>,
    written: Option<&written::Defaults>,
    places: &mut Places,
) -> Result<Defaults, PolicyError> {
    let mut defaults = Defaults { min_group: 10, max_groups: 5, bounds: Bounding::Automatic };
    let Some(written) = written else { return Ok(defaults) };
    if let Some(table) = &written.table {
        source.word(table, "what is not listed", &[("deny", ())])?;
    }
    if let Some(column) = &written.column {
        source.word(column, "the class of a column that is not listed", &[("direct", ())])?;
    }
    if let Some(least) = &written.min_group {
        places.min_group = Some(source.place(&least.span()));
        defaults.min_group = source.whole(least, "min_group", 1, 1_000_000_000)?;
    }
    if let Some(most) = &written.max_groups {
        defaults.max_groups = source.whole(most, "max_groups", 1, 1_000_000)?;
    }
    if let Some(bounds) = &written.bounds {
        defaults.bounds = source.word(bounds, "bounds", &BOUNDS)?;
    }
    Ok(defaults)
}

fn answers(
    source: &Source<'_>,
    written: Option<&written::Answers>,
) -> Result<Answers, PolicyError> {
    let mut answers = Answers {
        remember_ms: 7 * 86_400_000,
        preview: Preview::Empty,
        release_tick_ms: Some(100),
        timeout_ms: 60_000,
        second_analyst: SecondAnalyst::Pays,
    };
    let Some(written) = written else { return Ok(answers) };
    if let Some(remember) = &written.remember {
        answers.remember_ms =
            i64::try_from(source.duration(remember, "remember")?).unwrap_or(i64::MAX);
    }
    if let Some(preview) = &written.preview {
        answers.preview = source.word(
            preview,
            "preview",
            &[("empty", Preview::Empty), ("error", Preview::Error)],
        )?;
    }
    if let Some(release) = &written.release {
        answers.release_tick_ms = release_tick(source, release)?;
    }
    if let Some(timeout) = &written.timeout {
        answers.timeout_ms = source.duration(timeout, "timeout")?;
    }
    if let Some(second) = &written.second_analyst {
        answers.second_analyst = source.word(
            second,
            "second_analyst",
            &[("pays", SecondAnalyst::Pays), ("free", SecondAnalyst::Free)],
        )?;
    }
    Ok(answers)
}

fn release_tick(
    source: &Source<'_>,
    release: &Spanned<String>,
) -> Result<Option<u64>, PolicyError> {
    if release.get_ref() == "at once" {
        return Ok(None);
    }
    let tick = release
        .get_ref()
        .strip_prefix("next ")
        .and_then(duration_ms)
        .filter(|tick| *tick <= 60_000);
    tick.map(Some).ok_or_else(|| {
        source.wrong(
            &release.span(),
            format!("`{}` does not say when answers leave", release.get_ref()),
            "write \"next 100ms\", up to a minute, or \"at once\"",
        )
    })
}

fn alerts(source: &Source<'_>, written: Option<&written::Alerts>) -> Result<Alerts, PolicyError> {
    let mut alerts = Alerts::default();
    let Some(written) = written else { return Ok(alerts) };
    if let Some(burn) = &written.burn_rate {
        alerts.burn_rate = Some(BurnRate {
            factor: source.positive(&burn.factor, "factor")?.0,
            window_ms: source.duration(&burn.window, "a window")?,
            notify: burn.notify.clone(),
        });
    }
    if let Some(unclassified) = &written.unclassified {
        alerts.unclassified = Some(Unclassified {
            above: source.whole(&unclassified.above, "above", 0, i64::MAX)?,
            for_ms: source.duration(&unclassified.lasting, "for")?,
            notify: unclassified.notify.clone(),
        });
    }
    Ok(alerts)
}

fn audit(source: &Source<'_>, written: Option<&written::Audit>) -> Result<Audit, PolicyError> {
    let mut audit = Audit { keep_ms: 400 * 86_400_000 };
    let Some(written) = written else { return Ok(audit) };
    if let Some(keep) = &written.keep {
        audit.keep_ms = source.duration(keep, "keep")?;
    }
    if let Some(chain) = written.chain.as_ref().filter(|chain| !*chain.get_ref()) {
        return Err(source.wrong(
            &chain.span(),
            "the ledger is always a chain",
            "write chain = true, or leave it out",
        ));
    }
    match &written.literals {
        Some(literals) if *literals.get_ref() => Err(source.wrong(
            &literals.span(),
            "values cannot enter the log",
            "write literals = false",
        )),
        _ => Ok(audit),
    }
}
