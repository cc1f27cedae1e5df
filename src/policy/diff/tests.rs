use super::*;

const BASE: &str = r#"
version = 1
[server]
listen = "127.0.0.1:6432"
admin = "127.0.0.1:6433"
source = "postgres://reader@db/shop"
shadow = "postgres://owner@gate/shop"
ledger = "sqlite:ledger.db"
[tables."public.customers"]
unit = "id"
people = 1000
columns.id = { class = "direct" }
columns.email = { class = "direct" }
columns.plan = { class = "public", values = ["free", "pro"] }
columns.income = { class = "sensitive", bounds = [0, 1000] }
[tables."public.orders"]
unit = "customer_id -> public.customers.id"
max_rows = 50
columns.customer_id = { class = "direct" }
columns.amount = { class = "sensitive", bounds = [0, 10] }
[tables."public.cities"]
public = "printed"
[teams.data]
members = ["alice", "bob"]
[roles.analyst]
members = ["team:data"]
answers = "noisy"
pays = ["own", "shop"]
epsilon = { default = 0.1, max = 0.5 }
[roles.boss]
members = ["carol"]
admin = true
[budgets.own]
per = "analyst"
epsilon = 3.0
delta = 1e-7
window = "30d"
[budgets.shop]
per = "dataset"
epsilon = 20.0
delta = 1e-6
window = "lifetime"
[answers]
remember = "7d"
[audit]
keep = "400d"
"#;

/// The changes that replacing texts makes, with the first letter of their kind.
fn changes(replaced: &[(&str, &str)]) -> Vec<String> {
    let mut text = BASE.to_owned();
    for (old, new) in replaced {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    let old = Policy::parse(BASE, "old").unwrap();
    let new = Policy::parse(&text, "new").unwrap();
    let told = |change: PolicyChange| format!("{}: {}", change.kind.name(), change.sentence);
    diff(&old, &new).into_iter().map(told).collect()
}

/// Tables, defaults and what is remembered are part of each question.
const ANEW: &str =
    "spend: What was answered before no longer answers the same question: it is paid for anew.";

#[track_caller]
fn says(replaced: &[(&str, &str)], sentences: &[&str]) {
    assert_eq!(changes(replaced), sentences);
}

#[test]
fn one_that_means_the_same_changes_nothing() {
    says(&[("epsilon = 20.0", "# as promised\nepsilon = 20")], &[]);
    says(&[("members = [\"alice\", \"bob\"]", "members = [\"bob\", \"alice\"]")], &[]);
}

#[test]
fn people() {
    says(
        &[("[\"alice\", \"bob\"]", "[\"alice\"]")],
        &[
            "see: bob can no longer ask; it was as analyst.",
            "other: bob is no longer in the team data.",
        ],
    );
    says(
        &[("members = [\"team:data\"]", "members = [\"team:data\", \"dave\"]")],
        &[
            "see: dave can ask, as analyst, with up to ε 0.5 for a query.",
            "spend: Answers to dave are paid from own/dave, shop.",
        ],
    );
    says(
        &[
            ("members = [\"team:data\"]", "members = [\"bob\"]"),
            (
                "[roles.boss]",
                "[roles.senior]\nmembers = [\"alice\"]\nanswers = \"noisy\"\npays = [\"shop\"]\nepsilon = { default = 1, max = 1 }\n[roles.boss]",
            ),
        ],
        &[
            "see: alice asks as senior, not as analyst.",
            "spend: Answers to alice are no longer paid from own/alice.",
            "other: The role senior is new.",
        ],
    );
    says(
        &[("members = [\"carol\"]\nadmin = true", "members = [\"dave\"]\nauditor = true")],
        &[
            "see: dave may look at what administrators see.",
            "spend: carol may no longer change budgets.",
        ],
    );
    says(
        &[("members = [\"carol\"]", "members = [\"carol\", \"dave\"]")],
        &["spend: dave may change budgets."],
    );
}

#[test]
fn roles() {
    says(
        &[("default = 0.1, max = 0.5 }", "default = 0.2, max = 1 }\nconcurrent = 8")],
        &[
            "spend: A query of analyst spends at most ε 1, not 0.5.",
            "spend: A query of analyst spends ε 0.2 unless it asks otherwise, not 0.1.",
            "other: One who asks as analyst has up to 8 statements at once, not 16.",
        ],
    );
    says(
        &[("pays = [\"own\", \"shop\"]", "pays = [\"shop\"]")],
        &[
            "spend: Answers to alice are no longer paid from own/alice.",
            "spend: Answers to bob are no longer paid from own/bob.",
        ],
    );
}

#[test]
fn budgets() {
    says(
        &[("epsilon = 20.0\ndelta = 1e-6", "epsilon = 30\ndelta = 1e-7")],
        &[
            "spend: The budget shop has more: ε 30, not 20.0.",
            "spend: The budget shop has less: δ 1e-7, not 1e-6.",
        ],
    );
    says(
        &[("window = \"30d\"", "window = \"month\"")],
        &["spend: The budget own is in every month, not in every 30 days."],
    );
    says(
        &[("per = \"dataset\"", "per = \"dataset\"\nby_role = true")],
        &[
            "spend: Answers to alice are paid from shop:analyst too.",
            "spend: Answers to alice are no longer paid from shop.",
            "spend: Answers to bob are paid from shop:analyst too.",
            "spend: Answers to bob are no longer paid from shop.",
            "spend: Each role has accounts of its own of shop.",
        ],
    );
    says(
        &[(
            "window = \"30d\"",
            "window = \"30d\"\nspacing = \"10s\"\nstretch = 20\nthrottle = [{ at = 0.8, queries_per_hour = 6 }, { at = 1.0, answer = \"remembered only\" }]",
        )],
        &[
            "spend: The budget own is throttled: from 0.8 on 6 queries an hour, from 1.0 on only what is remembered.",
            "spend: Between two charges of own are at least 10 seconds.",
            "spend: The budget own is stretched: 20 more queries are always left.",
        ],
    );
    says(
        &[(
            "[budgets.own]",
            "[budgets.new]\nper = \"team\"\nepsilon = 1\ndelta = 1e-7\nwindow = \"1h\"\n[budgets.own]",
        )],
        &["spend: The budget new is new: ε 1 and δ 1e-7 for each team in every 1 hour."],
    );
}

#[test]
fn tables() {
    says(
        &[("[tables.\"public.cities\"]\npublic = \"printed\"", "")],
        &["see: public.cities no longer exists for analysts.", ANEW],
    );
    says(
        &[("public = \"printed\"", "public = \"sold\"")],
        &["other: The reason why public.cities can be read is \"sold\"."],
    );
    says(
        &[("public = \"printed\"", "unit = \"mayor -> public.customers.id\"\nmax_rows = 1")],
        &[
            "see: The rows of public.cities can no longer be read; it can be asked for aggregates.",
            ANEW,
        ],
    );
    says(
        &[(
            "unit = \"customer_id -> public.customers.id\"\nmax_rows = 50\ncolumns.customer_id = { class = \"direct\" }\ncolumns.amount = { class = \"sensitive\", bounds = [0, 10] }",
            "public = \"why not\"",
        )],
        &[
            "see: Every row of public.orders can be read: the people in it are no longer protected.",
            ANEW,
        ],
    );
    says(
        &[(
            "[teams.data]",
            "[tables.\"public.lines\"]\npublic = \"x\"\n[tables.\"public.visits\"]\nunit = \"who -> public.customers.id\"\nmax_rows = 1\n[teams.data]",
        )],
        &[
            "see: Every row of public.lines can be read.",
            "see: public.visits can be asked for aggregates.",
            ANEW,
        ],
    );
    says(
        &[
            ("customer_id -> public", "payer_id -> public"),
            ("max_rows = 50", "max_rows = 60\nbounds = \"declared\""),
        ],
        &[
            "see: Whose row a row of public.orders is, is told by payer_id -> public.customers.id, not by customer_id -> public.customers.id.",
            "see: Up to 60 rows of one person in public.orders count in a group, not 50.",
            "see: How much one person adds in public.orders is bounded by what is declared.",
            ANEW,
        ],
    );
    says(
        &[("people = 1000", "people = 2000")],
        &["other: public.customers is said to hold at least 2000 people."],
    );
}

#[test]
fn columns() {
    says(
        &[("columns.email = { class = \"direct\" }", "columns.email = { class = \"quasi\" }")],
        &["see: public.customers.email can be used in queries: it is quasi, not direct.", ANEW],
    );
    says(
        &[("columns.amount = { class = \"sensitive\", bounds = [0, 10] }", "")],
        &[
            "see: public.orders.amount can no longer be used in queries: it is direct, not sensitive.",
            "see: Values of public.orders.amount have no declared bounds.",
            ANEW,
        ],
    );
    says(
        &[("class = \"sensitive\", bounds = [0, 1000]", "class = \"quasi\", bounds = [0, 2000]")],
        &[
            "see: public.customers.income is quasi, not sensitive.",
            "see: Values of public.customers.income are clipped to 0 and 2000.",
            ANEW,
        ],
    );
    says(
        &[("[\"free\", \"pro\"]", "[\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"free\"]")],
        &[
            "see: Groups by public.customers.plan are always shown for a, b, c, d, e and 1 more.",
            "see: Groups by public.customers.plan are no longer shown for pro.",
            ANEW,
        ],
    );
    says(
        &[("values = [\"free\", \"pro\"]", "values = \"public.cities.name\"")],
        &[
            "see: Groups by public.customers.plan are shown for each value of public.cities.name.",
            ANEW,
        ],
    );
    says(
        &[(", values = [\"free\", \"pro\"]", "")],
        &["see: Groups by public.customers.plan are shown where enough people are in them.", ANEW],
    );
}

#[test]
fn the_rest() {
    says(
        &[(
            "[teams.data]",
            "[defaults]\nmin_group = 5\nmax_groups = 9\nbounds = \"declared\"\n[teams.data]",
        )],
        &[
            "see: A group is shown from 5 people on, not 10.",
            "see: One person counts in up to 9 groups of a query, not 5.",
            "see: How much one person adds is bounded by what is declared.",
            ANEW,
        ],
    );
    says(
        &[(
            "remember = \"7d\"",
            "remember = \"12h\"\nsecond_analyst = \"free\"\npreview = \"error\"\nrelease = \"at once\"\ntimeout = \"90s\"",
        )],
        &[
            "see: Answers leave at once: their time can say something of the rows.",
            "spend: A release answers the same question for 12 hours, not for 7 days.",
            "spend: Who asks what another analyst bought no longer pays for it.",
            ANEW,
            "other: A query for a few rows is refused.",
            "other: A query may run for 90 seconds, not for 1 minute.",
        ],
    );
    says(
        &[(
            "[audit]\nkeep = \"400d\"",
            "[audit]\nkeep = \"30d\"\nchain = true\n[alerts]\nburn_rate = { factor = 2.0, window = \"6h\", notify = \"ticket\" }\nunclassified = { above = 3, for = \"1h\", notify = \"ticket\" }",
        )],
        &[
            "other: An alert is due when a budget is spent 2.0 times too fast over 6 hours.",
            "other: An alert is due for more than 3 unclassified columns.",
            "other: The audit is kept for 30 days, not for 400 days.",
        ],
    );
    says(
        &[
            ("sqlite:ledger.db", "sqlite:state/other.db"),
            ("listen = \"127.0.0.1:6432\"", "listen = \"127.0.0.1:7000\""),
        ],
        &[
            "other: server.listen is another; that counts when the proxy is started anew.",
            "other: server.ledger is another; that counts when the proxy is started anew.",
        ],
    );
}
