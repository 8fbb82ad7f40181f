//! The Python package: built from the checkout into a virtual environment of its own, and tested there by its own tests.
//!
//! The environment stays in the target folder, as a cache.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{find_in_path, find_or_install, install as install_packages, project};

/// The virtual environment, in the target folder.
fn environment() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("python")
}

/// The libraries that the package's tests use, as its `pyproject.toml` lists them, and what builds it.
fn requirements() -> Vec<String> {
    let text = std::fs::read_to_string(project("bindings/python/pyproject.toml")).unwrap();
    let settings: toml::Table = text.parse().unwrap();
    let lists = [&settings["build-system"]["requires"], &settings["project"]["optional-dependencies"]["test"]];
    let texts = lists.into_iter().flat_map(|list| list.as_array().unwrap());
    texts.map(|requirement| requirement.as_str().unwrap().to_owned()).collect()
}

fn run(command: &mut Command) -> Output {
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PIP_DISABLE_PIP_VERSION_CHECK", "1").output().unwrap()
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

/// Creates the environment with everything but the package itself.
///
/// # Errors
/// Why that is not possible on this machine.
fn prepare() -> Result<(), String> {
    let python = find_or_install("python3", &["python3", "python3-venv"]);
    let version = run(Command::new(&python).args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]));
    if !version.status.success() {
        return Err("python3 is older than 3.10".to_owned());
    }
    if !environment().join("bin/pip").is_file() {
        let create = || run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(environment()));
        if !create().status.success() {
            install_packages(&["python3-venv"]);
            let created = create();
            if !created.status.success() {
                return Err(format!("python3 cannot create a virtual environment: {}", text_of(&created)));
            }
        }
    }
    let pip = environment().join("bin/pip");
    let installed = run(Command::new(pip).args(["install", "--quiet", "--retries", "2"]).args(requirements()));
    if installed.status.success() { Ok(()) } else { Err(format!("PyPI: {}", text_of(&installed))) }
}

/// Builds the package, without optimisation, and installs it.
fn install() {
    let options = ["install", "--quiet", "--no-build-isolation", "--no-deps", "--force-reinstall"];
    let path = std::env::var("PATH").unwrap_or_default();
    let installed = run(Command::new(environment().join("bin/pip"))
        .args(options)
        .arg("--config-settings=build-args=--profile dev --locked")
        .arg(project("bindings/python"))
        .env("PATH", format!("{}:{path}", environment().join("bin").display())));
    assert!(installed.status.success(), "{}", text_of(&installed));
}

/// Runs a program of the environment in the package's folder.
fn assert_passes(program: &str, arguments: &[&str]) {
    let done = run(Command::new(environment().join("bin").join(program))
        .args(arguments)
        .current_dir(project("bindings/python"))
        .env("MCOE", env!("CARGO_BIN_EXE_mcoe")));
    assert!(done.status.success(), "{}", text_of(&done));
}

#[test]
fn the_python_package_passes_its_tests_and_its_types_are_right() {
    if let Err(reason) = prepare() {
        eprintln!("skipped: the tests of the Python package need Python 3.10 with venv, and PyPI: {reason}");
        return;
    }
    // Without Java, the tests on Spark say that they are skipped.
    if find_in_path("java").is_none() {
        install_packages(&["default-jre-headless"]);
    }
    install();
    assert_passes("python", &["-m", "pytest", "--quiet"]);
    assert_passes("mypy", &["--cache-dir=/dev/null"]);
}
