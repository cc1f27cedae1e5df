//! `noisegate demo`: a shop to try noisegate on, which leaves nothing behind.
//!
//! Source and shadow are two databases of one server here. In production, give the shadow a
//! server of its own: one that has never seen the source cannot tell of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::args;
use super::error::CliError;
use super::folder::Folder;
use super::output::say;
use super::proxy::{bind, with_admin};
use crate::admin::office::Office;
use crate::admin::{Admin, Health};
use crate::demo::{DATABASE, Progress, Shop, ShopOptions, USERS};

const POLICY: &str = include_str!("../../budgets/demo.toml");
const POLICY_NAME: &str = "budgets/demo.toml";

/// To try: groups of people, a window over noisy counts with joins below, and what both cost.
const QUERIES: [&str; 3] = [
    "SELECT c_mktsegment, count(*), round(avg(c_acctbal), 2) AS balance\n    \
     FROM customer GROUP BY 1 ORDER BY 2 DESC;",
    "SELECT r_name, count(*) AS orders, round(100 * count(*) / sum(count(*)) OVER (), 1) AS percent\n    \
     FROM orders JOIN customer ON c_custkey = o_custkey JOIN nation ON n_nationkey = c_nationkey\n    \
     JOIN region ON r_regionkey = n_regionkey GROUP BY 1 ORDER BY 2 DESC;",
    "SELECT account, epsilon, epsilon_left FROM noisegate.budget;",
];

pub(super) async fn run(args: &args::Demo, end: CancellationToken) -> Result<(), CliError> {
    let admin = bind(args.admin).await?;
    let folder = args.dir.as_deref().map(Folder::take).transpose()?;
    let options = options(args, folder.as_ref())?;
    say(format_args!("Opening a shop at scale {} in a PostgreSQL of its own.", args.scale));
    let bar = bar();
    let opened = tokio::select! {
        shop = Shop::open(options, |progress| show(&bar, progress)) => Some(shop),
        // What was opened so far is closed as it is dropped.
        () = end.cancelled() => None,
    };
    bar.finish_and_clear();
    let Some(shop) = opened else { return Ok(()) };
    let mut shop = shop?;
    let result = serve(&shop, admin, end).await;
    shop.close().await;
    // The server's files, and only then the folder around them.
    drop(shop);
    drop(folder);
    result
}

fn options(args: &args::Demo, folder: Option<&Folder>) -> Result<ShopOptions, CliError> {
    let mut options = match &args.policy {
        None => ShopOptions::new(args.scale, POLICY, POLICY_NAME),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| CliError::File { path: path.clone(), error })?;
            ShopOptions::new(args.scale, &text, &path.display().to_string())
        }
    };
    options.listen = args.listen;
    options.admin = args.admin;
    options.dir = folder.map(|folder| folder.path().to_path_buf());
    Ok(options)
}

/// The shop answers by itself; this tells how, and waits for the end.
async fn serve(shop: &Shop, admin: TcpListener, end: CancellationToken) -> Result<(), CliError> {
    welcome(shop.address, admin.local_addr()?);
    let shadow = shop.source.config(DATABASE, "postgres");
    let of_admin = Admin {
        health: Health::new(shop.source_config(), shadow, shop.gate.ledger.clone()),
        office: Office::of_proxy(Arc::clone(&shop.policies)),
        tls: None,
    };
    with_admin(admin, of_admin, &shop.policies, &end, end.cancelled()).await;
    Ok(())
}

fn welcome(address: SocketAddr, admin: SocketAddr) {
    let [alice, bob, carol] = USERS;
    let (address, admin) = (reachable(address), reachable(admin));
    let queries = QUERIES.map(|query| format!("  {query}\n")).join("\n");
    say(format_args!(
        "\nThe shop is open. In another terminal:\n\n  \
         psql \"postgres://{alice}:{alice}@{address}/{DATABASE}\"\n\n\
         and there, for example:\n\n{queries}\n\
         {bob} is an analyst too. {carol} administers the budgets, at http://{admin}/.\n\
         A password is the name. Health is at http://{admin}/readyz.\n\
         Ctrl-C closes the shop and removes its files."
    ));
}

/// Where a client on this machine connects to one that listens everywhere.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// On the standard error; where that is no terminal it shows nothing.
fn bar() -> ProgressBar {
    // Not 0, of which any number of rows is all.
    let bar = ProgressBar::new(1);
    let template = "{msg:>10} {wide_bar} {human_pos} of about {human_len} rows";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message("starting");
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.expected.max(progress.rows));
    bar.set_position(progress.rows);
    bar.set_message(progress.step);
}
