//! scratch
#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().with_env_filter(std::env::var("RUST_LOG").unwrap_or("noisegate=debug".into())).init();
    let name = std::env::args().nth(1).unwrap_or("budgets/demo.toml".into());
    let scale: f64 = std::env::args().nth(2).map(|s| s.parse().unwrap()).unwrap_or(0.01);
    let mut options = noisegate::demo::ShopOptions::new(scale, &std::fs::read_to_string(&name).unwrap(), &name);
    options.listen = "127.0.0.1:6432".parse().unwrap();
    options.log_statements = true;
    let mut shop = noisegate::demo::Shop::open(options, |_| {}).await.unwrap();
    eprintln!("open at {}; source log {:?} socket {:?} port {}", shop.address, shop.source.log_path(), shop.source.socket_dir(), shop.source.port());
    tokio::signal::ctrl_c().await.unwrap();
    shop.close().await;
}
