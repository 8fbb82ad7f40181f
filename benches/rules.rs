//! Time of rules: `cargo bench --bench rules`. Loads and compiles the default pack, evaluates a guardrail with and
//! without the cache, and makes the same decision in another engine (CEL, with the crate `cel`) and in Rust.

#![allow(clippy::expect_used, clippy::panic, reason = "a bench that cannot be set up stops")]

use std::cell::Cell;
use std::sync::Arc;

use divan::Bencher;
use mcoe::rules::{self, ChannelFacts, CompiledRules, Evaluator, PostFacts};

#[path = "support/world.rs"]
mod world;

fn main() {
    divan::main();
}

#[divan::bench]
fn load_the_default_pack(bencher: Bencher) {
    bencher.with_inputs(world::pack).bench_values(|files| rules::load(files).is_ok());
}

#[divan::bench]
fn compile_the_default_pack(bencher: Bencher) {
    let pack = rules::load(world::pack()).expect("the default pack is valid");
    bencher.with_inputs(|| pack.clone()).bench_values(|pack| CompiledRules::compile(pack).is_ok());
}

fn facts() -> (Arc<PostFacts>, Arc<ChannelFacts>) {
    let channel = ChannelFacts {
        client: "bakery".into(),
        workspace: "north".into(),
        industry: "food".into(),
        status: "active".into(),
        channel: "fb".into(),
        client_priority: 50.0,
        audience: 10_000.0,
        engagement_rate: 0.03,
        has_history: true,
        fatigue: 0.2,
        momentum: 0.5,
        visibility: 0.5,
        engagement: 0.5,
        hours_since_last_post: 30.0,
        posts_last_7_days: 5,
        posts_last_30_days: 20,
        weekly_posts: 5,
        min_spacing_hours: 4,
        warn_at: 0.5,
        block_at: 0.8,
        high_warnings: 0,
        medium_warnings: 0,
        pause_on_high_warning: true,
        agent_enabled: true,
        auto_exec_enabled: true,
        max_actions_per_day: 10,
        assessed: true,
        perceived: 0.6,
        true_score: 0.6,
        reality_gap: 0.05,
        reality_confidence: 0.9,
        ..ChannelFacts::default()
    };
    let post = PostFacts {
        hour: 9,
        weekday: 1,
        is_best_hour: true,
        fatigue: 0.3,
        expected_engagement: 250.0,
        has_asset: true,
        asset_score: 88.0,
        asset_kind: "photo".into(),
        has_content: true,
        campaign: "".into(),
        action_of_day: 2,
        hours_to_nearest_post: 24.0,
        warnings: 0,
        ..PostFacts::default()
    };
    (Arc::new(post), Arc::new(channel))
}

#[divan::bench(args = ["early_warning", "channel_fatigue", "policy_compliance", "truth_layer", "timing_conflict"])]
fn an_uncached_guardrail(bencher: Bencher, name: &str) {
    let rules = world::compiled();
    let base = rules.base();
    let guardrail = base.guardrails.iter().find(|guardrail| &*guardrail.name == name).expect("a default guardrail");
    let (post, channel) = facts();
    let mut evaluator: Evaluator = rules.evaluator(None);
    let input_count = Cell::new(0_u32);
    bencher
        .with_inputs(|| {
            // A field that each guardrail reads changes with every call, so the cache never hits.
            input_count.set(input_count.get() + 1);
            let step = f64::from(input_count.get()) * 1e-9;
            let post = PostFacts { fatigue: 0.3 + step, hours_to_nearest_post: 24.0 + step, ..(*post).clone() };
            let channel = ChannelFacts {
                reality_gap: 0.05 + step,
                max_actions_per_day: 10 + i64::from(input_count.get()),
                medium_warnings: -i64::from(input_count.get()),
                ..(*channel).clone()
            };
            (Arc::new(post), Arc::new(channel))
        })
        .bench_local_values(|(post, channel)| evaluator.guardrail(guardrail, Some(&post), &channel).is_ok());
}

/// The decision of `channel_fatigue`, without its messages, for values of fatigue that never repeat.
mod the_same_decision {
    use std::hint::black_box;

    use cel::{Context, Program, Value};
    use divan::Bencher;

    const FATIGUES: u32 = 4096;

    fn fatigues() -> impl Iterator<Item = f64> {
        (0..FATIGUES).map(|step| f64::from(step) / f64::from(FATIGUES))
    }

    #[divan::bench(args = ["channel_fatigue"])]
    fn in_mcoe(bencher: Bencher, name: &str) {
        let rules = super::world::compiled();
        let base = rules.base();
        let guardrail = base.guardrails.iter().find(|guardrail| &*guardrail.name == name).expect("a default guardrail");
        let (post, channel) = super::facts();
        let posts: Vec<_> =
            fatigues().map(|fatigue| std::sync::Arc::new(super::PostFacts { fatigue, ..(*post).clone() })).collect();
        bencher
            .counter(divan::counter::ItemsCount::new(posts.len()))
            .with_inputs(|| rules.evaluator(None))
            .bench_local_refs(|evaluator| {
                posts.iter().filter(|post| evaluator.guardrail(guardrail, Some(post), &channel).is_ok()).count()
            });
    }

    #[divan::bench]
    fn in_cel(bencher: Bencher) {
        let text = "fatigue >= block_at ? 'block' : (fatigue >= warn_at ? 'warn' : 'pass')";
        let program = Program::compile(text).expect("the expression is valid");
        let fatigues: Vec<f64> = fatigues().collect();
        let mut thresholds = Context::default();
        thresholds.add_variable_from_value("warn_at", 0.5);
        thresholds.add_variable_from_value("block_at", 0.8);
        bencher.counter(divan::counter::ItemsCount::new(fatigues.len())).bench_local(|| {
            let decide = |fatigue: &&f64| {
                // Only the variable that changes is set again, as an experienced user of CEL would do.
                let mut context = thresholds.new_inner_scope();
                context.add_variable_from_value("fatigue", **fatigue);
                matches!(program.execute(&context), Ok(Value::String(_)))
            };
            let decided = fatigues.iter().filter(decide).count();
            assert_eq!(decided, fatigues.len(), "every decision is a text");
        });
    }

    #[divan::bench]
    fn in_rust(bencher: Bencher) {
        let fatigues: Vec<f64> = fatigues().collect();
        bencher.counter(divan::counter::ItemsCount::new(fatigues.len())).bench_local(|| {
            let decide = |fatigue: f64, warn_at: f64, block_at: f64| match fatigue {
                _ if fatigue >= block_at => "block",
                _ if fatigue >= warn_at => "warn",
                _ => "pass",
            };
            let blocks = |fatigue: &&f64| decide(black_box(**fatigue), black_box(0.5), black_box(0.8)) == "block";
            fatigues.iter().filter(blocks).count()
        });
    }
}

#[divan::bench]
fn a_cached_guardrail(bencher: Bencher) {
    let rules = world::compiled();
    let base = rules.base();
    let guardrail = base.guardrails.first().expect("a default guardrail");
    let (post, channel) = facts();
    let mut evaluator = rules.evaluator(None);
    bencher.bench_local(|| evaluator.guardrail(guardrail, Some(&post), &channel).is_ok());
}
