//! What an administrator who is new to noisegate has to do, in a shell, beside a proxy.

use std::path::Path;
use std::process::Command;

use noisegate::demo::Options;

use super::operator::{Operator, Ran, Running};
use super::{serving, stopped};

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_does_the_four_tasks_by_help_alone() {
    let operator = Operator::with_shop(Options::default()).await;
    let ran = operator.run(&["init", "--harden-source"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for name in ["alice", "bob"] {
        assert_eq!(operator.run_with_input(&["user", "add", name], name).code, Some(0));
    }
    let (proxy, address): (Running, _) = serving(&operator);
    let programs = Path::new(env!("CARGO_BIN_EXE_noisegate")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut script = Command::new("bash");
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tasks.sh"));
    script.env("PATH", path).env("NOISEGATE_POLICY", operator.policy());
    script.env("PGHOST", address.ip().to_string()).env("PGPORT", address.port().to_string());
    script.env("PGDATABASE", "shop").env("LC_ALL", "C.UTF-8").env_remove("PGUSER");
    let ran: Ran = script.current_dir(operator.folder.path()).output().unwrap().into();
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.errors);
    assert!(ran.out.ends_with("all four tasks are done\n"), "{}", ran.out);
    stopped(proxy);
}
