//! The command line as its users meet it: the real binary, in a folder of its own.

mod backtest;
mod check;
mod compare;
mod explain;
mod folders;
mod hostile_files;
mod impact;
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
mod words;
