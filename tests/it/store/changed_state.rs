//! What a plan was made from is compared with the ledger before the plan is committed.

use mcoe::model::{Channel, Client, ClientState, Scenario};
use mcoe::store::StoreError;

use super::{FRIDAY, commit, rules, workspace};
use crate::support::{Agency, TestDatabase, at, on_both, plan};

/// A shop whose client is changed.
fn shop_with(change: impl FnOnce(&mut Client, &mut ClientState)) -> Scenario {
    Agency::starting("2026-W37").with_client("shop", "Europe/London", &[Channel::Fb]).edit_last(change).scenario()
}

on_both! {
    async fn a_plan_is_refused_once_anything_that_planning_reads_has_changed(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        let shop = shop_with(|_, _| {});
        ledger.load(&shop, &rules, at(FRIDAY)).await.unwrap();
        let scenario = ledger.scenario(&workspace("of-shop"), shop.start).await.unwrap();
        let plan = plan(&rules, &scenario);
        let mut fewer_reviewers = shop.clone();
        fewer_reviewers.capacity.reviewers = 1;
        let changed = [
            (shop_with(|client, _| client.tags = vec!["b2b".into()]), "  client `shop`: its tags"),
            (shop_with(|client, _| client.industry = "coffee shop".into()), "  client `shop`: its industry"),
            (fewer_reviewers, "  workspace `of-shop`: its review capacity was 120 posts a day and is now 60"),
        ];
        for (changed, line) in changed {
            ledger.load(&changed, &rules, at(FRIDAY)).await.unwrap();
            let Err(StoreError::StateChanged(changes)) = commit(&ledger, &rules, &scenario, &plan, "ann").await else {
                panic!("the plan was accepted in spite of {line}");
            };
            assert_eq!(changes, [line]);
        }
        // What only pages show may change.
        let renamed = shop_with(|client, _| client.name = "The Tea Shop".into());
        ledger.load(&renamed, &rules, at(FRIDAY)).await.unwrap();
        assert!(commit(&ledger, &rules, &scenario, &plan, "ann").await.unwrap().is_new);
    }
}
