use super::*;

fn kinds(text: &str) -> Vec<Kind> {
    let private = BTreeSet::from(["orders".to_owned()]);
    split(text, &private).into_iter().map(|one| one.kind).collect()
}

#[test]
fn splits_and_classifies() {
    assert_eq!(
        kinds("select 1; SELECT count(*) FROM Orders;; begin"),
        [Kind::Untouched, Kind::Query, Kind::Untouched]
    );
    assert_eq!(kinds("select 'orders;' -- orders\n"), [Kind::Untouched]);
    assert_eq!(kinds("(select 1 from \"orders\")"), [Kind::Query]);
    assert_eq!(kinds("create temp view v as select * from orders"), [Kind::Other("create".into())]);
    assert_eq!(kinds("select * from noisegate.budget"), [Kind::Query]);
}

#[test]
fn finds_settings_and_explain() {
    assert_eq!(
        kinds("set noisegate.epsilon = '0.2'"),
        [Kind::Setting("epsilon".into(), "0.2".into())]
    );
    assert_eq!(
        kinds("SET LOCAL noisegate.epsilon TO 0.2"),
        [Kind::Setting("epsilon".into(), "0.2".into())]
    );
    assert_eq!(
        kinds("explain select count(*) from orders"),
        [Kind::Explain { analyze: false, query_at: 8, format: Format::Text }]
    );
    assert_eq!(
        kinds("explain (format 'JSON', costs off) select 1 from orders"),
        [Kind::Explain { analyze: false, query_at: 35, format: Format::Json }]
    );
    assert_eq!(
        kinds("explain (analyze, costs off) (select 1 from orders)"),
        [Kind::Explain { analyze: true, query_at: 29, format: Format::Text }]
    );
}

#[test]
fn no_way_of_writing_a_private_name_passes_untouched() {
    assert_eq!(kinds("select count(*) from U&\"\\006Frders\""), [Kind::Query]);
    assert_eq!(kinds("select 1 into t from orders"), [Kind::Other("select into".into())]);
    assert_eq!(kinds("copy orders to stdout"), [Kind::Other("copy".into())]);
    assert_eq!(kinds("select * from budget"), [Kind::Query]);
    assert_eq!(kinds("create temp table budget (a int)"), [Kind::Untouched]);
    let long = format!("select count(*) from ORDERS where 1 in (1{})", ", 1".repeat(20_000));
    assert_eq!(kinds(&long), [Kind::Unread]);
    assert_eq!(kinds(&long.replace("ORDERS", "others")), [Kind::Untouched]);
    assert_eq!(kinds("select count(*) -- x\rfrom orders"), [Kind::Query]);
    assert_eq!(kinds("ALTER /* */ user current_user SET a = 1"), [Kind::Login]);
    assert_eq!(kinds("alter table x add y int"), [Kind::Untouched]);
}

#[test]
fn a_statement_cannot_hide_behind_a_backslash() {
    // PostgreSQL reads on in the next line with escapes, or reads them everywhere under a setting.
    let hidden = "; ALTER ROLE current_user PASSWORD 'stolen' --'";
    for before in ["SELECT E'x'\n'\\'' AS a", "SELECT '\\'' AS a", "SELECT U&'\\'' AS a"] {
        assert_eq!(kinds(&format!("{before}{hidden}")), [Kind::Unread], "{before}");
    }
    assert_eq!(kinds("SELECT E'it\\'s'"), [Kind::Untouched]);
    assert_eq!(kinds("SELECT E'\\n' FROM orders"), [Kind::Query]);
}

#[test]
fn finds_execute() {
    let execute = |name: &str, arguments: &[&str], place| Kind::Execute {
        name: name.to_owned(),
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        place,
    };
    assert_eq!(kinds("execute P"), [execute("p", &[], 0..9)]);
    assert_eq!(
        kinds(" EXECUTE \"P\"(f(1, 2), 'x,');"),
        [execute("P", &["f(1, 2)", " 'x,'"], 0..26)]
    );
    assert_eq!(kinds("explain (verbose) execute p(1)"), [execute("p", &["1"], 18..30)]);
    assert_eq!(kinds("create temp table t as execute p with no data"), [execute("p", &[], 23..32)]);
    assert_eq!(
        prepared_query("prepare p (int) as select count(*) from orders where x = $1").unwrap(),
        "select count(*) from orders where x = $1"
    );
    assert_eq!(prepared_query("select 1").unwrap(), "select 1");
}

#[test]
fn positions_count_characters() {
    let private = BTreeSet::from(["orders".to_owned()]);
    let split = split("select 'é';\n select max(x) from orders", &private);
    assert_eq!(split[1].offset_chars, 13);
    assert_eq!(position_of("select 'é', max(x)", "max"), Some(13));
    assert_eq!(
        replace_parameters("select '$1', $1 + $22", &|n| Some(format!("<{n}>"))).unwrap(),
        "select '$1', <1> + <22>"
    );
}
