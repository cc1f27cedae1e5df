//! Plain PostgreSQL: each charge is one `UPDATE … RETURNING` of the account, durable by itself.

use noisegate::demo::Cluster;
use tokio_postgres::{Config, NoTls};

use super::Running;

pub(crate) async fn prepare(server: &Cluster) {
    let (client, connection) = server.config("postgres", "postgres").connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "CREATE TABLE hot (id text PRIMARY KEY, spent bigint) WITH (fillfactor = 50);
               INSERT INTO hot VALUES ('shop', 0)";
    client.batch_execute(sql).await.unwrap();
}

pub(crate) async fn run(config: Config, running: Running) {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "UPDATE hot SET spent = spent + 1 WHERE id = 'shop' AND spent < 1000000000000
               RETURNING spent";
    let statement = client.prepare(sql).await.unwrap();
    while !running.stopped() {
        client.query_one(&statement, &[]).await.unwrap();
        running.did();
    }
}
