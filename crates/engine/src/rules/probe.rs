//! Coverage of a pack's scripts: which functions and which branches of conditions are reached.
//!
//! Scripts are instrumented with a call at the start of every function and around every condition of an `if`. The calls
//! return their argument, so results do not change, and add no line breaks, so line numbers stay the same.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{AST, ASTNode, Engine, FuncRegistration, OptimizationLevel, Position, Stmt};

use super::script;
use crate::diagnostic::SourceLocation;

/// A location in a script whose coverage is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// File, as a path within the pack.
    pub file: Arc<str>,
    /// 1-based line in the file.
    pub line: u32,
    /// What is recorded there.
    pub kind: SiteKind,
}

/// What is recorded at a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteKind {
    /// A function, by name.
    Function(String),
    /// The condition of an `if`, which can be true or false.
    Condition,
}

/// A recorded location and its coverage so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteCoverage {
    /// The location.
    pub site: Site,
    /// Whether the function was called, or the condition was true.
    pub called_or_true: bool,
    /// Whether the condition was false.
    pub was_false: bool,
}

/// The recorded locations of a pack, and which of them have been reached.
#[derive(Debug, Clone, Default)]
pub struct Probes {
    sites: Vec<Site>,
    /// Index of a site, and the value that its condition had; `true` for a function.
    reached: Arc<Mutex<BTreeSet<(usize, bool)>>>,
}

/// Name of the function that records a call.
const RECORD_CALL: &str = "probe_reached";
/// Name of the function that records and returns the value of a condition.
const RECORD_CONDITION: &str = "probe_side";

impl Probes {
    /// The coverage of every recorded location.
    #[must_use]
    pub fn coverage(&self) -> Vec<SiteCoverage> {
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let coverage = |(index, site): (usize, &Site)| SiteCoverage {
            site: site.clone(),
            called_or_true: reached.contains(&(index, true)),
            was_false: reached.contains(&(index, false)),
        };
        self.sites.iter().enumerate().map(coverage).collect()
    }

    /// An engine whose scripts record what they reach.
    pub(super) fn engine(&self) -> Engine {
        let mut engine = script::engine();
        let record = |reached: &Mutex<BTreeSet<(usize, bool)>>, index: i64, value: bool| {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            reached.lock().unwrap_or_else(PoisonError::into_inner).insert((index, value));
        };
        let reached = Arc::clone(&self.reached);
        let function = move |index: i64| record(&reached, index, true);
        // Volatile, so that the optimizer does not evaluate the calls at compile time.
        FuncRegistration::new(RECORD_CALL).with_volatility(true).register_into_engine(&mut engine, function);
        let reached = Arc::clone(&self.reached);
        let condition = move |index: i64, value: bool| {
            record(&reached, index, value);
            value
        };
        FuncRegistration::new(RECORD_CONDITION).with_volatility(true).register_into_engine(&mut engine, condition);
        engine
    }

    /// Instruments the text of a script.
    pub(super) fn instrument(&mut self, path: &str, text: &str) -> String {
        let mut engine = script::engine();
        engine.set_optimization_level(OptimizationLevel::None);
        let Ok(ast) = engine.compile(text) else { return text.to_owned() };
        let mut insertions = self.function_insertions(&ast, path, text);
        insertions.extend(self.condition_insertions(&ast, path, text));
        // Back to front, so that one insertion does not shift the position of the next.
        insertions.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let mut instrumented = text.to_owned();
        for (at, inserted) in insertions {
            instrumented.insert_str(at, &inserted);
        }
        instrumented
    }

    /// The byte offsets and texts of the calls at the start of functions.
    fn function_insertions(&mut self, ast: &AST, path: &str, text: &str) -> Vec<(usize, String)> {
        let mut insertions = Vec::new();
        for function in ast.iter_fn_def() {
            let Some((place, at)) = location_of(path, text, function.body.start_position(), "{") else { continue };
            let index = self.add(&place, SiteKind::Function(function.name.to_string()));
            // After the `{`.
            insertions.push((at + 1, format!(" {RECORD_CALL}({index});")));
        }
        insertions
    }

    /// The byte offsets and texts of the calls around conditions.
    fn condition_insertions(&mut self, ast: &AST, path: &str, text: &str) -> Vec<(usize, String)> {
        let mut insertions = Vec::new();
        let mut seen = BTreeSet::new();
        ast.walk(&mut |nodes| {
            if let Some(ASTNode::Stmt(Stmt::If(flow, position))) = nodes.last()
                && let Some((place, at)) = location_of(path, text, *position, "if")
                && let Some((_, end)) = location_of(path, text, flow.body.position(), "{")
                && seen.insert(at)
            {
                let index = self.add(&place, SiteKind::Condition);
                // After the `if`.
                insertions.push((at + 2, format!(" {RECORD_CONDITION}({index},")));
                insertions.push((end, ") ".to_owned()));
            }
            true
        });
        insertions
    }

    fn add(&mut self, place: &SourceLocation, kind: SiteKind) -> usize {
        self.sites.push(Site { file: Arc::clone(&place.file), line: place.line, kind });
        self.sites.len() - 1
    }
}

/// The location and byte offset of a position in a text; `None` unless `word` stands there.
fn location_of(path: &str, text: &str, position: Position, word: &str) -> Option<(SourceLocation, usize)> {
    let line = u32::try_from(position.line()?).ok()?;
    let column = u32::try_from(position.position()?).ok()?;
    let place = SourceLocation::at_position(path, text, line, column);
    let at = place.span.as_ref()?.start;
    text.get(at..)?.starts_with(word).then_some((place, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_and_every_condition_is_instrumented_without_a_line_break() {
        let text = "fn f(x) {\n    let y = if x > 1 { 2 } else if x > 0 { 1 } else { 0 };\n    y\n}\n";
        let mut probes = Probes::default();
        let instrumented = probes.instrument("a.rhai", text);
        assert_eq!(
            instrumented,
            "fn f(x) { probe_reached(0);\n    let y = if probe_side(1, x > 1 ) { 2 } else if probe_side(2, x > 0 ) { 1 } \
             else { 0 };\n    y\n}\n"
        );
        let engine = probes.engine();
        let ast = engine.compile(&instrumented).unwrap();
        let result: i64 = engine.call_fn(&mut rhai::Scope::new(), &ast, "f", (1_i64,)).unwrap();
        assert_eq!(result, 1);
        let reported = |covered: SiteCoverage| (covered.site.line, covered.called_or_true, covered.was_false);
        let reported: Vec<(u32, bool, bool)> = probes.coverage().into_iter().map(reported).collect();
        assert_eq!(reported, [(1, true, false), (2, false, true), (2, true, false)]);
    }
}
