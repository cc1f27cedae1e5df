//! The demo's shop with budgets that a benchmark cannot use up, and how to reach both sides of it.

use noisegate::demo::{Shop, ShopOptions};
use noisegate::ids::Analyst;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, NoTls};

use super::Failure;
use super::measure::{self, Cell, Length, number};
use super::work::{FRESH, REMEMBERED, Straight};

const USER: &str = "alice";
/// The demo's login of analysts' sessions on the shadow; its password is the name.
const SHADOW_ROLE: &str = "noisegate_analyst";
/// The name of the threads that noisegate's CPU time is counted on, besides the ledger's.
pub(crate) const THREAD: &str = "noisegate";

/// Both sides, each on its own threads.
pub(crate) struct Bench {
    noisegate: Runtime,
    clients: Runtime,
    shop: Shop,
}

/// How to reach each side.
#[derive(Clone, Debug)]
pub(crate) struct Sides {
    pub(crate) through: Config,
    shadow: Config,
    source: Config,
}

impl Sides {
    /// Where the work goes without noisegate.
    pub(crate) fn straight(&self, straight: Straight) -> &Config {
        match straight {
            Straight::Shadow => &self.shadow,
            Straight::Source => &self.source,
        }
    }
}

impl Bench {
    /// Opens the shop: TPC-H at scale 0.01, 15,000 orders.
    pub(crate) fn open() -> Result<Self, Failure> {
        let noisegate = Builder::new_multi_thread().thread_name(THREAD).enable_all().build()?;
        let clients = Builder::new_current_thread().enable_all().build()?;
        let options = ShopOptions::new(0.01, &policy(), "demo.toml");
        let shop = noisegate.block_on(Shop::open(options, |_| {}))?;
        Ok(Self { noisegate, clients, shop })
    }

    /// Makes sure that what is called fresh is charged, and what is called remembered is not.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.clients.block_on(async {
            let client = connect(&self.shop.client_config(USER)).await?;
            let fresh = || FRESH.replace("{}", &number().to_string());
            for (text, charges) in
                [(REMEMBERED.to_owned(), 1), (REMEMBERED.to_owned(), 1), (fresh(), 2), (fresh(), 3)]
            {
                client.simple_query(&text).await?;
                let analyst = Analyst(USER.to_owned());
                let charged = self.shop.gate.ledger.history(&analyst, 10).await?.len();
                if charged != charges {
                    return Err(format!("{charged} charges, not {charges}, after: {text}").into());
                }
            }
            Ok(())
        })
    }

    /// Fills the cells.
    pub(crate) fn measure(&self, cells: &mut [Cell], length: &Length) -> Result<(), Failure> {
        let mut shadow = self.shop.source.config(noisegate::demo::DATABASE, SHADOW_ROLE);
        shadow.password(SHADOW_ROLE);
        let sides = Sides {
            through: self.shop.client_config(USER),
            shadow,
            source: self.shop.source_config(),
        };
        self.clients.block_on(measure::all(&sides, cells, length))
    }

    /// Ends the servers.
    pub(crate) fn close(mut self) {
        self.noisegate.block_on(self.shop.close());
    }
}

/// The demo's policy with more budget, and answers that leave when they are ready.
fn policy() -> String {
    include_str!("../../budgets/demo.toml")
        .replace("\nepsilon = 10\n", "\nepsilon = 1e9\n")
        .replace("\nepsilon = 15\n", "\nepsilon = 1e9\n")
        .replace("\nepsilon = 40\n", "\nepsilon = 1e9\n")
        .replace("\"next 10ms\"", "\"at once\"")
}

/// A connection that is driven in the background.
pub(crate) async fn connect(config: &Config) -> Result<Client, Failure> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
