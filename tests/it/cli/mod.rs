//! The command line: the real binary, in a separate folder.

mod arguments;
mod backtest;
mod calibrate;
mod check;
mod compare;
mod compare_scenarios;
mod explain;
mod folders;
mod hostile_files;
mod impact;
mod limits;
mod plan;
mod rules;
mod rules_fmt;
mod rules_sweep;
mod rules_test;
mod rules_verify;
mod simulate;
mod sources;
mod unlikely_values;
mod watch;
