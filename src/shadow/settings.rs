//! The session's settings that matter to the road, read from the client's own shadow session.

/// Settings that change what a query means, and the analyst's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where names are looked up.
    pub search_path: String,
    /// `TimeZone`
    pub time_zone: String,
    /// `DateStyle`
    pub date_style: String,
    /// `IntervalStyle`
    pub interval_style: String,
    /// `noisegate.epsilon`, if set.
    pub epsilon: Option<String>,
    /// Whether answers come with notices.
    pub notices: bool,
    /// Whether noisy columns come with their intervals.
    pub intervals: bool,
    /// `noisegate.accuracy`, if set.
    pub accuracy: Option<String>,
}

impl Default for Settings {
    /// Those that PostgreSQL starts with, in Greenwich.
    fn default() -> Self {
        Self {
            search_path: "\"$user\", public".to_owned(),
            time_zone: "UTC".to_owned(),
            date_style: "ISO, MDY".to_owned(),
            interval_style: "postgres".to_owned(),
            epsilon: None,
            notices: true,
            intervals: false,
            accuracy: None,
        }
    }
}

impl Settings {
    /// The query that reads them: one row of text.
    pub const QUERY: &str = "SELECT pg_catalog.current_setting('search_path'), \
        pg_catalog.current_setting('TimeZone'), pg_catalog.current_setting('DateStyle'), \
        pg_catalog.current_setting('IntervalStyle'), \
        pg_catalog.current_setting('noisegate.epsilon', true), \
        pg_catalog.current_setting('noisegate.notices', true), \
        pg_catalog.current_setting('noisegate.intervals', true), \
        pg_catalog.current_setting('noisegate.accuracy', true)";

    /// Reads the row that [`Settings::QUERY`] gave.
    pub fn from_row(row: &[Option<String>]) -> Option<Self> {
        let [path, zone, date, interval, epsilon, notices, intervals, accuracy] = row else {
            return None;
        };
        let set = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        Some(Self {
            search_path: path.clone()?,
            time_zone: zone.clone()?,
            date_style: date.clone()?,
            interval_style: interval.clone()?,
            epsilon: set(epsilon),
            notices: !matches!(
                set(notices).map(|value| value.to_ascii_lowercase()).as_deref(),
                Some("off" | "false" | "no" | "0")
            ),
            intervals: matches!(
                set(intervals).map(|value| value.to_ascii_lowercase()).as_deref(),
                Some("on" | "true" | "yes" | "1")
            ),
            accuracy: set(accuracy),
        })
    }

    /// Those that change what a query means, for the canonical form.
    pub fn meaning(&self) -> Vec<(&'static str, String)> {
        vec![
            ("search_path", self.search_path.clone()),
            ("TimeZone", self.time_zone.clone()),
            ("DateStyle", self.date_style.clone()),
            ("IntervalStyle", self.interval_style.clone()),
        ]
    }

    /// Those that travel with a leaf to the source.
    pub fn for_source(&self) -> [(&'static str, &str); 3] {
        [
            ("TimeZone", &self.time_zone),
            ("DateStyle", &self.date_style),
            ("IntervalStyle", &self.interval_style),
        ]
    }
}
