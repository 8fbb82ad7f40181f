//! The numbers that a scenario sets for limits, in the ledger.

use std::collections::BTreeSet;

use mcoe::model::{Channel, LimitNumber, LimitNumbers, NumbersPlace, NumbersScope};
use mcoe::scenario;

use super::{FRIDAY, workspace};
use crate::support::{Agency, TestDatabase, at, compiled, default_pack, on_both};

on_both! {
    async fn numbers_of_limits_survive_a_round_trip_and_are_replaced(database: &TestDatabase) {
        let ledger = database.ledger().await;
        let mut files = default_pack();
        let limits = "[shop_day]\nat_most = 4\nper = [\"client\", \"day\"]\n[week_share]\nat_least_share = 0.1\n\
                      where.channels = [\"fb\"]\n";
        files.insert("limits.toml".to_owned(), limits.to_owned());
        let rules = compiled(files);
        let shop = Agency::starting("2026-W37").with_client("shop", "Europe/London", &[Channel::Fb, Channel::X]);
        let mut scenario = shop.scenario();
        let numbers = |limit: &str, scope, bound, price| LimitNumbers {
            limit: limit.into(),
            scope,
            bound,
            price,
            place: NumbersPlace::default(),
        };
        let first = vec![
            numbers("shop_day", NumbersScope::Workspace, Some(LimitNumber::AtMost(3.0)), None),
            numbers("shop_day", NumbersScope::Client, Some(LimitNumber::AtMost(2.0)), Some(40.0)),
            numbers("week_share", NumbersScope::Client, Some(LimitNumber::AtLeastShare(0.25)), None),
        ];
        let second = vec![numbers("shop_day", NumbersScope::Client, None, Some(5.0))];
        let mut hashes = BTreeSet::new();
        for expected in [first, second, Vec::new()] {
            scenario.clients[0].0.limit_numbers = expected.clone();
            ledger.load(&scenario, &rules, at(FRIDAY)).await.unwrap();
            let stored = ledger.scenario(&workspace("of-shop"), scenario.start).await.unwrap();
            assert_eq!(stored.clients[0].0.limit_numbers, expected);
            let id = stored.clients[0].0.id.clone();
            let alone = ledger.client_scenario(&workspace("of-shop"), &id, scenario.start).await.unwrap();
            assert_eq!(alone.clients[0].0.limit_numbers, expected);
            let dir = tempfile::tempdir().unwrap();
            for (name, bytes) in scenario::render(&scenario::files_of(&stored)).unwrap() {
                std::fs::write(dir.path().join(name), bytes).unwrap();
            }
            let (exported, _) = scenario::read_under(dir.path(), &rules).unwrap();
            assert_eq!(exported.clients[0].0.limit_numbers, expected);
            assert_eq!(dir.path().join("limits.csv").exists(), !expected.is_empty());
            hashes.insert(stored.hash);
        }
        assert_eq!(hashes.len(), 3, "the scenario's hash covers the numbers");
    }
}
