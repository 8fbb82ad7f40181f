//! Evaluates the functions that a pack's scripts define. Where a pack lacks an optional one, its TOML values apply.
//!
//! A script is a pure function of the fields it reads, which are known from its source. Its results are therefore
//! memoized by the values of those fields.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rhai::{CallFnOptions, Dynamic, EvalAltResult, FuncArgs, Map, Position, Scope};

use super::compile::{Function, Scripts};
use super::facts::{AssetFacts, ChannelFacts, ClientFacts, Fact, Facts, Field, PostFacts, ScriptView};
use super::hooks::{CONFIDENCE, HOOKS, HOUR_WEIGHTS, SCORE_ASSET, SIGNAL_MATRIX, WEEKLY_POSTS};
use super::hour_weights::{self, HourWeights, finite_number};
use super::script::{ScriptContext, ScriptVerdict};
use super::script_syntax::lowercase_first;
use super::{GuardrailRules, GuardrailScope};
use crate::diagnostic::SourceLocation;
use crate::model::{Outcome, Verdict};

/// The failure of a function of the pack, or its invalid result; either stops the run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{location}: `{function}` failed: {cause}\n  remedy: {remedy}")]
pub struct RuleFailure {
    /// Location of the error in the pack, or of the function if the error has no position.
    pub location: SourceLocation,
    /// Name of the function that the engine called.
    pub function: String,
    /// What went wrong.
    pub cause: String,
    /// How to fix it.
    pub remedy: String,
}

/// Returns the elapsed time. The engine never reads a clock itself; a caller that wants to measure the time spent in
/// rules passes a stopwatch in, which has no effect on results.
pub type Stopwatch = fn() -> Duration;

/// How often rules were evaluated, and how long it took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleUse {
    /// Number of evaluations requested.
    pub requested: u64,
    /// Number of those that ran a script; the others were answered from the cache.
    pub executed: u64,
    /// Time spent, cache hits included; zero without a stopwatch.
    pub time: Duration,
}

impl RuleUse {
    /// Adds the usage of another worker.
    #[must_use]
    pub fn plus(self, other: RuleUse) -> Self {
        Self {
            requested: self.requested + other.requested,
            executed: self.executed + other.executed,
            time: self.time + other.time,
        }
    }
}

/// Number of cached results of one function at which its cache is cleared.
const CACHE_SIZE: usize = 1 << 14;

/// Evaluates one pack's scripts. Since it caches results, each worker needs its own.
pub struct Evaluator {
    scripts: Arc<Scripts>,
    scope: Scope<'static>,
    /// One cache for each function of the pack, by name.
    caches: HashMap<String, ResultCache>,
    used: RuleUse,
    stopwatch: Option<Stopwatch>,
    /// The cache key of the current evaluation; a field so that its memory is reused.
    key: Vec<Fact>,
}

/// The fields that one function reads, and its cached results.
struct ResultCache {
    channel: Vec<&'static Field<ChannelFacts>>,
    post: Vec<&'static Field<PostFacts>>,
    asset: Vec<&'static Field<AssetFacts>>,
    client: Vec<&'static Field<ClientFacts>>,
    results: HashMap<Box<[Fact]>, CachedResult>,
}

#[derive(Clone)]
enum CachedResult {
    Number(f64),
    Numbers(Arc<[f64]>),
    Hours(HourWeights),
    Verdict(Arc<Verdict>),
}

fn read_fields<T: Facts>(reads: &std::collections::BTreeSet<String>) -> Vec<&'static Field<T>> {
    T::fields().iter().filter(|field| reads.contains(field.name)).collect()
}

impl Evaluator {
    pub(super) fn new(scripts: Arc<Scripts>, stopwatch: Option<Stopwatch>) -> Self {
        let caches = scripts
            .functions
            .iter()
            .map(|(name, function)| {
                let cache = ResultCache {
                    channel: read_fields(&function.reads),
                    post: read_fields(&function.reads),
                    asset: read_fields(&function.reads),
                    client: read_fields(&function.reads),
                    results: HashMap::new(),
                };
                (name.clone(), cache)
            })
            .collect();
        Self { scripts, scope: Scope::new(), caches, used: RuleUse::default(), stopwatch, key: Vec::new() }
    }

    /// Usage of this evaluator so far.
    #[must_use]
    pub const fn used(&self) -> RuleUse {
        self.used
    }

    /// Names of the fields of a post that a function of the pack may read.
    pub fn post_fields(&self, function: &str) -> impl Iterator<Item = &'static str> {
        self.caches.get(function).into_iter().flat_map(|cache| &cache.post).map(|field| field.name)
    }

    /// Posts a week from the pack's function `weekly_posts`; `None` if the pack does not define it.
    ///
    /// # Errors
    /// If the script fails or returns anything but an integer in `0..=168`.
    pub fn weekly_posts(&mut self, ctx: &Arc<ChannelFacts>) -> Result<Option<u32>, RuleFailure> {
        let number = self.number(WEEKLY_POSTS, None, None, ctx, 0.0, 168.0)?;
        match number {
            Some(number) if number.fract() != 0.0 => {
                Err(self.invalid_result(WEEKLY_POSTS, format!("it returned {number}"), "return a whole number"))
            }
            Some(number) => Ok(Some(number as u32)),
            None => Ok(None),
        }
    }

    /// Score of an asset from the pack's function `score_asset`, `0..=100`; `None` if the pack does not define it.
    ///
    /// # Errors
    /// If the script fails or returns anything but such a number.
    pub fn score_asset(
        &mut self,
        asset: &Arc<AssetFacts>,
        ctx: &Arc<ChannelFacts>,
    ) -> Result<Option<f64>, RuleFailure> {
        self.number(SCORE_ASSET, None, Some(asset), ctx, 0.0, 100.0)
    }

    /// Confidence in a post from the pack's function `confidence`, `0..=1`; `None` if the pack does not define it.
    ///
    /// # Errors
    /// If the script fails or returns anything but such a number.
    pub fn confidence(&mut self, post: &Arc<PostFacts>, ctx: &Arc<ChannelFacts>) -> Result<Option<f64>, RuleFailure> {
        self.number(CONFIDENCE, Some(post), None, ctx, 0.0, 1.0)
    }

    /// Whether the pack's scripts define a function.
    #[must_use]
    pub fn has(&self, function: &str) -> bool {
        self.caches.contains_key(function)
    }

    /// Weights of the hours of a week from the pack's function `hour_weights`; `None` if the pack does not define it.
    ///
    /// # Errors
    /// If the script fails or returns anything but weights.
    pub fn hour_weights(&mut self, ctx: &Arc<ChannelFacts>) -> Result<Option<HourWeights>, RuleFailure> {
        let result = self.cached_call(HOUR_WEIGHTS, Inputs::channel(ctx), |evaluator| {
            let value: Dynamic = evaluator.call(HOUR_WEIGHTS, (script_context(ctx, None),))?;
            let weights = hour_weights::read(&value);
            let weights =
                weights.map_err(|wrong| evaluator.invalid_result(HOUR_WEIGHTS, wrong.cause, &wrong.remedy))?;
            Ok(CachedResult::Hours(weights))
        })?;
        Ok(result.and_then(|result| match result {
            CachedResult::Hours(weights) => Some(weights),
            _ => None,
        }))
    }

    /// Scores of the given signals from the pack's function `signal_matrix`, each `0..=1`, in the same order; all 0 if
    /// the pack does not define it. Only the names in `signals` matter, not the thresholds.
    ///
    /// # Errors
    /// If the script fails, omits a signal, or returns anything but such numbers.
    pub fn signal_matrix(
        &mut self,
        client: &Arc<ClientFacts>,
        signals: &[(Arc<str>, f64)],
    ) -> Result<Arc<[f64]>, RuleFailure> {
        let inputs = Inputs { client: Some(client), signals, ..Inputs::default() };
        let result = self.cached_call(SIGNAL_MATRIX, inputs, |evaluator| {
            let map: Map = evaluator.call(SIGNAL_MATRIX, (ScriptView(Arc::clone(client)),))?;
            let scores: Result<Vec<f64>, RuleFailure> =
                signals.iter().map(|(signal, _)| evaluator.signal_score(&map, signal)).collect();
            Ok(CachedResult::Numbers(scores?.into()))
        })?;
        match result {
            Some(CachedResult::Numbers(scores)) => Ok(scores),
            _ => Ok(vec![0.0; signals.len()].into()),
        }
    }

    fn signal_score(&self, map: &Map, signal: &str) -> Result<f64, RuleFailure> {
        let remedy = "return a map with a number of 0 to 1 for each signal of early_warning.toml";
        let value = map.get(signal).and_then(finite_number);
        value.filter(|score| (0.0..=1.0).contains(score)).ok_or_else(|| {
            self.invalid_result(SIGNAL_MATRIX, format!("its score for `{signal}` is missing or invalid"), remedy)
        })
    }

    /// One guardrail's verdict. A guardrail with the scope [`GuardrailScope::ChannelWeek`] needs no post.
    ///
    /// # Errors
    /// If the script fails or returns anything but a verdict.
    pub fn guardrail(
        &mut self,
        guardrail: &GuardrailRules,
        post: Option<&Arc<PostFacts>>,
        ctx: &Arc<ChannelFacts>,
    ) -> Result<Arc<Verdict>, RuleFailure> {
        let name = &*guardrail.name;
        let inputs = Inputs { channel: Some(ctx), post, params: Some(&guardrail.params), ..Inputs::default() };
        let result = self.cached_call(name, inputs, |evaluator| {
            let ctx = script_context(ctx, Some(&guardrail.params));
            let result: ScriptVerdict = match (guardrail.scope, post) {
                (GuardrailScope::Post, Some(post)) => evaluator.call(name, (ScriptView(Arc::clone(post)), ctx))?,
                _ => evaluator.call(name, (ctx,))?,
            };
            let (file, line) = evaluator.scripts.place(result.line);
            Ok(CachedResult::Verdict(Arc::new(Verdict {
                rule: Arc::clone(&guardrail.name),
                outcome: result.outcome,
                reason: result.reason.as_str().into(),
                remedy: result.remedy.as_str().into(),
                file,
                line,
            })))
        })?;
        match result {
            Some(CachedResult::Verdict(verdict)) => Ok(verdict),
            _ => Ok(Arc::new(Verdict {
                rule: Arc::clone(&guardrail.name),
                outcome: Outcome::Pass,
                reason: "".into(),
                remedy: "".into(),
                file: "".into(),
                line: 0,
            })),
        }
    }

    /// The number from `low` to `high` that a function of the pack returns; `None` if the pack does not define it.
    fn number(
        &mut self,
        function: &str,
        post: Option<&Arc<PostFacts>>,
        asset: Option<&Arc<AssetFacts>>,
        ctx: &Arc<ChannelFacts>,
        low: f64,
        high: f64,
    ) -> Result<Option<f64>, RuleFailure> {
        let inputs = Inputs { channel: Some(ctx), post, asset, ..Inputs::default() };
        let result = self.cached_call(function, inputs, |evaluator| {
            let ctx = script_context(ctx, None);
            let value: Dynamic = match (post, asset) {
                (Some(post), _) => evaluator.call(function, (ScriptView(Arc::clone(post)), ctx))?,
                (None, Some(asset)) => evaluator.call(function, (ScriptView(Arc::clone(asset)), ctx))?,
                (None, None) => evaluator.call(function, (ctx,))?,
            };
            let number = finite_number(&value).filter(|number| (low..=high).contains(number));
            let remedy = format!("return a number of {low} to {high}");
            let describe = || match () {
                () if value.is_unit() => "it returns nothing".to_owned(),
                () if value.is::<ScriptVerdict>() => "it returned a verdict".to_owned(),
                () => format!("it returned `{value}`"),
            };
            let number = number.ok_or_else(|| evaluator.invalid_result(function, describe(), &remedy))?;
            Ok(CachedResult::Number(number))
        })?;
        Ok(result.and_then(|result| match result {
            CachedResult::Number(number) => Some(number),
            _ => None,
        }))
    }

    /// Returns the cached result, or runs the function and caches its result. `None` if the pack has no such function.
    fn cached_call(
        &mut self,
        function: &str,
        inputs: Inputs<'_>,
        run: impl FnOnce(&mut Self) -> Result<CachedResult, RuleFailure>,
    ) -> Result<Option<CachedResult>, RuleFailure> {
        let Some(cache) = self.caches.get(function) else { return Ok(None) };
        let start = self.stopwatch.map(|watch| watch());
        self.used.requested += 1;
        self.key.clear();
        inputs.append_key(cache, &mut self.key);
        let cached = cache.results.get(self.key.as_slice()).cloned();
        let result = match cached {
            Some(result) => result,
            None => {
                let key: Box<[Fact]> = self.key.as_slice().into();
                self.used.executed += 1;
                let result = run(self)?;
                self.store_result(function, key, result.clone());
                result
            }
        };
        if let (Some(watch), Some(start)) = (self.stopwatch, start) {
            self.used.time += watch().saturating_sub(start);
        }
        Ok(Some(result))
    }

    fn store_result(&mut self, function: &str, key: Box<[Fact]>, result: CachedResult) {
        let Some(cache) = self.caches.get_mut(function) else { return };
        if cache.results.len() >= CACHE_SIZE {
            cache.results.clear();
        }
        cache.results.insert(key, result);
    }

    fn call<T: Clone + Send + Sync + 'static>(
        &mut self,
        function: &str,
        arguments: impl FuncArgs,
    ) -> Result<T, RuleFailure> {
        let Self { scripts, scope, .. } = self;
        let options = CallFnOptions::new().eval_ast(false);
        let called = catch_unwind(AssertUnwindSafe(|| {
            scripts.engine.call_fn_with_options::<T>(options, scope, &scripts.ast, function, arguments)
        }));
        match called {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failure(function, &error)),
            Err(_) => Err(self.invalid_result(
                function,
                "a function that it called failed unexpectedly".to_owned(),
                "report this as a bug of mcoe, together with the pack",
            )),
        }
    }

    fn failure(&self, function: &str, error: &EvalAltResult) -> RuleFailure {
        let (inner, position) = innermost(error);
        let (cause, mut remedy) = explain(inner);
        let hook = HOOKS.iter().find(|hook| hook.name == function);
        if let (EvalAltResult::ErrorMismatchOutputType(..), Some(hook)) = (inner, hook) {
            remedy = format!("return {}", hook.returns);
        }
        let location =
            if position.is_none() { self.definition_location(function) } else { self.scripts.location(position) };
        RuleFailure { location, function: function.to_owned(), cause, remedy }
    }

    fn invalid_result(&self, function: &str, cause: String, remedy: &str) -> RuleFailure {
        let location = self.definition_location(function);
        RuleFailure { location, function: function.to_owned(), cause, remedy: remedy.to_owned() }
    }

    fn definition_location(&self, function: &str) -> SourceLocation {
        let definition = self.scripts.functions.get(function);
        definition.map_or_else(|| SourceLocation::whole(""), Function::location)
    }
}

/// The inputs of an evaluation.
#[derive(Clone, Copy, Default)]
struct Inputs<'a> {
    channel: Option<&'a Arc<ChannelFacts>>,
    post: Option<&'a Arc<PostFacts>>,
    asset: Option<&'a Arc<AssetFacts>>,
    client: Option<&'a Arc<ClientFacts>>,
    params: Option<&'a Arc<BTreeMap<String, f64>>>,
    /// The signals whose scores the result holds; an overlay may add some.
    signals: &'a [(Arc<str>, f64)],
}

impl<'a> Inputs<'a> {
    fn channel(ctx: &'a Arc<ChannelFacts>) -> Self {
        Self { channel: Some(ctx), ..Self::default() }
    }

    /// Appends the parts of the cache key: the values that the function reads, in a fixed order.
    fn append_key(&self, cache: &ResultCache, key: &mut Vec<Fact>) {
        fn add<T>(view: Option<&Arc<T>>, fields: &[&'static Field<T>], key: &mut Vec<Fact>) {
            if let Some(view) = view {
                key.extend(fields.iter().map(|field| (field.get)(view)));
            }
        }
        add(self.channel, &cache.channel, key);
        add(self.post, &cache.post, key);
        add(self.asset, &cache.asset, key);
        add(self.client, &cache.client, key);
        key.extend(self.params.into_iter().flat_map(|params| params.values()).map(|number| Fact::Number(*number)));
        key.extend(self.signals.iter().map(|(signal, _)| Fact::Text((**signal).into())));
    }
}

fn script_context(ctx: &Arc<ChannelFacts>, params: Option<&Arc<BTreeMap<String, f64>>>) -> ScriptContext {
    ScriptContext { facts: Arc::clone(ctx), params: params.map(Arc::clone).unwrap_or_default() }
}

/// The innermost error of nested calls, and the deepest position that is known.
fn innermost(error: &EvalAltResult) -> (&EvalAltResult, Position) {
    let mut error = error;
    let mut position = error.position();
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _) = error {
        error = inner;
        if !inner.position().is_none() {
            position = inner.position();
        }
    }
    (error, position)
}

/// Cause and remedy of an error. The numbers are the limits that `script::engine` sets.
fn explain(error: &EvalAltResult) -> (String, String) {
    let remedy = match error {
        EvalAltResult::ErrorTooManyOperations(_) => "a rule may run 200000 operations: look for an endless loop",
        EvalAltResult::ErrorStackOverflow(_) => "functions may call each other 16 deep: look for one that calls itself",
        EvalAltResult::ErrorDataTooLarge(..) => "a text may have 4096 characters, an array 4096 entries, a map 256",
        EvalAltResult::ErrorMismatchOutputType(_, actual, _) if actual == NOTHING => {
            "write `pass()` as its last line: every path through a guardrail returns pass(), warn(reason, remedy) or block(reason, remedy)"
        }
        EvalAltResult::ErrorMismatchOutputType(..) => {
            "a guardrail returns pass(), warn(reason, remedy) or block(reason, remedy)"
        }
        EvalAltResult::ErrorFunctionNotFound(..) => "check the name and the kinds of the arguments",
        EvalAltResult::ErrorPropertyNotFound(..) => "check the field's name",
        _ => "fix the rule at this position",
    };
    (cause(error), remedy.to_owned())
}

/// Rhai's type name of the result of a function that returns nothing.
const NOTHING: &str = "()";

/// The error message on one line, without the position, which is reported separately.
fn cause(error: &EvalAltResult) -> String {
    if matches!(error, EvalAltResult::ErrorMismatchOutputType(_, actual, _) if actual == NOTHING) {
        return "it returns nothing".to_owned();
    }
    let text = error.to_string().replace('\n', " ");
    let text = text.rsplit_once(" (line ").map_or(text.as_str(), |(words, _)| words);
    lowercase_first(text)
}
