//! `noisegate budget`: what may be spent, what was, and decisions about it.

use super::args::{
    Access, Budget, Cap, Charges, Decision, Grant, History, OneAccount, Releases, Spenders,
};
use super::desk::{Desk, PAGE, order};
use super::error::CliError;
use super::names;
use super::output::say;
use super::table::{Column, Sheet, listed, minute, number, percent, second};
use crate::admin::office::{AccountFilter, ChargeQuery, Office, OfficeError, Order, Page, Span};
use crate::admin::shown::{self, Account, Per, time};
use crate::clock::Millis;

pub(super) async fn run(args: &Budget) -> Result<(), CliError> {
    match args {
        Budget::List(access) => list(access).await,
        Budget::Show(of) => show(of).await,
        Budget::Grant(args) => grant(args).await,
        Budget::Cap(args) => cap(args).await,
        Budget::Freeze(args) => {
            let says = "is frozen: nothing new is paid from it";
            decide(args, says, async |desk, id, order| desk.office.freeze(id, order).await).await
        }
        Budget::Thaw(args) => {
            let says = "goes on";
            decide(args, says, async |desk, id, order| desk.office.thaw(id, order).await).await
        }
        Budget::Reset(args) => {
            let says = "begins anew";
            decide(args, says, async |desk, id, order| desk.office.reset(id, order).await).await
        }
        Budget::History(args) => history(args).await,
        Budget::Spenders(args) => spenders(args).await,
        Budget::Charges(args) => charges(args).await,
        Budget::Releases(args) => releases(args).await,
    }
}

async fn list(access: &Access) -> Result<(), CliError> {
    let desk = Desk::open(access).await?;
    let part = async |office: &Office, page| office.accounts(AccountFilter::default(), &page).await;
    desk.print(&desk.all(part).await?, |accounts| table(&accounts.items))
}

async fn show(of: &OneAccount) -> Result<(), CliError> {
    let (desk, id) = open(of).await?;
    let account = desk.office.account(&id).await.map_err(|error| desk.said(error))?;
    desk.print(&account, |account| facts(account).print())
}

async fn grant(args: &Grant) -> Result<(), CliError> {
    let (desk, id) = open(&args.of).await?;
    let order = order(&args.why.why);
    let account = desk.office.grant(&id, &args.epsilon, &order).await;
    let account = account.map_err(|error| desk.said(error))?;
    let until = match &account.renews_at {
        Some(end) => format!("until {} UTC", minute(end)),
        None => "for good".to_owned(),
    };
    desk.tell(format_args!("{id} may spend {} more {until}\n", args.epsilon));
    desk.print(&account, |account| table(std::slice::from_ref(account)))
}

async fn cap(args: &Cap) -> Result<(), CliError> {
    let (desk, id) = open(&args.of).await?;
    let (most, order) = (args.epsilon.0.as_deref(), order(&args.why.why));
    let account = desk.office.cap(&id, most, &order).await;
    let account = account.map_err(|error| desk.said(error))?;
    match most {
        Some(most) => desk.tell(format_args!("{id} may spend at most {most} in a window\n")),
        None => desk.tell(format_args!("{id} has no cap\n")),
    }
    desk.print(&account, |account| table(std::slice::from_ref(account)))
}

async fn decide(
    args: &Decision,
    says: &str,
    change: impl AsyncFnOnce(&Desk, &str, &Order) -> Result<Account, OfficeError>,
) -> Result<(), CliError> {
    let (desk, id) = open(&args.of).await?;
    let changed = change(&desk, &id, &order(&args.why.why)).await;
    let account = changed.map_err(|error| desk.said(error))?;
    desk.tell(format_args!("{id} {says}\n"));
    desk.print(&account, |account| table(std::slice::from_ref(account)))
}

async fn history(args: &History) -> Result<(), CliError> {
    let (desk, id) = open(&args.of).await?;
    let span = Span { from: args.from.clone(), to: args.to.clone() };
    let history = desk.office.history(&id, &span, Some(&args.by)).await;
    let history = history.map_err(|error| desk.said(error))?;
    desk.print(&history, |history| spent(&id, history))
}

/// Parts without charges are left out.
fn spent(id: &str, history: &shown::History) {
    let mut sheet = Sheet::new(&[
        Column::Word("FROM (UTC)"),
        Column::Number("CHARGES"),
        Column::Number("EPSILON"),
        Column::Number("OF THE LIMIT"),
    ]);
    let mut paid = history.items.iter().filter(|item| item.charges > 0).peekable();
    if paid.peek().is_none() {
        return say(format_args!("nothing was paid from {id} in this time"));
    }
    for item in paid {
        let (charges, share) = (item.charges.to_string(), percent(item.spent_fraction));
        sheet.row([minute(&item.start), charges, number(item.epsilon), share]);
    }
    sheet.print();
}

async fn spenders(args: &Spenders) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let policy = desk.office.policy();
    let id = args.account.as_deref().map(|typed| names::account(&policy, typed)).transpose()?;
    let from = Millis(desk.office.now().0.saturating_sub(args.last).max(0));
    let span = Span { from: Some(time(from)), to: None };
    let part = async |span: &Span, cursor| {
        let page = Page { limit: Some(PAGE), cursor };
        let found = desk.office.spenders(span, id.as_deref(), &page).await;
        found.map_err(|error| desk.said(error))
    };
    let mut found = part(&span, None).await?;
    let span = Span { from: Some(found.from.clone()), to: Some(found.to.clone()) };
    while let Some(next) = found.next.take() {
        let more = part(&span, Some(next)).await?;
        found.items.extend(more.items);
        found.next = more.next;
    }
    desk.print(&found, |found| {
        let of = id.map_or_else(String::new, |id| format!(" from {id}"));
        if found.items.is_empty() {
            return say(format_args!(
                "nobody spent anything{of} since {} UTC",
                minute(&found.from)
            ));
        }
        say(format_args!("spent{of} since {} UTC\n", minute(&found.from)));
        let mut sheet = Sheet::new(&[
            Column::Text("ANALYST"),
            Column::Number("CHARGES"),
            Column::Number("EPSILON"),
            Column::Number("OF ALL"),
        ]);
        for one in &found.items {
            let (charges, share) = (one.charges.to_string(), percent(one.share));
            sheet.row([one.analyst.clone(), charges, number(one.epsilon), share]);
        }
        sheet.print();
    })
}

async fn charges(args: &Charges) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let policy = desk.office.policy();
    let account =
        args.account.as_deref().map(|typed| names::account(&policy, typed)).transpose()?;
    let span = Span { from: args.from.clone(), to: args.to.clone() };
    let wanted = ChargeQuery { analyst: args.analyst.clone(), account, span };
    let part = async |office: &Office, page| office.charges(wanted.clone(), &page).await;
    let found = desk.parts(args.number, part).await?;
    desk.print(&found, |found| {
        let mut sheet = Sheet::new(&[
            Column::Word("WHEN (UTC)"),
            Column::Text("ANALYST"),
            Column::Word("QUESTION"),
            Column::Number("EPSILON"),
            Column::Word("STATE"),
            Column::Text("PAID BY"),
        ]);
        for charge in &found.items {
            let state = match charge.state {
                shown::ChargeState::Pending => "pending",
                shown::ChargeState::Spent => "spent",
                shown::ChargeState::GivenBack => "given back",
            };
            sheet.row([
                second(&charge.at),
                charge.analyst.clone(),
                charge.fingerprint.clone(),
                number(charge.epsilon),
                state.to_owned(),
                listed(&charge.accounts),
            ]);
        }
        sheet.print();
    })
}

async fn releases(args: &Releases) -> Result<(), CliError> {
    let desk = Desk::open(&args.access).await?;
    let part = async |office: &Office, page| office.releases(args.analyst.clone(), &page).await;
    let found = desk.parts(args.number, part).await?;
    desk.print(&found, |found| {
        let mut sheet = Sheet::new(&[
            Column::Word("QUESTION"),
            Column::Text("ANALYST"),
            Column::Word("MADE (UTC)"),
            Column::Word("ANSWERS UNTIL (UTC)"),
            Column::Number("BYTES"),
        ]);
        for release in &found.items {
            sheet.row([
                release.question.chars().take(16).collect(),
                release.analyst.clone(),
                second(&release.made_at),
                minute(&release.expires_at),
                release.bytes.to_string(),
            ]);
        }
        sheet.print();
    })
}

/// The account that is meant, and where it is decided about.
async fn open(of: &OneAccount) -> Result<(Desk, String), CliError> {
    let desk = Desk::open(&of.access).await?;
    let id = names::account(&desk.office.policy(), &of.account)?;
    Ok((desk, id))
}

fn table(accounts: &[Account]) {
    let mut sheet = Sheet::new(&[
        Column::Text("ACCOUNT"),
        Column::Number("LIMIT"),
        Column::Number("SPENT"),
        Column::Number("LEFT"),
        Column::Number("USED"),
        Column::Word("RENEWS (UTC)"),
        Column::Text("STATE"),
    ]);
    for account in accounts {
        sheet.row([
            account.id.clone(),
            number(account.limit_epsilon),
            number(account.spent_epsilon),
            number(account.left_epsilon),
            percent(account.spent_fraction),
            account.renews_at.as_deref().map_or_else(|| "never".to_owned(), minute),
            state(account),
        ]);
    }
    sheet.print();
}

fn state(account: &Account) -> String {
    match &account.throttle.active {
        _ if account.frozen => "frozen".to_owned(),
        Some(effect) => effect.clone(),
        None if account.left_epsilon <= 0.0 => "empty".to_owned(),
        None => "open".to_owned(),
    }
}

fn facts(account: &Account) -> Sheet {
    let per = match account.per {
        Per::Dataset => "of the dataset",
        Per::Team => "of a team",
        Per::Analyst => "of an analyst",
    };
    let of_role = account.role.as_ref().map_or_else(String::new, |role| format!(", role {role}"));
    let spent = (number(account.spent_epsilon), percent(account.spent_fraction));
    let throttle = account.throttle.steps.iter();
    let throttle: Vec<String> =
        throttle.map(|step| format!("{} from {} on", step.effect, percent(step.at))).collect();
    let throttle = if throttle.is_empty() { "none".to_owned() } else { throttle.join("; ") };
    let pays = account.buys.iter();
    let pays = pays
        .map(|buys| format!("{} at {} (± {})", buys.queries, buys.epsilon_each, buys.count_error));
    Sheet::facts([
        ("account", account.id.clone()),
        ("budget", format!("{}, {per}{of_role}", account.budget)),
        ("window", window(account)),
        ("limit", limit(account)),
        ("spent", format!("{}, which uses {}", spent.0, spent.1)),
        ("left", number(account.left_epsilon)),
        ("state", state(account)),
        ("throttle", throttle),
        ("lately", lately(account)),
        ("still pays", pays.collect::<Vec<_>>().join(", ")),
        ("", "(queries at an epsilon each, and the error of a count of people)".to_owned()),
    ])
}

fn window(account: &Account) -> String {
    match (&account.window_started_at, &account.renews_at) {
        (Some(from), Some(to)) => {
            format!("{} from {} to {} UTC", account.window, minute(from), minute(to))
        }
        _ => account.window.clone(),
    }
}

/// What it is made of.
fn limit(account: &Account) -> String {
    let cap = account.cap_epsilon.map(|cap| format!("a cap of {}", number(cap)));
    format!(
        "{}: {} of the policy, {} granted, {}; delta {:e}",
        number(account.limit_epsilon),
        number(account.policy_epsilon),
        number(account.granted_epsilon),
        cap.as_deref().unwrap_or("no cap"),
        account.delta
    )
}

/// How fast it went in the last days.
fn lately(account: &Account) -> String {
    let burn = &account.burn;
    let ratio = burn.ratio.map_or_else(String::new, |ratio| {
        format!(", {ratio:.2} times as fast as lasts for a window")
    });
    let end =
        account.exhausted_on.as_ref().map_or_else(String::new, |day| format!("; empty on {day}"));
    format!("{} charges in {} days{ratio}{end}", account.charges_7d, burn.days)
}
