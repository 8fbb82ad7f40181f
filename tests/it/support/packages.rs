//! Installs the Debian packages that tests need, if they are missing and the user has the right to.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Whether the tests run as root.
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// Held during an installation, because the package database allows only one at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Tries to install packages. Does not report a failure: the caller finds that a program is missing.
pub fn install(packages: &[&str]) {
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let sudo: &[&str] = if is_root() { &[] } else { &["sudo", "-n"] };
    // Waits for other processes that are installing packages.
    let lock_timeout = "DPkg::Lock::Timeout=300";
    let install = [&["install", "-y", "--no-install-recommends", "-o", lock_timeout][..], packages].concat();
    for arguments in [&["update"][..], &install] {
        let command_line: Vec<&str> = sudo.iter().chain(&["apt-get"]).chain(arguments).copied().collect();
        let (program, command_arguments) = command_line.split_first().unwrap();
        let mut command = Command::new(program);
        let _ = command.args(command_arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null()).status();
    }
}

/// The path of a program. If it is missing, its packages are installed.
pub fn find_or_install(program: &str, packages: &[&str]) -> PathBuf {
    find_in_path(program).unwrap_or_else(|| {
        install(packages);
        find_in_path(program)
            .unwrap_or_else(|| panic!("`{program}` is missing and could not be installed: install {packages:?}"))
    })
}

/// The path of a program; `None` if it is missing.
pub fn find_in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
