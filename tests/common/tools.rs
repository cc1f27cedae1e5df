//! Programs of others that tests run, put below `target` by the first run that needs them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of this name, and a lock on it: several runs may want to fill it at once.
pub(crate) fn folder(name: &str) -> (PathBuf, File) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(target).expect("a folder");
    let lock = File::create(target.join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("a lock");
    (target.join(name), lock)
}

/// The programs of a virtual environment of Python with what these lines, as pip reads them, require.
pub(crate) fn python(name: &str, required: &str) -> PathBuf {
    let (venv, _lock) = folder(name);
    let programs = venv.join("bin");
    let (python, stamp) = (programs.join("python"), venv.join("installed.txt"));
    let runs = Command::new(&python).arg("--version").output();
    let is_there = runs.is_ok_and(|output| output.status.success())
        && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == required);
    if !is_there {
        install(name, Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        let list = venv.join("required.txt");
        std::fs::write(&list, required).expect("a list");
        // Nothing is built, so no package's own program runs before its tests do.
        let pip = ["-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--requirement"];
        install(name, Command::new(&python).args(pip).arg(&list));
        std::fs::write(&stamp, required).expect("a stamp");
    }
    programs
}

fn install(name: &str, command: &mut Command) {
    let output = command.output();
    let said = output.as_ref().map_or_else(ToString::to_string, |output| {
        String::from_utf8_lossy(&output.stderr).into_owned()
    });
    assert!(
        output.is_ok_and(|output| output.status.success()),
        "{name} is needed for this test and could not be installed (python3 with venv and pip, \
         and a package index, are needed): {said}"
    );
}
