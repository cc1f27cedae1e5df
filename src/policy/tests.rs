//! The shipped policies are read; each kind of mistake says where it is and what to write.

use noisegate_privacy::budget::Accountant;

use super::*;

const EXAMPLE: &str = include_str!("../../budgets/example.toml");
const DEMO: &str = include_str!("../../budgets/demo.toml");
const TRUTH: &str = include_str!("../../budgets/truth.toml");

pub(super) fn overrides() -> ServerOverrides {
    ServerOverrides {
        source: Some("postgres://reader@localhost/shop".to_owned()),
        shadow: Some("postgres://owner@localhost/shop".to_owned()),
        ledger: Some(LedgerStore::Sqlite("/tmp/ledger.db".into())),
        listen: Some("127.0.0.1:0".parse().unwrap()),
        admin: Some("127.0.0.1:0".parse().unwrap()),
    }
}

pub(super) fn demo() -> Policy {
    Policy::parse_with(DEMO, "demo.toml", overrides()).unwrap()
}

fn table(name: &str) -> TableName {
    name.parse().unwrap()
}

fn private<'a>(policy: &'a Policy, name: &str) -> &'a PrivateTable {
    match &policy.tables[&table(name)] {
        TableRule::Private(private) => private,
        TableRule::Public { .. } => unreachable!("{name} is private"),
    }
}

#[test]
fn the_example_means_what_it_says() {
    let policy = Policy::parse(EXAMPLE, "example.toml").unwrap();
    assert_eq!(policy.server.listen.to_string(), "0.0.0.0:6432");
    assert_eq!(policy.server.ledger, LedgerStore::Sqlite("/var/lib/noisegate/ledger.db".into()));
    assert!(policy.server.tls.as_ref().unwrap().required);
    assert_eq!(
        policy.defaults,
        Defaults { min_group: 10, max_groups: 5, bounds: Bounding::Automatic }
    );

    let orders = private(&policy, "public.orders");
    assert_eq!(orders.max_rows, 50);
    assert_eq!(orders.unit.path, [(table("public.customers"), "id".to_owned())]);
    assert_eq!(orders.columns["amount"].bounds, Some(("0".to_owned(), "499.99".to_owned())));
    assert_eq!(orders.class("amount"), Class::Sensitive);
    assert_eq!(orders.class("added yesterday"), Class::Direct);
    let customers = private(&policy, "public.customers");
    assert_eq!((customers.max_rows, customers.people), (1, Some(100_000)));
    assert_eq!(customers.columns["income"].bounds, Some(("0".to_owned(), "300000".to_owned())));
    assert_eq!(
        customers.columns["city"].values,
        Some(Values::Column { table: table("public.cities"), column: "name".to_owned() })
    );
    assert!(matches!(policy.tables[&table("public.cities")], TableRule::Public { .. }));

    let shop = &policy.budgets["shop"];
    assert_eq!(
        (shop.per, shop.window, shop.accountant),
        (Per::Dataset, Window::Lifetime, Accountant::Zcdp)
    );
    assert_eq!((shop.epsilon.as_str(), shop.delta.as_str()), ("20.0", "1e-6"));
    let each = &policy.budgets["each_analyst"];
    assert_eq!(each.window, Window::Every { ms: 30 * 86_400_000 });
    assert_eq!(each.throttle[0].effect, Throttle::QueriesPerHour(6));
    assert_eq!((each.spacing, each.stretch, each.by_role), (Some(10_000), None, false));
    let team = &policy.budgets["data_team"];
    assert_eq!(
        (team.window, team.spacing, team.stretch, team.by_role),
        (Window::Month, None, Some(20), true)
    );
    assert_eq!(policy.roles.iter().map(|role| role.concurrent).collect::<Vec<_>>(), [8, 16, 16]);
    assert!(policy.is_auditor("dave") && !policy.is_admin("dave") && !policy.is_auditor("carol"));
    assert_eq!(policy.server.admin_tls, None);
    assert_eq!(
        policy.answers,
        Answers {
            remember_ms: 7 * 86_400_000,
            preview: Preview::Empty,
            release_tick_ms: Some(100),
            timeout_ms: 60_000,
            second_analyst: SecondAnalyst::Pays
        }
    );
    assert_eq!(policy.alerts.unclassified.unwrap().for_ms, 3_600_000);
}

#[test]
fn the_demo_and_the_truth_are_read() {
    let policy = demo();
    assert_eq!(policy.tables.len(), 8);
    let lineitem = private(&policy, "public.lineitem");
    assert_eq!(lineitem.columns["l_discount"].bounds, Some(("0".to_owned(), "0.10".to_owned())));
    assert!(
        matches!(&lineitem.columns["l_shipmode"].values, Some(Values::List(keys)) if keys.len() == 7)
    );

    let truth = Policy::parse_with(TRUTH, "truth.toml", overrides()).unwrap();
    assert_eq!(truth.terms("alice").unwrap().epsilon_max, "1e19");
    assert_eq!(truth.tables.keys().collect::<Vec<_>>(), policy.tables.keys().collect::<Vec<_>>());
    for (name, rule) in &truth.tables {
        let (TableRule::Private(truth), TableRule::Private(demo)) = (rule, &policy.tables[name])
        else {
            continue;
        };
        assert!(truth.columns.values().all(|column| column.values.is_none()), "{name}");
        assert_eq!(
            truth.columns.keys().collect::<Vec<_>>(),
            demo.columns.keys().collect::<Vec<_>>()
        );
    }
}

#[test]
fn terms_name_the_accounts() {
    let policy = demo();
    let terms = policy.terms("alice").unwrap();
    let accounts: Vec<&str> = terms.pays.iter().map(|(account, _)| account.as_str()).collect();
    assert_eq!(accounts, ["each_analyst/alice", "data_team/data", "shop"]);
    assert_eq!((terms.role.as_str(), terms.epsilon_default.as_str()), ("analyst", "0.5"));
    assert_eq!(policy.terms("carol"), None);
    assert_eq!(policy.terms("mallory"), None);
    assert_eq!(policy.terms("team:data"), None);
    assert!(policy.is_admin("carol") && !policy.is_admin("alice"));
}

#[test]
fn who_is_in_two_teams_pays_from_both() {
    let text = DEMO.replace("[teams.data]", "[teams.ads]\nmembers = [\"alice\"]\n[teams.data]");
    let policy = Policy::parse_with(&text, "t", overrides()).unwrap();
    let accounts: Vec<String> =
        policy.terms("alice").unwrap().pays.into_iter().map(|(id, _)| id).collect();
    assert_eq!(accounts, ["each_analyst/alice", "data_team/ads", "data_team/data", "shop"]);
}

#[test]
fn each_role_has_accounts_of_its_own_where_the_budget_says_so() {
    let text = DEMO
        .replace("per     = ", "by_role = true\nper     = ")
        .replace("[roles.budget_admin]", "[roles.guest]\nmembers = [\"eve\"]\nanswers = \"noisy\"\npays = [\"shop\"]\nepsilon = { default = 0.1, max = 0.1 }\n[roles.budget_admin]");
    let policy = Policy::parse_with(&text, "t", overrides()).unwrap();
    let pays = |analyst| policy.terms(analyst).unwrap().pays.into_iter().map(|(id, _)| id);
    let accounts: Vec<String> = pays("alice").collect();
    assert_eq!(accounts, ["each_analyst:analyst/alice", "data_team:analyst/data", "shop:analyst"]);
    assert_eq!(pays("eve").collect::<Vec<_>>(), ["shop:guest"]);
    let all = policy.every_account();
    let shown: Vec<_> = all.iter().map(|a| (a.id.as_str(), a.role, a.holder)).collect();
    let role = Some("analyst");
    assert_eq!(
        shown,
        [
            ("data_team:analyst/data", role, Some("data")),
            ("each_analyst:analyst/alice", role, Some("alice")),
            ("each_analyst:analyst/bob", role, Some("bob")),
            ("shop:analyst", role, None),
            ("shop:guest", Some("guest"), None),
        ]
    );
    let plain = demo();
    let ids: Vec<String> = plain.every_account().into_iter().map(|account| account.id).collect();
    assert_eq!(ids, ["data_team/data", "each_analyst/alice", "each_analyst/bob", "shop"]);
    assert_eq!(plain.teams_of("bob").collect::<Vec<_>>(), ["data"]);
    assert_eq!(
        plain.roles_of("carol").map(|role| role.name.as_str()).collect::<Vec<_>>(),
        ["budget_admin"]
    );
}

#[test]
fn windows_are_from_an_hour_to_ninety_days() {
    let window = |text: &str| {
        let text = DEMO.replacen("window  = \"30d\"", &format!("window = \"{text}\""), 1);
        Policy::parse_with(&text, "t", overrides())
            .map(|policy| policy.budgets["each_analyst"].window)
    };
    for (text, ms) in
        [("1h", 3_600_000), ("60m", 3_600_000), ("90d", 90 * 86_400_000), ("1w", 7 * 86_400_000)]
    {
        assert_eq!(window(text).unwrap(), Window::Every { ms });
    }
    assert_eq!(window("month").unwrap(), Window::Month);
    assert_eq!(window("lifetime").unwrap(), Window::Lifetime);
    for text in ["59m", "2160h1", "91d", "3599999ms", "1mo"] {
        let error = window(text).unwrap_err().to_string();
        assert!(error.contains("window"), "{error}");
    }
}

#[test]
fn administrators_come_from_elsewhere_only_encrypted() {
    let admin = "admin  = \"127.0.0.1:6433\"";
    assert!(EXAMPLE.contains(admin));
    let with = |lines: &str| Policy::parse(&EXAMPLE.replace(admin, lines), "policy.toml");
    let tls = "admin_tls = { cert = \"a.crt\", key = \"a.key\" }";
    let server =
        with(&format!("admin = \"0.0.0.0:1\"\nadmin_remote = true\n{tls}")).unwrap().server;
    assert_eq!(server.admin_tls.unwrap().cert.to_str(), Some("a.crt"));
    for loopback in ["127.0.0.1:1", "[::1]:1", "127.9.9.9:1"] {
        let server = with(&format!("admin = \"{loopback}\"\n{tls}")).unwrap().server;
        assert!(server.admin_tls.unwrap().required);
    }
    for (lines, what, fix) in [
        ("admin = \"0.0.0.0:1\"".to_owned(), "other machines", "add admin_tls"),
        ("admin = \"[::]:1\"\nadmin_remote = false".to_owned(), "other machines", "loopback"),
        (format!("admin = \"10.0.0.1:1\"\n{tls}"), "other machines", "admin_remote = true"),
        ("admin = \"10.0.0.1:1\"\nadmin_remote = true".to_owned(), "in clear", "admin_tls"),
    ] {
        let error = with(&lines).unwrap_err();
        let PolicyError::Wrong { place, what: said, fix: write, .. } = &error else {
            unreachable!("{error}")
        };
        assert!(said.contains(what) && write.contains(fix) && place.line > 10, "{error}");
    }
}

#[test]
fn the_way_to_a_person_goes_on_by_each_tables_rule() {
    let policy = demo();
    let steps = policy.unit_path(&table("public.lineitem")).unwrap();
    let way: Vec<String> = steps
        .iter()
        .map(|s| format!("{}.{} -> {}.{}", s.table, s.column, s.to_table, s.to_column))
        .collect();
    assert_eq!(
        way,
        [
            "public.lineitem.l_orderkey -> public.orders.o_orderkey",
            "public.orders.o_custkey -> public.customer.c_custkey"
        ]
    );
    assert_eq!(policy.unit_path(&table("public.customer")).unwrap(), []);
    let key = policy.unit_key(&table("public.lineitem")).unwrap();
    assert_eq!(key, (table("public.customer"), "c_custkey".to_owned()));
    assert!(matches!(policy.unit_path(&table("public.nation")), Err(UnitError::NotPrivate(_))));
}

#[test]
fn arrows_may_be_spelled_out_but_must_agree() {
    let chained = DEMO.replace(
        "l_orderkey -> public.orders.o_orderkey",
        "l_orderkey -> public.orders.o_orderkey -> public.customer.c_custkey",
    );
    let policy = Policy::parse_with(&chained, "t", overrides()).unwrap();
    assert_eq!(policy.unit_path(&table("public.lineitem")).unwrap().len(), 2);

    let wrong = [
        // Another way than the order's own, further than the customer, and back to itself.
        ("l_orderkey -> public.orders.o_orderkey -> public.customer.c_name", "leave the way"),
        (
            "l_orderkey -> public.orders.o_orderkey -> public.customer.c_custkey -> public.orders.o_orderkey",
            "leave the way",
        ),
        ("l_orderkey -> public.lineitem.l_orderkey", "come back to public.lineitem"),
        ("l_orderkey -> public.part.p_partkey", "not a private table"),
    ];
    for (unit, part) in wrong {
        let text = DEMO.replace("l_orderkey -> public.orders.o_orderkey", unit);
        let error = Policy::parse_with(&text, "t", overrides()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_version_follows_what_changes_an_answer() {
    let version = |text: &str| Policy::parse_with(text, "t", overrides()).unwrap().version;
    let base = version(DEMO);
    let same = [
        ("# ---- People and budgets.", "# another comment"),
        ("companies, not people", "another reason"),
        ("members = [\"alice\", \"bob\"]", "members = [\"alice\"]"),
        ("epsilon = 40", "epsilon = 41"),
        ("[0, 600_000]", "[0, 600000]"),
        ("next 10ms", "next 20ms"),
        ("people = 1_000", "people = 1_001"),
    ];
    for (from, to) in same {
        assert!(DEMO.contains(from), "{from}");
        assert_eq!(version(&DEMO.replace(from, to)), base, "{from} → {to}");
    }
    let other = [
        ("[0, 600_000]", "[0, 600_001]"),
        ("min_group  = 10 ", "min_group  = 11 "),
        ("max_groups = 5 ", "max_groups = 6 "),
        ("max_groups = 5 ", "bounds = \"declared\"\nmax_groups = 5 "),
        ("max_rows = 30 ", "bounds = \"declared\"\nmax_rows = 30 "),
        ("max_rows = 30 ", "bounds = \"automatic\"\nmax_rows = 30 "),
        ("max_rows = 30 ", "max_rows = 31 "),
        ("\"F\", \"O\", \"P\"", "\"F\", \"OP\""),
        ("o_clerk         = { class = \"quasi\" }", "o_clerk         = { class = \"sensitive\" }"),
        ("remember = \"7d\"", "remember = \"8d\""),
    ];
    for (from, to) in other {
        assert!(DEMO.contains(from), "{from}");
        assert_ne!(version(&DEMO.replace(from, to)), base, "{from} → {to}");
    }
}

/// Where the mark stands in the changed example, and the whole error.
fn mistake(from: &str, to: &str) -> (Place, String, String) {
    assert_eq!(EXAMPLE.matches(from).count(), 1, "{from}");
    let marked = EXAMPLE.replace(from, to);
    let text = marked.replace('⌖', "");
    let at = marked.find('⌖').unwrap();
    match Policy::parse(&text, "policy.toml") {
        Err(PolicyError::Wrong { place, what, fix, .. }) => {
            assert_eq!(place, Place::of(&marked, at), "{what}");
            (place, what, fix)
        }
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn mistakes_say_where_and_what_to_write() {
    // ⌖ stands where the error must point.
    let cases = [
        ("version = 1", "version = ⌖2", "version", "version = 1"),
        ("min_group  =", "⌖min_grp  =", "unknown field `min_grp`", "min_group"),
        ("min_group  = 10", "min_group  = ⌖0", "min_group is 0", "from 1"),
        ("column     = \"direct\"", "column     = ⌖\"public\"", "cannot be `public`", "\"direct\""),
        (
            "[tables.\"public.cities\"]",
            "[tables.⌖cities]",
            "not the name of a table",
            "public.orders",
        ),
        (
            "public = \"published by the post office\"",
            "public = ⌖\" \"",
            "reason is empty",
            "sentence",
        ),
        ("unit   = \"id\"", "unit   = ⌖\"id ->\"", "does not lead", "->"),
        (
            "class = \"direct\" }\ncolumns.email",
            "class = ⌖\"direkt\" }\ncolumns.email",
            "`direkt`",
            "\"direct\" or",
        ),
        ("[0, 300_000]", "⌖[300_000, 0]", "not below", "lower bound"),
        ("[0, 300_000]", "⌖[0]", "two values", "lower bound"),
        ("[0, 300_000]", "⌖[0, \"2020-01-01\"]", "one a date", "lower bound"),
        ("[0, 300_000]", "[0, ⌖nan]", "neither a number", "lower bound"),
        ("[\"free\", \"pro\", \"team\"]", "⌖[\"free\", \"pro\", \"free\"]", "twice", "one of"),
        ("\"public.cities.name\"", "⌖\"public.orders.amount\"", "not listed as public", "[tables."),
        ("max_rows = 200\n", "max_rows = ⌖-1\n", "max_rows is -1", "from 1"),
        (
            "\"order_id -> public.orders.id\"",
            "⌖\"order_id -> public.cities.id\"",
            "no way",
            "own unit",
        ),
        (
            "unit   = \"id\"",
            "unit   = ⌖\"id -> public.orders.id\"\nmax_rows = 1",
            "come back",
            "own unit",
        ),
        ("[\"team:data\"]", "[⌖\"team:date\"]", "no team `date`", "[teams.date]"),
        (
            "\"each_analyst\", \"data_team\"",
            "⌖\"each\", \"data_team\"",
            "no budget `each`",
            "[budgets.each]",
        ),
        ("default = 0.1", "default = ⌖-0.1", "positive", "0.5"),
        ("epsilon = { default = 0.1,", "epsilon = ⌖{ default = 0.7,", "above max", "lower"),
        ("epsilon  = 3.0", "epsilon  = ⌖inf", "positive", "1e-7"),
        ("delta      = 1e-6", "delta      = ⌖1.0", "below 1", "1e-7"),
        ("window     = \"lifetime\"", "window     = ⌖\"forever\"", "lifetime", "30d"),
        ("at = 0.8", "at = ⌖1.5", "more than all", "up to 1"),
        ("accountant = \"zcdp\"", "accountant = ⌖\"rdp\"", "`rdp`", "\"zcdp\" or \"pure\""),
        ("carry_over = false", "carry_over = ⌖true", "not carried over", "carry_over = false"),
        ("window  = \"month\"", "window  = ⌖\"30m\"", "too short", "\"1h\" to \"90d\""),
        ("spacing  = \"10s\"", "spacing  = ⌖\"61m\"", "too long", "\"1h\""),
        ("stretch = 20", "stretch = ⌖1", "stretch is 1", "from 2"),
        ("concurrent = 8", "concurrent = ⌖0", "concurrent is 0", "from 1"),
        (
            "second_analyst = \"pays\"",
            "second_analyst = ⌖\"half\"",
            "`half`",
            "\"pays\" or \"free\"",
        ),
        ("auditor = true", "admin = true\nauditor = ⌖true", "both changes", "two roles"),
        (
            "[roles.budget_auditor]",
            "[roles.budget_auditor]\nconcurrent = ⌖3",
            "gets none",
            "answers",
        ),
        ("by_role = true", "by_role = ⌖\"yes\"", "invalid type", "boolean"),
        ("\"next 100ms\"", "⌖\"soon\"", "`soon`", "next 100ms"),
        ("timeout  = \"60s\"", "timeout  = ⌖\"60\"", "`60`", "30d"),
        ("literals = false", "literals = ⌖true", "cannot enter", "false"),
        ("chain    = true", "chain    = ⌖false", "always a chain", "chain = true"),
        ("\"127.0.0.1:6433\"", "⌖\"localhost\"", "not an address", "127.0.0.1"),
        (
            "\"sqlite:/var/lib/noisegate/ledger.db\"",
            "⌖\"mysql://l@h/d\"",
            "not a place for a ledger",
            "sqlite:",
        ),
        ("[\"alice\", \"bob\"]", "[\"alice\", ⌖\"b/ob\"]", "name of an analyst", "63"),
    ];
    for (from, to, what_part, fix_part) in cases {
        let (_, what, fix) = mistake(from, to);
        assert!(what.contains(what_part), "{to}: {what}");
        assert!(fix.contains(fix_part), "{to}: {fix}");
    }
}

#[test]
fn omissions_point_at_what_is_incomplete() {
    let cases = [
        ("max_rows = 200\n", "", "how many rows", "max_rows"),
        ("epsilon = { default = 0.1, max = 0.5 }", "", "what a query costs", "epsilon"),
        ("delta      = 1e-6\n", "", "no delta", "delta"),
        ("answers = \"noisy\"\n", "", "gets none", "answers"),
        ("admin   = true", "", "may do nothing", "admin = true"),
        ("source = \"postgres", "# source = \"postgres", "source is missing", "postgres://"),
        ("accountant = \"zcdp\"", "accountant = \"pure\"", "no delta", "remove delta"),
        ("per        = \"dataset\"\n", "", "`per` is missing", "add `per`"),
        (
            "columns.article  = { class = \"quasi\" }",
            "columns.article  = {}",
            "`class` is missing",
            "add",
        ),
        ("unit     = \"order_id -> public.orders.id\"", "", "whose its rows are", "unit ="),
        ("[\"team:data\"]", "[\"team:data\", \"dora\"]", "dora is in no team", "add dora"),
    ];
    for (from, to, what_part, fix_part) in cases {
        assert_eq!(EXAMPLE.matches(from).count(), 1, "{from}");
        let error = Policy::parse(&EXAMPLE.replace(from, to), "policy.toml").unwrap_err();
        let PolicyError::Wrong { place, what, fix, .. } = &error else { unreachable!("{error}") };
        assert!(what.contains(what_part) && fix.contains(fix_part), "{from}: {error}");
        assert!(place.line > 1, "{error}");
        assert!(
            error
                .to_string()
                .starts_with(&format!("policy.toml:{}:{}: ", place.line, place.column))
        );
    }
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    for url in [
        "postgres://noisegate_reader:hunter2@db.internal/shop",
        "postgresql://u@h/d?Password=hunter2",
        "host=db password=hunter2",
        "postgres://u:hunter2@v@h/d",
    ] {
        let text = EXAMPLE.replace("postgres://noisegate_reader@db.internal/shop", url);
        let error = Policy::parse(&text, "p").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn relative_paths_start_at_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    std::fs::write(&path, EXAMPLE).unwrap();
    let server = Policy::load(&path).unwrap().server;
    assert_eq!(server.tls.as_ref().unwrap().cert, folder.path().join("server.crt"));
    assert_eq!(server.ledger, LedgerStore::Sqlite("/var/lib/noisegate/ledger.db".into()));

    assert!(matches!(server.source_password(), Err(PolicyError::Read { .. })));
    std::fs::create_dir(folder.path().join("secrets")).unwrap();
    std::fs::write(folder.path().join("secrets/source"), "s3cret\n").unwrap();
    let password = server.source_password().unwrap().unwrap();
    assert_eq!(password.expose(), "s3cret");
    assert_eq!(format!("{password:?}"), "redacted");
    assert!(matches!(
        Policy::load(&folder.path().join("none.toml")),
        Err(PolicyError::Read { .. })
    ));
}
