//! Stands between a client of PostgreSQL and the server, and fails as a network does.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// What happens to all connections that are open.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    Go,
    /// Both ends are closed.
    Cut,
    /// The server's end is closed, and the client is left without a word for so long.
    ServerGone(Duration),
    /// The client's end is closed, and the server is not told for so long.
    ClientGone(Duration),
    /// Nothing gets through for so long, and then both ends are closed.
    Silent(Duration),
}

pub(crate) struct Between {
    pub(crate) port: u16,
    orders: watch::Sender<Order>,
    pass: Arc<Pass>,
}

#[derive(Default)]
struct Pass {
    /// The next commit reaches the server, and its answer reaches nobody.
    swallow: AtomicBool,
    swallowed: AtomicU64,
    /// For how long nobody gets through afterwards.
    then_away_ms: AtomicU64,
    away_until: Mutex<Option<Instant>>,
}

impl Between {
    pub(crate) async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let orders = watch::Sender::new(Order::Go);
        let it = Self { port, orders: orders.clone(), pass: Arc::default() };
        let pass = Arc::clone(&it.pass);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if pass.is_away() {
                    continue;
                }
                // From here on it hears of orders; those from before were for others.
                let heard = orders.subscribe();
                let (pass, socket) = (Arc::clone(&pass), socket.clone());
                tokio::spawn(async move {
                    if let Ok(server) = UnixStream::connect(socket).await {
                        pass.along(client, server, heard).await;
                    }
                });
            }
        });
        it
    }

    /// Orders the connections that are open; how many there were.
    pub(crate) fn order(&self, order: Order) -> usize {
        let count = self.orders.receiver_count();
        self.orders.send_replace(order);
        count
    }

    /// The answer to the next commit gets lost, and then nobody gets through for a while.
    pub(crate) fn swallow(&self, then_away: Duration) {
        let ms = u64::try_from(then_away.as_millis()).expect("a short while");
        self.pass.then_away_ms.store(ms, Ordering::SeqCst);
        self.pass.swallow.store(true, Ordering::SeqCst);
    }

    /// How many answers to commits got lost.
    pub(crate) fn swallowed(&self) -> u64 {
        self.pass.swallowed.load(Ordering::SeqCst)
    }
}

impl Pass {
    fn is_away(&self) -> bool {
        let until = *self.away_until.lock().expect("no poison");
        until.is_some_and(|until| Instant::now() < until)
    }

    async fn along(
        &self,
        mut client: TcpStream,
        mut server: UnixStream,
        mut orders: watch::Receiver<Order>,
    ) {
        let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
        loop {
            tokio::select! {
                _ = orders.changed() => {
                    let order = *orders.borrow();
                    // So that it is not counted among the open ones.
                    drop(orders);
                    return obey(order, client, server).await;
                }
                read = client.read(&mut asked) => {
                    let Ok(length @ 1..) = read else { return };
                    let Some(words) = asked.get(..length) else { return };
                    if server.write_all(words).await.is_err() {
                        return;
                    }
                    if commits(words) && self.swallow.swap(false, Ordering::SeqCst) {
                        return self.swallow_answer(&mut server, &mut answered).await;
                    }
                }
                read = server.read(&mut answered) => {
                    let Ok(length @ 1..) = read else { return };
                    let Some(words) = answered.get(..length) else { return };
                    if client.write_all(words).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Waits until the server has committed, and tells nobody.
    async fn swallow_answer(&self, server: &mut UnixStream, answered: &mut [u8]) {
        let away = Duration::from_millis(self.then_away_ms.load(Ordering::SeqCst));
        *self.away_until.lock().expect("no poison") = Some(Instant::now() + away);
        let mut words = Vec::new();
        while !commits(&words) {
            let Ok(length @ 1..) = server.read(answered).await else { return };
            words.extend_from_slice(answered.get(..length).unwrap_or_default());
        }
        self.swallowed.fetch_add(1, Ordering::SeqCst);
    }
}

/// Whether the words hold the command to commit, or the answer that it was done.
fn commits(words: &[u8]) -> bool {
    words.windows(7).any(|word| word == b"COMMIT\0")
}

async fn obey(order: Order, client: TcpStream, server: UnixStream) {
    match order {
        Order::Go | Order::Cut => {}
        Order::ServerGone(time) => {
            drop(server);
            tokio::time::sleep(time).await;
        }
        Order::ClientGone(time) => {
            drop(client);
            tokio::time::sleep(time).await;
        }
        Order::Silent(time) => tokio::time::sleep(time).await,
    }
}
