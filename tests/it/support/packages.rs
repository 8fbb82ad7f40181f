//! Debian packages that tests need: installed if they are missing and the user has the right to.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Whether the tests run as root.
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// One installation at a time: the package database has one lock.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs packages, as far as that is possible.
pub fn install(packages: &[&str]) {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let sudo: &[&str] = if is_root() { &[] } else { &["sudo", "-n"] };
    // Another process may be installing packages, too.
    let patience = "DPkg::Lock::Timeout=300";
    let install = [&["install", "-y", "--no-install-recommends", "-o", patience][..], packages].concat();
    for arguments in [&["update"][..], &install] {
        let line: Vec<&str> = sudo.iter().chain(&["apt-get"]).chain(arguments).copied().collect();
        let (program, rest) = line.split_first().unwrap();
        let mut command = Command::new(program);
        // A failure is reported by the caller that needs the package.
        let _ = command.args(rest).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null()).status();
    }
}

/// The path of a program that comes with some packages.
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
