//! What holds at every moment, by SQL of the test's own.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Row;

use crate::asks::{Ask, SHOP, number_of, policy};
use crate::told::{News, Told};

/// The beginning of the window that a debit lies in.
pub(crate) const WINDOW: &str = "CASE
    WHEN account LIKE 'each_analyst/%' THEN d.at_ms - d.at_ms % 86400000
    WHEN account LIKE 'data_team/%' THEN (extract(epoch FROM date_trunc('month',
        to_timestamp(d.at_ms / 1000.0) AT TIME ZONE 'UTC')) * 1000)::bigint
    ELSE 0 END";

/// What the audits so far have found.
#[derive(Default)]
pub(crate) struct Audit {
    pub(crate) count: u64,
    /// The ledger's time.
    pub(crate) mark: i64,
    last: i64,
    /// The charges, by what was asked.
    found: BTreeMap<u64, i64>,
    voided: BTreeSet<u64>,
    /// What each account was charged in each window: all of it, and what counts.
    windows: BTreeMap<(String, i64), (u64, u64)>,
}

impl Audit {
    pub(crate) fn questions(&self) -> [String; 6] {
        let windows = format!(
            "SELECT d.account, {WINDOW}, sum(d.rho)::bigint,
                coalesce(sum(d.rho) FILTER (WHERE c.state <> 'voided'), 0)::bigint
            FROM noisegate_ledger.debit d JOIN noisegate_ledger.charge c ON c.id = d.charge
            GROUP BY 1, 2"
        );
        // Those that are new: ids go up.
        let charges = format!(
            "SELECT c.id, c.key, array_remove(array_agg(d.account), NULL),
                array_remove(array_agg(d.rho::bigint), NULL)
            FROM noisegate_ledger.charge c LEFT JOIN noisegate_ledger.debit d ON d.charge = c.id
            WHERE c.id > {} GROUP BY c.id, c.key",
            self.last
        );
        let rest = [STORED, VOIDED, GRANTS].map(str::to_owned);
        let [stored, voided, grants] = rest;
        [META.to_owned(), windows, stored, charges, voided, grants]
    }

    /// Holds what was found against what was said: `news` and `sums` before it was looked for,
    /// `told` afterwards.
    pub(crate) fn hold(
        &mut self,
        looked: &[Vec<Row>],
        news: &News,
        sums: &BTreeMap<String, u64>,
        told: &Told,
        shop: u64,
        accepted: &mut bool,
    ) {
        let [meta, windows, stored, charges, voided, grants] = looked else { unreachable!() };
        self.hold_meta(&meta[0], accepted);
        self.hold_charges(charges, told);
        self.hold_voided(voided, told);
        self.hold_windows(windows, grants, shop);
        for row in stored {
            let (id, kept, summed): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
            assert_eq!(kept, summed, "the stored sum of {id} and its debits");
        }
        for number in &news.acknowledged {
            assert!(self.found.contains_key(number), "{number} was acknowledged and is not there");
        }
        for number in &news.refused {
            assert!(!self.found.contains_key(number), "{number} was refused and is there");
        }
        for number in &news.voided {
            assert!(self.voided.contains(number), "{number} was given back and counts");
        }
        for (account, sum) in sums {
            let spent = self.spent(account);
            assert!(*sum <= spent, "{account}: {sum} acknowledged, {spent} spent");
        }
        self.count += 1;
    }

    /// Keys that were charged twice, generations that are missing, and the time.
    fn hold_meta(&mut self, row: &Row, accepted: &mut bool) {
        let (doubled, lost, mark, count): (i64, i64, i64, i64) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        assert_eq!((doubled, lost), (0, 0), "keys charged twice, generations missing");
        assert!(count >= i64::try_from(self.found.len()).unwrap(), "charges are gone");
        if !std::mem::take(accepted) {
            assert!(self.mark <= mark, "the time went from {} to {mark}", self.mark);
        }
        self.mark = mark;
    }

    /// Each charge is what was asked under its key: each account pays its price, or none.
    fn hold_charges(&mut self, rows: &[Row], told: &Told) {
        for row in rows {
            let (id, key): (i64, &[u8]) = (row.get(0), row.get(1));
            let (accounts, rho): (Vec<String>, Vec<i64>) = (row.get(2), row.get(3));
            let number = number_of(key);
            assert!(told.asked.contains_key(&number), "{number} is charged and was not asked");
            let rho = rho.into_iter().map(|rho| u64::try_from(rho).unwrap());
            let debits: BTreeMap<String, u64> = accounts.into_iter().zip(rho).collect();
            assert_eq!(debits, Ask::of(told.seed, number).debits(), "the debits of {number}");
            let before = self.found.insert(number, id);
            assert!(before.is_none_or(|before| before == id), "{number} is charged twice");
            self.last = self.last.max(id);
        }
    }

    fn hold_voided(&mut self, rows: &[Row], told: &Told) {
        let voided: BTreeSet<u64> = rows.iter().map(|row| number_of(row.get(0))).collect();
        assert!(voided.is_superset(&self.voided), "what was given back counts again");
        for number in &voided {
            assert!(told.voiding.contains(number), "nobody gave {number} back");
        }
        self.voided = voided;
    }

    /// What is spent in a window never falls, but for what is given back, and is at most the limit.
    fn hold_windows(&mut self, rows: &[Row], grants: &[Row], shop: u64) {
        let mut windows = BTreeMap::new();
        for row in rows {
            let (account, start): (String, i64) = (row.get(0), row.get(1));
            let [all, counts] = [2, 3].map(|at| u64::try_from(row.get::<_, i64>(at)).unwrap());
            // A grant holds until its window ends; earlier ones may come again with the clock.
            let granted = grants
                .iter()
                .filter(|row| row.get::<_, &str>(0) == account && row.get::<_, i64>(2) > start);
            let granted = granted.map(|row| u64::try_from(row.get::<_, i64>(1)).unwrap()).max();
            let limit = policy(&account, false, shop) + granted.unwrap_or(0);
            assert!(counts <= limit, "{account} from {start}: {counts} spent of {limit}");
            windows.insert((account, start), (all, counts));
        }
        for (window, (before, _)) in &self.windows {
            let now = windows.get(window).map_or(0, |(all, _)| *all);
            assert!(*before <= now, "{window:?}: {before} was charged, {now} is");
        }
        self.windows = windows;
    }

    /// What counts as spent from an account, in all its windows.
    pub(crate) fn spent(&self, account: &str) -> u64 {
        let own = self.windows.iter().filter(|((id, _), _)| id == account);
        own.map(|(_, (_, counts))| counts).sum()
    }

    /// In the end, when everything has an answer, what was acknowledged is all that is there.
    pub(crate) fn hold_all(&self, told: &Told) {
        let acknowledged: BTreeSet<u64> =
            told.charged.keys().chain(&told.repeated).copied().collect();
        assert!(
            acknowledged.iter().eq(self.found.keys()),
            "what is there is what was acknowledged"
        );
        assert!(told.refused.keys().all(|number| !self.found.contains_key(number)));
        assert!(told.voided.is_subset(&self.voided));
        let counts = self.found.keys().filter(|number| !self.voided.contains(number));
        let spent: u64 = counts.map(|number| Ask::of(told.seed, *number).price()).sum();
        assert_eq!(spent, self.spent(SHOP), "the sum of all that was acknowledged");
    }
}

const META: &str = "SELECT
    (SELECT count(key) - count(DISTINCT key) FROM noisegate_ledger.charge),
    generation + 1 - (SELECT count(*) FROM noisegate_ledger.chain),
    mark_ms, (SELECT count(*) FROM noisegate_ledger.charge)
    FROM noisegate_ledger.meta";

const STORED: &str = "SELECT a.id, a.rho::bigint, (
        SELECT coalesce(sum(d.rho), 0)::bigint FROM noisegate_ledger.debit d
        JOIN noisegate_ledger.charge c ON c.id = d.charge
        WHERE d.account = a.id AND d.at_ms >= a.start_ms AND c.state <> 'voided')
    FROM noisegate_ledger.account a";
const VOIDED: &str = "SELECT key FROM noisegate_ledger.charge WHERE state = 'voided'";
const GRANTS: &str = "SELECT object, (detail::json->'control'->>'granted')::bigint,
        (detail::json->'control'->>'granted_until')::bigint
    FROM noisegate_ledger.event WHERE kind = 'account.grant'";
