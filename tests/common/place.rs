//! A folder with a policy file and a ledger, from which the real program serves a shop's databases.

use std::path::PathBuf;
use std::time::Duration;

use noisegate::clock::Clock;
use noisegate::demo::{DATABASE, Shop};
use noisegate::ledger::Ledger;
use noisegate::wire::scram;
use tempfile::TempDir;

use super::{DEMO, run};

/// The folder, with users in its ledger whose passwords are their names.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// With the demo's policy, and alice.
    pub(crate) fn new(shop: &Shop) -> Self {
        Self::with(shop, DEMO, &["alice"])
    }

    pub(crate) fn with(shop: &Shop, policy: &str, users: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let shadow = shop.shadow.as_ref().expect("a shadow of its own");
        let server = format!(
            "\n[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nsource = \"{}\"\n\
             shadow = \"{}\"\nledger = \"sqlite:ledger.db\"\n",
            shop.source.url(shop.source_config().get_dbname().unwrap_or(""), "noisegate_reader"),
            shadow.url(DATABASE, "noisegate_shadow"),
        );
        let place = Self { folder };
        std::fs::write(place.file("policy.toml"), format!("{policy}{server}")).expect("a policy");
        let ledger = Ledger::open(&place.file("ledger.db"), Clock::System).expect("a ledger");
        for user in users {
            let verifier = scram::verifier(user).expect("a verifier");
            run(ledger.put_user(user, &verifier)).expect("a user");
        }
        place
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The charges in the ledger's file that count as spent, and what alice's own account paid,
    /// without our code.
    pub(crate) fn charged(&self) -> (u64, u128) {
        let ledger = rusqlite::Connection::open(self.file("ledger.db")).expect("the ledger");
        ledger.busy_timeout(Duration::from_secs(5)).expect("patience");
        let sql = "SELECT count(*) FROM charge WHERE state <> 'voided'";
        let count = ledger.query_row(sql, [], |row| row.get::<_, i64>(0));
        let count = u64::try_from(count.expect("a count")).expect("a count");
        let sql = "SELECT rho FROM debit JOIN charge ON charge.id = debit.charge \
                   WHERE account LIKE 'each_analyst%' AND state <> 'voided'";
        let mut statement = ledger.prepare(sql).expect("a statement");
        let amounts = statement.query_map([], |row| row.get::<_, String>(0)).expect("debits");
        let spent =
            amounts.map(|rho| rho.expect("a debit").parse::<u128>().expect("a number")).sum();
        (count, spent)
    }
}
