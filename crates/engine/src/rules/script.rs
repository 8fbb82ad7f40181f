//! The script engine: what scripts can use, and their resource limits.
//!
//! Scripts receive read-only views and have no I/O, imports, clock or randomness. Operations, depth and size are
//! limited. Since every operation is short, the limit on operations also bounds time; unlike a timeout, it stops a
//! script at the same point on every machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage,
    BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Dynamic, Engine, EvalAltResult, FuncRegistration, ImmutableString, NativeCallContext, OptimizationLevel};

use super::arithmetic;
use super::facts::{AssetFacts, ChannelFacts, ClientFacts, Facts, PostFacts, ScriptView};
use crate::model::Outcome;

/// The verdict that a guardrail's function returns.
#[derive(Debug, Clone)]
pub(super) struct ScriptVerdict {
    pub outcome: Outcome,
    pub reason: ImmutableString,
    pub remedy: ImmutableString,
    /// Line in the concatenated scripts.
    pub line: usize,
}

/// A guardrail's own parameters, which it reads as `ctx.params`.
#[derive(Clone)]
pub(super) struct Params(pub(super) Arc<BTreeMap<String, f64>>);

/// `ctx` as a script holds it: the channel's week and the guardrail's parameters.
#[derive(Clone)]
pub(super) struct ScriptContext {
    pub facts: Arc<ChannelFacts>,
    pub params: Arc<BTreeMap<String, f64>>,
}

/// The functions that make a guardrail's verdict, with their parameters.
pub(super) const VERDICTS: [(&str, &[&str]); 3] =
    [("pass", &[]), ("warn", &["reason", "remedy"]), ("block", &["reason", "remedy"])];

/// The property of `ctx` that holds a guardrail's own parameters.
pub(super) const PARAMS: &str = "params";

const MAX_OPERATIONS: u64 = 200_000;
const MAX_CALL_LEVELS: usize = 16;
const MAX_STRING: usize = 4096;
const MAX_ARRAY: usize = 4096;
const MAX_MAP: usize = 256;
const MAX_VARIABLES: usize = 64;
const MAX_FUNCTIONS: usize = 256;
const MAX_DEPTH_GLOBAL: usize = 64;
const MAX_DEPTH_FUNCTION: usize = 32;
const MAX_STRINGS_INTERNED: usize = 1024;

/// An engine with only those functions that rules may use.
pub(super) fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    for package in [
        ArithmeticPackage::new().as_shared_module(),
        BasicStringPackage::new().as_shared_module(),
        MoreStringPackage::new().as_shared_module(),
        BasicIteratorPackage::new().as_shared_module(),
        BasicFnPackage::new().as_shared_module(),
        LogicPackage::new().as_shared_module(),
        BasicMathPackage::new().as_shared_module(),
        BasicArrayPackage::new().as_shared_module(),
        BasicMapPackage::new().as_shared_module(),
    ] {
        engine.register_global_module(package);
    }
    arithmetic::register(&mut engine);
    for keyword in ["eval", "print", "debug"] {
        engine.disable_symbol(keyword);
    }
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    engine.set_allow_shadowing(false);
    engine.set_allow_anonymous_fn(false);
    engine.set_optimization_level(OptimizationLevel::Simple);
    engine.set_max_strings_interned(MAX_STRINGS_INTERNED);
    set_limits(&mut engine);
    register_channel(&mut engine);
    register_view::<PostFacts>(&mut engine);
    register_view::<AssetFacts>(&mut engine);
    register_view::<ClientFacts>(&mut engine);
    register_verdicts(&mut engine);
    engine
}

fn set_limits(engine: &mut Engine) {
    engine
        .set_max_operations(MAX_OPERATIONS)
        .set_max_call_levels(MAX_CALL_LEVELS)
        .set_max_expr_depths(MAX_DEPTH_GLOBAL, MAX_DEPTH_FUNCTION)
        .set_max_variables(MAX_VARIABLES)
        .set_max_functions(MAX_FUNCTIONS)
        .set_max_string_size(MAX_STRING)
        .set_max_array_size(MAX_ARRAY)
        .set_max_map_size(MAX_MAP);
}

fn register_view<T: Facts>(engine: &mut Engine) {
    engine.register_type_with_name::<ScriptView<T>>(T::PARAMETER);
    for field in T::fields() {
        engine.register_get(field.name, |view: &mut ScriptView<T>| (field.get)(&view.0).to_dynamic());
    }
}

fn register_channel(engine: &mut Engine) {
    engine.register_type_with_name::<ScriptContext>(ChannelFacts::PARAMETER);
    for field in ChannelFacts::fields() {
        engine.register_get(field.name, |view: &mut ScriptContext| (field.get)(&view.facts).to_dynamic());
    }
    engine.register_get(PARAMS, |view: &mut ScriptContext| Params(Arc::clone(&view.params)));
    engine.register_type_with_name::<Params>(PARAMS);
    engine.register_indexer_get(|params: &mut Params, name: ImmutableString| -> Result<Dynamic, Box<EvalAltResult>> {
        match params.0.get(name.as_str()) {
            Some(number) => Ok((*number).into()),
            None => Err(format!("`{name}` is not among this guardrail's params").into()),
        }
    });
}

fn register_verdicts(engine: &mut Engine) {
    engine.register_type_with_name::<ScriptVerdict>("verdict");
    let verdict = |context: &NativeCallContext<'_>, outcome, reason, remedy| ScriptVerdict {
        outcome,
        reason,
        remedy,
        line: context.call_position().line().unwrap_or(0),
    };
    let empty = ImmutableString::new;
    // Volatile, so that the optimizer does not evaluate the calls at compile time.
    FuncRegistration::new("pass")
        .with_volatility(true)
        .register_into_engine(engine, move |context: NativeCallContext<'_>| {
            verdict(&context, Outcome::Pass, empty(), empty())
        });
    FuncRegistration::new("warn").with_volatility(true).register_into_engine(
        engine,
        move |context: NativeCallContext<'_>, reason: ImmutableString, remedy: ImmutableString| {
            verdict(&context, Outcome::Warn, reason, remedy)
        },
    );
    FuncRegistration::new("block").with_volatility(true).register_into_engine(
        engine,
        move |context: NativeCallContext<'_>, reason: ImmutableString, remedy: ImmutableString| {
            verdict(&context, Outcome::Block, reason, remedy)
        },
    );
    engine.register_fn("percent", |share: f64| ImmutableString::from(format!("{:.0} %", share * 100.0)));
    engine.register_fn("fixed", |number: f64, digits: i64| {
        let digits = usize::try_from(digits.clamp(0, 9)).unwrap_or(0);
        ImmutableString::from(format!("{number:.digits$}"))
    });
    engine.register_fn("clamp", |number: f64, low: f64, high: f64| number.max(low).min(high));
}
