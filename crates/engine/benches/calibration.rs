//! Time of a calibration: `cargo bench --bench calibration`. Twice the posts should take twice the time.
//!
//! A sample calibrates the accounts of one channel, drawn once from a fixed seed.

use divan::{Bencher, counter::ItemsCount};
use mcoe_engine::calibration::{AccountHistory, Post, calibrate};
use mcoe_engine::model::{Channel, ClientId, Timestamp, Zone};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Accounts of the channel.
const ACCOUNTS: usize = 50;

/// Length of the histories in seconds: two years.
const SPAN_SECONDS: f64 = 2.0 * 365.0 * 86_400.0;

fn main() {
    divan::main();
}

#[divan::bench(args = [170, 340, 680], sample_count = 5)]
fn calibrate_fifty_accounts(bencher: Bencher, posts_each: usize) {
    let histories: Vec<AccountHistory> = (0..ACCOUNTS).map(|account| history(account, posts_each)).collect();
    bencher.counter(ItemsCount::new(ACCOUNTS * posts_each)).bench(|| calibrate(&histories));
}

fn history(account: usize, posts: usize) -> AccountHistory {
    let mut rng = ChaCha8Rng::seed_from_u64(account as u64);
    let post = |_| Post {
        at: Timestamp::from_second(1_700_000_000 + (rng.random::<f64>() * SPAN_SECONDS) as i64),
        content_type: Some(if rng.random::<bool>() { "photo" } else { "link" }.into()),
        engagements: Some((100.0 * (rng.random::<f64>() + rng.random::<f64>() + rng.random::<f64>())).floor()),
    };
    let posts = (0..posts).map(post).collect();
    AccountHistory::new(ClientId::new(format!("account-{account:02}")), Channel::Ig, Zone::utc(), posts)
}
