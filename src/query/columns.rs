//! How a release becomes the columns of `leaf_n` in the spliced query.

use noisegate_privacy::IBig;
use noisegate_privacy::plan::Leaf;
use sqlparser::ast::{SetExpr, TableWithJoins};

use super::aggregates::Computed;
use super::estimate::Derived;
use super::parse;
use super::quantiles::Column as Quantile;
use super::refusals::unsupported;
use crate::error::Refusal;

/// How a release becomes the columns of `leaf_n`.
#[derive(Clone, Debug)]
pub struct Columns {
    /// The alias in the spliced query.
    pub alias: String,
    /// The number of the first array parameter.
    pub first_parameter: usize,
    /// The type names of the keys.
    pub keys: Vec<String>,
    /// The noisy columns.
    pub values: Vec<ValueColumn>,
    /// What is made from several of them, such as averages.
    pub derived: Vec<Derived>,
    /// The quantiles.
    pub quantiles: Vec<Quantile>,
    /// Whether the query shows totals of several groups.
    pub totals: bool,
}

/// One noisy column of `leaf_n`, made from statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueColumn {
    /// The statistic's index in the leaf.
    pub statistic: usize,
    /// Decimal places of its grid.
    pub scale: u32,
    /// The statistic that counts what a centred sum left out, and the centre in steps.
    pub centre: Option<(usize, IBig)>,
    /// Whether it becomes a whole number of 64 bits.
    pub whole: bool,
    /// The aggregate that it is, as the analyst sees it; nothing if it only serves others.
    pub label: Option<String>,
}

impl Columns {
    pub(crate) fn new(
        alias: String,
        parameters: usize,
        leaf: &Leaf,
        computed: Computed,
        totals: bool,
    ) -> Self {
        Self {
            alias,
            first_parameter: parameters.saturating_add(1),
            keys: leaf.keys.iter().map(|key| key.expr.ty.name()).collect(),
            values: computed.values,
            derived: computed.derived,
            quantiles: computed.quantiles,
            totals,
        }
    }

    /// How many columns beside the keys there are.
    fn texts(&self) -> usize {
        self.values.len().saturating_add(self.quantiles.len())
    }

    /// How many arrays it takes.
    pub fn width(&self) -> usize {
        self.keys.len().saturating_add(self.texts())
    }

    /// `unnest($n::type[], …) AS leaf_n(k1, …, a1, …)`, and more arrays of text by their parameters
    /// and names.
    pub(crate) fn unnested(
        &self,
        extra: &[(usize, String)],
    ) -> Result<Vec<TableWithJoins>, Refusal> {
        let types = self.keys.iter().map(String::as_str).chain((0..self.texts()).map(|_| "text"));
        let arrays: Vec<String> = types
            .enumerate()
            .map(|(at, ty)| format!("${}::{ty}[]", self.first_parameter.saturating_add(at)))
            .chain(extra.iter().map(|(number, _)| format!("${number}::text[]")))
            .collect();
        let names = (1..=self.keys.len())
            .map(|n| format!("k{n}"))
            .chain((1..=self.values.len()).map(|n| format!("a{n}")))
            .chain((1..=self.quantiles.len()).map(|n| format!("q{n}")))
            .chain(extra.iter().map(|(_, name)| name.clone()));
        let names: Vec<String> = names.collect();
        let text = format!(
            "SELECT 1 FROM unnest({}) AS {}({})",
            arrays.join(", "),
            self.alias,
            names.join(", ")
        );
        let query = parse::query(&text)?;
        match *query.body {
            SetExpr::Select(select) => Ok(select.from),
            _ => Err(unsupported("this query", None)),
        }
    }
}

/// Steps as decimal text.
pub(crate) fn decimal(steps: &IBig, scale: u32) -> String {
    let digits = steps.to_string();
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest.to_owned()),
        None => ("", digits),
    };
    let places = usize::try_from(scale).unwrap_or(0);
    if places == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = places.saturating_add(1));
    let (whole, fraction) = padded.split_at(padded.len().saturating_sub(places));
    format!("{sign}{whole}.{fraction}")
}
