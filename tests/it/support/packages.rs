//! Debian's packages that tests need: installed where they are missing and may be.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Whether the tests run as root.
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// One installation at a time: the packages' database has one lock.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs packages, as far as that is possible.
pub fn install(packages: &[&str]) {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let sudo: &[&str] = if is_root() { &[] } else { &["sudo", "-n"] };
    // Somebody else on the machine may be installing, too.
    let patience = "DPkg::Lock::Timeout=300";
    let install = [&["install", "-y", "--no-install-recommends", "-o", patience][..], packages].concat();
    for arguments in [&["update"][..], &install] {
        let line: Vec<&str> = sudo.iter().chain(&["apt-get"]).chain(arguments).copied().collect();
        let (program, rest) = line.split_first().unwrap();
        let mut command = Command::new(program);
        // What did not work is told by whoever looks for what was to be installed.
        let _ = command.args(rest).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null()).status();
    }
}

/// Where a program is that some packages bring.
pub fn installed_by(program: &str, packages: &[&str]) -> PathBuf {
    find(program).unwrap_or_else(|| {
        install(packages);
        find(program)
            .unwrap_or_else(|| panic!("`{program}` is not there and cannot be installed: install {packages:?}"))
    })
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
