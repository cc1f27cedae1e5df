//! What an administrator types, on a ledger in which something was spent.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nix::unistd::{Uid, User};
use noisegate::admin::office::{AccountFilter, AuditQuery, ChargeQuery, Office, Page, Span};
use noisegate::clock::Clock;
use noisegate::ids::{Analyst, ChargeKey, QueryId, Question};
use noisegate::ledger::{Charge, LeafCharge, Ledger};
use noisegate::policy::Policy;
use noisegate::road;
use noisegate_privacy::budget::{Epsilon, Loss, Rho};
use serde::Serialize;
use serde_json::Value;

use super::operator::{Operator, Ran};

/// An administrator beside a proxy that has the ledger open, as the library has it here.
struct Administrator {
    operator: Operator,
    office: Office,
}

impl Administrator {
    /// One whose analysts have spent something.
    async fn new() -> Self {
        let operator = Operator::alone();
        let policy = Arc::new(Policy::load(&operator.policy()).unwrap());
        let ledger = operator.folder.path().join("ledger.db");
        let ledger = Ledger::open(&ledger, Clock::System).unwrap();
        let office = Office::new(policy, ledger, Clock::System);
        let it = Self { operator, office };
        for (question, (analyst, epsilon)) in
            (1..).zip([("alice", "0.5"), ("bob", "0.1"), ("alice", "0.5")])
        {
            it.spend(analyst, epsilon, question).await;
        }
        it
    }

    async fn spend(&self, analyst: &str, epsilon: &str, question: u8) {
        let pays = self.office.policy().terms(analyst).unwrap().pays;
        let now = self.office.now();
        let account = |(id, budget): &(String, _)| road::account(id, budget, None, now).unwrap();
        let rho = Rho::of_epsilon(&Epsilon::parse(epsilon).unwrap()).cost();
        let charge = Charge {
            key: ChargeKey::fresh(now.0),
            query: QueryId([question; 8]),
            analyst: Analyst(analyst.to_owned()),
            leaves: vec![LeafCharge {
                question: Question([question; 32]),
                loss: Loss { rho, ..Loss::default() },
                accounts: pays.iter().map(account).collect(),
            }],
        };
        let reservation = self.office.ledger().reserve(charge).await.unwrap();
        self.office.ledger().settle(reservation, Vec::new()).await.unwrap();
    }

    fn run(&self, line: &str) -> Ran {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // A command that asks for nothing may be over before it could be given something.
        if line.starts_with("user add ") {
            return self.operator.run_with_input(&words, "sesame\n");
        }
        self.operator.run(&words)
    }

    /// What a command says to programs.
    fn json(&self, line: &str) -> Value {
        let ran = self.run(&format!("{line} --json"));
        assert_eq!((ran.code, ran.errors.as_str()), (Some(0), ""), "{line}: {ran:?}");
        serde_json::from_str(&ran.out).unwrap()
    }
}

/// The words of a command line as a shell reads them, as far as these tests need it.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('"').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// By way of its text, since the last digit of a number may be read differently.
fn value(shown: &impl Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(shown).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_the_json_of_the_api() {
    let it = Administrator::new().await;
    let (office, page) = (&it.office, Page::default());
    let accounts = office.accounts(AccountFilter::default(), &page);
    assert_eq!(it.json("budget list"), value(&accounts.await.unwrap()));
    let account = async |id| value(&office.account(id).await.unwrap());
    let decisions = [
        ("show alice", "each_analyst/alice"),
        ("grant data 0.5 --why x", "data_team/data"),
        ("cap shop 3 --why x", "shop"),
        ("cap shop none --why x", "shop"),
        ("freeze alice --why x", "each_analyst/alice"),
        ("thaw each_analyst/alice --why x", "each_analyst/alice"),
        ("reset bob --why x", "each_analyst/bob"),
    ];
    for (verb, id) in decisions {
        assert_eq!(it.json(&format!("budget {verb}")), account(id).await, "{verb}");
    }
    let (team, bob) = (account("data_team/data").await, account("each_analyst/bob").await);
    assert_eq!((&team["granted_epsilon"], &bob["spent_epsilon"]), (&0.5.into(), &0.0.into()));

    let history = office.history("shop", &Span::default(), Some("hour")).await;
    assert_eq!(it.json("budget history shop --by hour"), value(&history.unwrap()));
    let spenders =
        value(&office.spenders(&Span::default(), Some("shop"), &Page::default()).await.unwrap());
    let found = it.json("budget spenders --last 7d --account shop");
    assert_eq!(found["items"], spenders["items"]);
    assert!(found["items"][0]["analyst"] == "alice" && found["items"][1]["analyst"] == "bob");

    let (query, page_of_two) = (ChargeQuery::default(), Page { limit: Some(2), cursor: None });
    assert_eq!(
        it.json("budget charges"),
        value(&office.charges(query.clone(), &page).await.unwrap())
    );
    let two = value(&office.charges(query, &page_of_two).await.unwrap());
    assert_eq!(it.json("budget charges -n 2"), two);
    let of_bob = it.json("budget charges --analyst bob --account shop");
    assert!(of_bob["items"].as_array().unwrap().iter().all(|charge| charge["analyst"] == "bob"));
    assert_eq!(it.json("budget releases"), value(&office.releases(None, &page).await.unwrap()));

    for verb in ["add alice", "freeze alice --why x", "thaw alice --why x"] {
        let said = it.json(&format!("user {verb}"));
        assert_eq!(said, value(&office.analyst("alice").await.unwrap()), "{verb}");
    }
    assert_eq!(it.json("user list"), value(&office.analysts(&page).await.unwrap()));

    let made = it.json("token create --role auditor --name nightly --expires 2w");
    let tokens = value(&office.tokens(&page).await.unwrap());
    assert_eq!(it.json("token list"), tokens);
    let mut token = made.clone();
    let secret = token.as_object_mut().unwrap().remove("token").unwrap();
    assert!(secret.as_str().unwrap().starts_with("ng_") && token == tokens["items"][0], "{token}");
    let digest = noisegate::admin::office::token_digest(secret.as_str().unwrap()).unwrap();
    assert_eq!(office.ledger().token(&digest).await.unwrap().unwrap().name, "nightly");
    assert_eq!(it.run("token revoke nightly --why x --json").out, "");
    assert_eq!(it.json("token list")["items"], Value::Array(vec![]));
    assert_eq!(it.run("user remove alice --json").out, "");

    for verb in ["add guests --role analyst", "join guests bob", "leave guests bob"] {
        let said = it.json(&format!("team {verb} --why x"));
        assert_eq!(said, value(&office.team("guests").await.unwrap()), "{verb}");
    }
    assert_eq!(it.json("team list"), value(&office.teams(&page).await.unwrap()));
    assert_eq!(it.run("team remove guests --why x --json").out, "");

    let all = office.audit(AuditQuery::default(), &Page { limit: Some(500), cursor: None }).await;
    assert_eq!(it.json("audit tail -n 600"), value(&all.unwrap()));
    let part = office.audit(AuditQuery::default(), &Page { limit: Some(2), cursor: None }).await;
    assert_eq!(it.json("audit tail -n 2"), value(&part.unwrap()));
    let kind = Some("account".to_owned());
    let found = office.audit(AuditQuery { kind, ..AuditQuery::default() }, &page).await;
    assert_eq!(it.json("audit search --kind account"), value(&found.unwrap()));
    assert_eq!(it.json("audit verify"), value(&office.verify().await.unwrap()));
}

/// The commands of a file, each with what it says; times and secrets are left out.
#[tokio::test(flavor = "multi_thread")]
async fn people_get_tables_and_sentences() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/office.txt");
    let written = std::fs::read_to_string(file).unwrap();
    let it = Administrator::new().await;
    let mut found = String::new();
    for line in written.lines().filter(|line| line.starts_with("$ ")) {
        let ran = it.run(line.strip_prefix("$ noisegate ").unwrap());
        writeln!(found, "{line}\n{}{}", masked(&ran.out), masked(&ran.errors)).unwrap();
        if ran.code != Some(0) {
            writeln!(found, "ends with {}\n", ran.code.unwrap()).unwrap();
        }
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(file, &found).unwrap();
        return;
    }
    for (written, found) in written.lines().zip(found.lines()) {
        assert_eq!(written, found, "if this is what it should be: UPDATE_EXPECT=1");
    }
    assert_eq!(written, found);
}

/// Without what differs from run to run. The width of that differs, too: gaps are as narrow as
/// they can be.
fn masked(text: &str) -> String {
    let user = format!("os:{}", User::from_uid(Uid::current()).unwrap().unwrap().name);
    let lines = text.replace(&user, "os:USER");
    let lines = lines.lines().map(|line| {
        let line = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        let words = line.map(|cell| cell.split(' ').map(mask).collect::<Vec<_>>().join(" "));
        let line = words.collect::<Vec<_>>().join("  ") + "\n";
        // How many units of work there were is the ledger's own affair.
        match line.strip_suffix(" generations\n").and_then(|line| line.rsplit_once(' ')) {
            Some((before, _)) => format!("{before} MANY generations\n"),
            None => line,
        }
    });
    lines.collect()
}

fn mask(word: &str) -> String {
    if let Some(word) = word.strip_suffix(',') {
        return mask(word) + ",";
    }
    let shape: String = word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let is_hex = word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit());
    match shape.as_str() {
        "0000-00-00" => "DAY".to_owned(),
        "00:00" | "00:00:00" => "TIME".to_owned(),
        _ if shape.starts_with("0000-00-00T") => "INSTANT".to_owned(),
        _ if is_hex => "ID".to_owned(),
        _ if word.starts_with("ng_") => "SECRET".to_owned(),
        _ => word.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_on_record_with_who_and_why() {
    let it = Administrator::new().await;
    let changes = [
        ("budget grant data 0.5 --why one", "account.grant", "data_team/data", "one"),
        ("budget cap shop 3 --why two", "account.cap", "shop", "two"),
        ("budget freeze bob --why three", "account.freeze", "each_analyst/bob", "three"),
        ("budget thaw bob --why four", "account.thaw", "each_analyst/bob", "four"),
        ("budget reset bob --why five", "account.reset", "each_analyst/bob", "five"),
        ("user add alice", "analyst.put", "alice", "no reason was given"),
        ("user freeze alice --why six", "account.freeze", "each_analyst/alice", "six"),
        ("user thaw alice --why seven", "account.thaw", "each_analyst/alice", "seven"),
        ("team add lab --role analyst --why i", "team.add", "lab", "i"),
        ("team join lab bob --why ii", "team.join", "lab", "ii"),
        ("team leave lab bob --why iii", "team.leave", "lab", "iii"),
        ("team remove lab --why iv", "team.remove", "lab", "iv"),
        ("user remove alice --why \"eight words\"", "analyst.remove", "alice", "eight words"),
    ];
    let who = format!("os:{}", User::from_uid(Uid::current()).unwrap().unwrap().name);
    for (line, kind, object, why) in changes {
        let ran = it.run(line);
        assert_eq!((ran.code, ran.errors.as_str()), (Some(0), ""), "{line}");
        let record = &it.json("audit tail -n 1")["items"][0];
        let found = ["who", "via", "kind", "object", "why"].map(|key| record[key].as_str());
        assert_eq!(found, [&who, "cli", kind, object, why].map(Some), "{line}");
    }
    // What was not done is not on record.
    for line in ["budget grant nobody 1 --why x", "user remove alice", "token revoke x --why x"] {
        assert_eq!(it.run(line).code, Some(1), "{line}");
    }
    assert_eq!(it.json("audit tail -n 1")["items"][0]["why"], "eight words");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_exported_for_its_owner_alone() {
    let it = Administrator::new().await;
    assert_eq!(it.run("budget freeze alice --why \"left, for good\"").code, Some(0));
    let day = noisegate::admin::shown::date(it.office.now());
    let out = it.run(&format!("audit export --day {day}")).out;
    let records: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut newest_first = it.json("audit tail -n 500")["items"].as_array().unwrap().clone();
    newest_first.reverse();
    assert_eq!(records, newest_first);
    assert_eq!(it.run(&format!("audit export --day {day} --json")).out, out);

    let file = it.operator.folder.path().join("audit.csv");
    let line = format!("audit export --day {day} --format csv --out {}", file.display());
    let ran = it.run(&line);
    assert_eq!(ran.out, format!("the audit of {day} (UTC) is in {}\n", file.display()));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("number,at,who,via,kind,object,detail,why\r\n"), "{text}");
    assert!(text.contains(",\"left, for good\"\r\n") && text.lines().count() == 5, "{text}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // Who could read the file that was there does not read this one.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut read_before = std::fs::File::open(&file).unwrap();
    assert_eq!(it.run("budget thaw alice --why back").code, Some(0));
    assert_eq!(it.run(&line).code, Some(0));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).unwrap().contains(",back\r\n"));
    let mut old = String::new();
    std::io::Read::read_to_string(&mut read_before, &mut old).unwrap();
    assert_eq!(old, text);

    // A link leads nowhere, and nothing but plain files is replaced.
    let (link, aim) = (file.with_extension("link"), file.with_extension("aim"));
    std::fs::write(&aim, "untouched").unwrap();
    std::os::unix::fs::symlink(&aim, &link).unwrap();
    for path in [link.as_path(), it.operator.folder.path(), Path::new("/dev/null")] {
        let ran = it.run(&format!("audit export --day {day} --out {}", path.display()));
        assert!(ran.code == Some(1) && ran.errors.contains("not a plain file"), "{ran:?}");
    }
    assert!(link.is_symlink());
    assert_eq!(std::fs::read_to_string(&aim).unwrap(), "untouched");

    assert_eq!(it.run("audit export --day 2001-02-03").out, "");
    assert_eq!(it.run("audit export --day 2001-02-30").code, Some(2));
    assert_eq!(it.run(&format!("audit export --day {day} --json --format csv")).code, Some(2));
    let nowhere = it.operator.folder.path().join("not/there");
    let ran = it.run(&format!("audit export --day {day} --out {}", nowhere.display()));
    assert!(ran.code == Some(1) && ran.errors.contains("No such file"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tampered_with_is_named() {
    let it = Administrator::new().await;
    for why in ["first", "second"] {
        assert_eq!(it.run(&format!("budget freeze alice --why {why}")).code, Some(0));
    }
    assert_eq!(it.run("audit verify").code, Some(0));
    let file = it.operator.folder.path().join("ledger.db");
    let conn = rusqlite::Connection::open(file).unwrap();
    let triggers = "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema
                    WHERE type = 'trigger'";
    let drop: String = conn.query_row(triggers, [], |row| row.get(0)).unwrap();
    conn.execute_batch(&drop).unwrap();
    conn.execute_batch("UPDATE event SET why = 'third' WHERE id = 2").unwrap();
    let ran = it.run("audit verify");
    assert_eq!((ran.code, ran.out.as_str(), ran.errors.lines().count()), (Some(1), "", 1));
    assert!(ran.errors.starts_with("noisegate: the audit is not as it was written: "), "{ran:?}");
    assert!(ran.errors.contains("event 2"), "{ran:?}");
    let ran = it.run("audit verify --json");
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(ran.code == Some(1) && found["sound"] == false, "{ran:?}");
    assert!(found["broken"].as_str().unwrap().contains("event 2"), "{ran:?}");
}

#[test]
fn shells_complete_the_commands() {
    let script = |shell: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_noisegate"));
        let ran: Ran = command.args(["completion", shell]).output().unwrap().into();
        assert_eq!((ran.code, ran.errors.as_str()), (Some(0), ""), "{shell}");
        for word in ["budget", "spenders", "audit", "verify", "token", "revoke", "--why"] {
            let name = word.trim_start_matches("--");
            assert!(ran.out.contains(name), "{shell} knows no {word}");
        }
        ran.out
    };
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let file = folder.path().join(shell);
        std::fs::write(&file, script(shell)).unwrap();
        // Those that are not installed cannot read theirs.
        let read = Command::new(shell).arg("-n").arg(&file).stderr(Stdio::piped()).output();
        let Ok(read) = read else { continue };
        assert!(read.status.success(), "{shell}: {}", String::from_utf8_lossy(&read.stderr));
    }
    let completed = Command::new("bash")
        .arg("-c")
        .arg(
            "source \"$1\"; COMP_WORDS=(noisegate budget fr); COMP_CWORD=2; \
             _noisegate noisegate fr budget; echo \"${COMPREPLY[@]}\"",
        )
        .args(["bash".as_ref(), folder.path().join("bash").as_os_str()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "freeze\n", "{completed:?}");
}

/// Each verb's help ends with examples, which are understood: what they say may be wrong here, as
/// that there is no such token, but never how they say it.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_each_help_can_be_typed() {
    let it = Administrator::new().await;
    let help = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_noisegate"));
        let ran: Ran = command.args(words).arg("--help").output().unwrap().into();
        assert_eq!(ran.code, Some(0), "{words:?}");
        ran.out
    };
    let mut tried = 0;
    for group in ["budget", "audit", "token", "user", "team", "policy", "query"] {
        let of_group = help(&[group]);
        let verbs = of_group.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
        // What is wrapped goes on further to the right.
        let verbs = verbs.lines().filter(|line| !line.starts_with("   "));
        let verbs = verbs.map(|line| line.split_whitespace().next().unwrap());
        for verb in verbs.filter(|verb| *verb != "help") {
            let text = help(&[group, verb]);
            let examples = text.split("Examples:\n").nth(1).unwrap_or_default().lines();
            let of_verb = format!("  noisegate {group} {verb}");
            let mut has = 0;
            for line in examples.chain(of_group.split("Examples:\n").nth(1).unwrap().lines()) {
                has += usize::from(line.starts_with(&of_verb));
                let line = line.strip_prefix("  noisegate ").unwrap();
                let words = words(line.split(['>', '<']).next().unwrap());
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let asks = line.starts_with("query") || line.starts_with("policy reload");
                let mut command = if asks {
                    // There is no proxy.
                    let mut command = Command::new(env!("CARGO_BIN_EXE_noisegate"));
                    command.env("NOISEGATE_SERVER", "http://127.0.0.1:1");
                    command.env("NOISEGATE_TOKEN", "ng_none").args(&words);
                    command
                } else {
                    it.operator.command(&words)
                };
                let ran: Ran =
                    command.current_dir(it.operator.folder.path()).output().unwrap().into();
                assert!(matches!(ran.code, Some(0 | 1)), "{line}: {ran:?}");
                tried += 1;
            }
            assert!(has > 0, "no example of {group} {verb}");
        }
    }
    assert!(tried > 40, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_says_who_could_see_or_spend_what() {
    let it = Administrator::new().await;
    let policy = std::fs::read_to_string(it.operator.policy()).unwrap();
    let draft = policy.replace("members = [\"alice\", \"bob\"]", "members = [\"bob\"]");
    assert_ne!(draft, policy);
    let file = it.operator.folder.path().join("draft.toml");
    std::fs::write(&file, &draft).unwrap();
    // Whom an administrator added stays, whatever the file.
    assert_eq!(it.run("user add dora").code, Some(0));
    assert_eq!(it.run("team join data dora --why x").code, Some(0));
    let line = format!("policy diff {}", file.display());
    let ran = it.run(&line);
    assert!(ran.out.contains("see: alice can no longer ask; it was as analyst.\n"), "{ran:?}");
    assert!(ran.out.contains("other: alice is no longer in the team data.\n"), "{ran:?}");
    assert!(!ran.out.contains("dora"), "{ran:?}");
    let changes = it.json(&line);
    assert_eq!(changes["changes"][0]["kind"], "see");
    assert_eq!(changes["changes"].as_array().unwrap().len(), ran.out.lines().count());
    std::fs::write(&file, &policy).unwrap();
    assert_eq!(it.run(&line).out, "nothing would change\n");
    let missing = it.run("policy diff nowhere.toml");
    assert!(missing.code == Some(1) && missing.errors.contains("nowhere.toml"), "{missing:?}");
}
