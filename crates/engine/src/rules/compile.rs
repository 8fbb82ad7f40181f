//! Compiles a pack's scripts once and reports in advance what would fail at run time: misspelt functions and fields,
//! functions with wrong parameters, guardrails without a function.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, OptimizationLevel, Position, Stmt};

use super::comparisons::{compared_names, mismatches};
use super::constants::Constants;
use super::discarded::{Discarded, discarded};
use super::facts::{AssetFacts, ChannelFacts, ClientFacts, Facts, PostFacts};
use super::field_operand::ConstantComparison;
use super::hooks::{HOOKS, guardrail_parameters};
use super::locals::Locals;
use super::pack_files::is_script;
use super::scenario_names::NameReference;
use super::script::{self, PARAMS, VERDICTS};
use super::script_syntax::{ExplainedError, explain, parser_message};
use super::{GuardrailRules, PackFiles, arithmetic};
use crate::diagnostic::{Diagnostic, SourceLocation, did_you_mean, nearest};

/// What the TOML files declare about the scripts.
pub(super) struct ScriptDeclarations<'a> {
    /// Every guardrail of the base, including disabled ones, which an overlay may enable.
    pub guardrails: &'a [GuardrailRules],
    /// Location of a guardrail's declaration.
    pub place: &'a dyn Fn(&str) -> SourceLocation,
    /// Whether `early_warning.toml` declares any signal.
    pub has_signals: bool,
}

/// A function defined in the pack's scripts.
#[derive(Debug, Clone)]
pub(super) struct Function {
    /// Parameter names, in order.
    pub parameters: Vec<String>,
    /// Names of the fields of any view that the function, or one that it calls, reads.
    pub reads: BTreeSet<String>,
    /// The names of the function itself and of every function of the pack that it calls, directly or indirectly.
    pub reaches: BTreeSet<String>,
    /// The literals in its own body: numbers and possible names.
    pub constants: Constants,
    /// File of its definition.
    pub file: Arc<str>,
    /// 1-based line of its definition.
    pub line: u32,
}

impl Function {
    /// Location of its definition.
    pub fn location(&self) -> SourceLocation {
        SourceLocation::new(Arc::clone(&self.file), self.line, 1)
    }
}

/// The compiled scripts of a pack.
pub(super) struct Scripts {
    pub engine: Engine,
    pub ast: AST,
    pub functions: BTreeMap<String, Function>,
    /// Names of clients and other parts of a scenario that fields are compared with; their locations have no spans.
    pub names: Vec<NameReference>,
    sources: Vec<ScriptFile>,
}

/// One file within the concatenated text of all scripts.
struct ScriptFile {
    path: Arc<str>,
    lines: Range<usize>,
}

impl Scripts {
    /// Maps a line of the concatenated text to its file and line.
    pub fn place(&self, line: usize) -> (Arc<str>, u32) {
        place(&self.sources, line)
    }

    /// Maps a position in the concatenated text to its file, line and column.
    pub fn location(&self, position: Position) -> SourceLocation {
        location(&self.sources, position)
    }
}

fn location(sources: &[ScriptFile], position: Position) -> SourceLocation {
    let (file, line) = place(sources, position.line().unwrap_or(0));
    SourceLocation::new(file, line, to_u32(position.position().unwrap_or(0)))
}

fn place(sources: &[ScriptFile], line: usize) -> (Arc<str>, u32) {
    sources
        .iter()
        .find(|source| source.lines.contains(&line))
        .map_or_else(|| (Arc::from(""), 0), |source| (Arc::clone(&source.path), to_u32(line - source.lines.start + 1)))
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Compiles the scripts.
///
/// # Errors
/// Every error in any file; only the syntax errors if there are any.
pub(super) fn compile(
    files: &[(&str, &str)],
    declared: &ScriptDeclarations<'_>,
    make_engine: &dyn Fn() -> Engine,
) -> Result<Scripts, Vec<Diagnostic>> {
    let mut engine = make_engine();
    let syntax: Vec<Diagnostic> = files.iter().filter_map(|(path, text)| syntax_error(&engine, path, text)).collect();
    if !syntax.is_empty() {
        return Err(syntax);
    }
    let (sources, text) = join(files);
    // Each file parses alone, so an error in the joined text is mostly a function that two files define.
    let joint_error = |error: &rhai::ParseError| {
        let remedy = "give every function of the pack a name of its own, over all its .rhai files";
        vec![Diagnostic::at("script_syntax", &location(&sources, error.position()), "", parser_message(error), remedy)]
    };
    // The checks read code that the optimizer would remove or replace.
    let mut unoptimizing_engine = make_engine();
    unoptimizing_engine.set_optimization_level(OptimizationLevel::None);
    let unoptimized = unoptimizing_engine.compile(&text).map_err(|error| joint_error(&error))?;
    arithmetic::use_libm_for_powers(&mut engine, &text);
    let ast = engine.compile(&text).map_err(|error| joint_error(&error))?;

    let functions = functions(&unoptimized, &sources);
    let names = scenario_names(&unoptimized, &engine, &sources, &text);
    let mut errors = Vec::new();
    check_top_level(&unoptimized, &sources, &mut errors);
    check_parameters(&functions, declared, &mut errors);
    check_declarations(&unoptimized, &functions, declared, &mut errors);
    check_bodies(&unoptimized, &text, &engine, &sources, declared, &mut errors);
    if errors.is_empty() { Ok(Scripts { engine, ast, functions, names, sources }) } else { Err(errors) }
}

/// The first syntax error of each script of a pack, for packs whose other files are invalid too.
#[must_use]
pub fn script_syntax(files: &PackFiles) -> Vec<Diagnostic> {
    let engine = script::engine();
    let scripts = files.iter().filter(|(path, _)| is_script(path));
    scripts.filter_map(|(path, text)| syntax_error(&engine, path, text)).collect()
}

/// Whether two texts are the same script, statement by statement and line by line, ignoring whitespace between words
/// and comments. A text that does not parse equals nothing.
#[must_use]
pub fn is_same_script(one: &str, other: &str) -> bool {
    let mut engine = script::engine();
    engine.set_optimization_level(OptimizationLevel::None);
    let parsed = |text: &str| engine.compile(text).map(|script| format!("{script:?}"));
    matches!((parsed(one), parsed(other)), (Ok(one), Ok(other)) if one == other)
}

fn syntax_error(engine: &Engine, path: &str, text: &str) -> Option<Diagnostic> {
    let ExplainedError { line, column, cause, remedy } = explain(&engine.compile(text).err()?, text);
    let location = SourceLocation::new(path, to_u32(line), to_u32(column));
    Some(Diagnostic::at("script_syntax", &location, "", cause, remedy))
}

/// Concatenates the scripts. Each ends with a line break, so that no line belongs to two files.
fn join(files: &[(&str, &str)]) -> (Vec<ScriptFile>, String) {
    let mut text = String::new();
    let mut next_line = 1;
    let sources = files
        .iter()
        .map(|(path, file)| {
            text.push_str(file);
            text.push('\n');
            let lines = file.matches('\n').count() + 1;
            let first = next_line;
            next_line += lines;
            ScriptFile { path: Arc::from(*path), lines: first..next_line }
        })
        .collect();
    (sources, text)
}

fn functions(ast: &AST, sources: &[ScriptFile]) -> BTreeMap<String, Function> {
    let mut calls: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut functions = BTreeMap::new();
    for definition in ast.iter_fn_def() {
        let name = definition.name.to_string();
        let (file, line) = place(sources, definition.body.start_position().line().unwrap_or(0));
        let mut reads = BTreeSet::new();
        let mut constants = Constants::default();
        let own_ast = only_function(ast, &name);
        own_ast.walk(&mut |path| {
            match path.last() {
                Some(ASTNode::Expr(Expr::Property(property, _))) => {
                    reads.insert(property.2.to_string());
                }
                Some(ASTNode::Expr(Expr::FloatConstant(number, _))) => constants.numbers.push(**number),
                Some(ASTNode::Expr(Expr::IntegerConstant(number, _))) => constants.numbers.push(*number as f64),
                Some(ASTNode::Expr(Expr::StringConstant(text, _))) => constants.add_name(text),
                _ => {}
            }
            true
        });
        calls.insert(name.clone(), called_names(&own_ast));
        let parameters = definition.params.iter().map(ToString::to_string).collect();
        let reaches = BTreeSet::from([name.clone()]);
        functions.insert(name, Function { parameters, reads, reaches, constants, file, line });
    }
    propagate(&mut functions, &calls);
    functions
}

/// Prefix of the names of anonymous functions.
const CLOSURE: &str = "anon$";

/// Engine functions that call another function by value: a function pointer, or a text with its name.
const CALL_BY_VALUE: [&str; 18] = [
    "Fn",
    "all",
    "call",
    "curry",
    "dedup",
    "drain",
    "extract",
    "filter",
    "find",
    "find_map",
    "for_each",
    "index_of",
    "map",
    "reduce",
    "reduce_rev",
    "retain",
    "some",
    "sort",
];

/// The names of functions that an AST calls, and all its texts, since a function can be called by a text with its name.
fn called_names(ast: &AST) -> BTreeSet<String> {
    let mut called = BTreeSet::new();
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => {
                called.insert(call.name.to_string());
            }
            Some(ASTNode::Expr(Expr::StringConstant(text, _))) => {
                called.insert(text.to_string());
            }
            _ => {}
        }
        true
    });
    called
}

/// Propagates the fields read and functions reached from callees to callers. A function that calls by value, where the
/// callee may be computed at run time, counts as calling every function.
fn propagate(functions: &mut BTreeMap<String, Function>, calls: &BTreeMap<String, BTreeSet<String>>) {
    let names: Vec<String> = functions.keys().cloned().collect();
    let calls: BTreeMap<&String, Vec<&String>> = calls
        .iter()
        .map(|(name, called)| {
            let by_value = CALL_BY_VALUE.iter().any(|function| called.contains(*function));
            (name, if by_value { names.iter().collect() } else { called.iter().collect() })
        })
        .collect();
    loop {
        let mut has_grown = false;
        for name in &names {
            let called = calls.get(name).into_iter().flatten().filter_map(|called| functions.get(*called));
            let inherited: Vec<Function> = called.cloned().collect();
            if let Some(function) = functions.get_mut(name) {
                let before = (function.reads.len(), function.reaches.len());
                for called in inherited {
                    function.reads.extend(called.reads);
                    function.reaches.extend(called.reaches);
                }
                has_grown |= before != (function.reads.len(), function.reaches.len());
            }
        }
        if !has_grown {
            return;
        }
    }
}

/// The AST reduced to one function. (`clone_functions_only_filtered` of Rhai 1.27 does not filter.)
fn only_function(ast: &AST, function: &str) -> AST {
    let mut reduced = ast.clone_functions_only();
    reduced.retain_functions(|_, _, name, _| name == function);
    reduced
}

/// Reports statements outside functions.
fn check_top_level(ast: &AST, sources: &[ScriptFile], errors: &mut Vec<Diagnostic>) {
    for statement in ast.statements() {
        let cause = "a statement stands outside every function and would never run";
        let remedy = "move it into a function, or a number into one of the TOML files";
        let location = location(sources, statement.position());
        errors.push(Diagnostic::at("script_statement", &location, "", cause, remedy));
    }
}

/// The parameters that a function must have if the engine calls it; `None` for other functions.
fn expected_parameters<'a>(name: &str, declared: &'a ScriptDeclarations<'_>) -> Option<&'a [&'static str]> {
    let hook = HOOKS.iter().find(|hook| hook.name == name).map(|hook| hook.parameters);
    hook.or_else(|| {
        let guardrail = declared.guardrails.iter().find(|guardrail| &*guardrail.name == name)?;
        Some(guardrail_parameters(guardrail.scope))
    })
}

/// Reports functions that the engine calls and whose parameters are not those expected.
fn check_parameters(
    functions: &BTreeMap<String, Function>,
    declared: &ScriptDeclarations<'_>,
    errors: &mut Vec<Diagnostic>,
) {
    for (name, function) in functions {
        let Some(expected) = expected_parameters(name, declared) else { continue };
        if function.parameters.iter().map(String::as_str).ne(expected.iter().copied()) {
            let cause = format!("`{name}` takes ({})", function.parameters.join(", "));
            let remedy = format!("write `fn {name}({})`", expected.join(", "));
            errors.push(Diagnostic::at("wrong_parameters", &function.location(), name, cause, remedy));
        }
    }
}

/// Reports guardrails and signals without a function, and functions that nothing declares or calls.
fn check_declarations(
    ast: &AST,
    functions: &BTreeMap<String, Function>,
    declared: &ScriptDeclarations<'_>,
    errors: &mut Vec<Diagnostic>,
) {
    for guardrail in declared.guardrails {
        if !functions.contains_key(&*guardrail.name) {
            let name = &guardrail.name;
            let cause = format!("no script defines `fn {name}({})`", guardrail_parameters(guardrail.scope).join(", "));
            let remedy = with_nearest_name("define it in a .rhai file, or remove the table", name, functions.keys());
            let key = format!("guardrails.{name}");
            errors.push(Diagnostic::at("guardrail_without_function", &(declared.place)(name), key, cause, remedy));
        }
    }
    if declared.has_signals && !functions.contains_key(super::hooks::SIGNAL_MATRIX) {
        let cause = "no script defines `fn signal_matrix(client)`, which scores the signals";
        let remedy = "define it in a .rhai file, or remove the signals";
        let file = SourceLocation::whole("early_warning.toml");
        errors.push(Diagnostic::at("signals_without_function", &file, "early_warning.signals", cause, remedy));
    }
    let called = called_names(ast);
    for (name, function) in functions {
        if expected_parameters(name, declared).is_none() && !called.contains(name) && !name.starts_with(CLOSURE) {
            let known = HOOKS
                .iter()
                .map(|hook| hook.name.to_owned())
                .chain(declared.guardrails.iter().map(|guardrail| guardrail.name.to_string()))
                .collect::<Vec<_>>();
            let cause = format!("no guardrail is named `{name}`, and neither mcoe nor a script calls such a function");
            let remedy = with_nearest_name("declare it in guardrails.toml, or remove it", name, known.iter());
            errors.push(Diagnostic::at("undeclared_function", &function.location(), name, cause, remedy));
        }
    }
}

/// The remedy, followed by the nearest known name if there is one.
fn with_nearest_name<'a>(remedy: &str, name: &str, known: impl Iterator<Item = &'a String>) -> String {
    match nearest(name, known.map(String::as_str)) {
        Some(near) => format!("{remedy}; the nearest known name is `{near}`"),
        None => remedy.to_owned(),
    }
}

/// The names of clients and other parts of a scenario that fields are compared with.
fn scenario_names(ast: &AST, engine: &Engine, sources: &[ScriptFile], text: &str) -> Vec<NameReference> {
    let mut references = Vec::new();
    for function in ast.iter_functions() {
        let own_ast = only_function(ast, function.name);
        let locals = Locals::of(&own_ast, engine, text);
        own_ast.walk(&mut |path| {
            for compared in path.last().map(|node| compared_names(node, &locals)).unwrap_or_default() {
                let place = location(sources, compared.position);
                references.push(NameReference { kind: compared.kind, name: compared.name, of_client: None, place });
            }
            true
        });
    }
    references
}

/// A mistake in the body of a function.
struct BodyMistake {
    code: &'static str,
    position: Position,
    /// The function, field or text that is wrong.
    name: String,
    cause: String,
    remedy: String,
}

/// Reports mistakes in the bodies of functions: calls of functions and reads of fields that do not exist, comparisons
/// whose result never varies, and values that are discarded.
fn check_bodies(
    ast: &AST,
    text: &str,
    engine: &Engine,
    sources: &[ScriptFile],
    declared: &ScriptDeclarations<'_>,
    errors: &mut Vec<Diagnostic>,
) {
    let native: BTreeSet<String> =
        engine.gen_fn_signatures(true).iter().filter_map(|text| function_name(text)).collect();
    let defined: Vec<(String, usize)> =
        ast.iter_functions().map(|function| (function.name.to_owned(), function.params.len())).collect();
    let known: BTreeSet<String> = native.iter().cloned().chain(defined.iter().map(|(name, _)| name.clone())).collect();
    for (function, _) in &defined {
        let guardrail = declared.guardrails.iter().find(|guardrail| &*guardrail.name == function);
        let mut report = |mistake: BodyMistake| {
            let place = location(sources, mistake.position);
            errors.push(Diagnostic::at(mistake.code, &place, mistake.name, mistake.cause, mistake.remedy));
        };
        let own_ast = only_function(ast, function);
        let locals = Locals::of(&own_ast, engine, text);
        let parameters: Vec<&str> = own_ast.iter_functions().flat_map(|function| function.params).collect();
        own_ast.walk(&mut |path| {
            let Some(node) = path.last() else { return true };
            match node {
                ASTNode::Expr(Expr::FnCall(call, position) | Expr::MethodCall(call, position))
                | ASTNode::Stmt(Stmt::FnCall(call, position))
                    if call.op_token.is_none() =>
                {
                    wrong_call(call, *position, &known, &native, &defined).into_iter().for_each(&mut report);
                }
                ASTNode::Expr(Expr::Dot(dot, ..)) => {
                    unknown_field(dot, &parameters, guardrail).into_iter().for_each(&mut report);
                }
                ASTNode::Expr(Expr::StringConstant(text, position)) if text.contains("${") => report(BodyMistake {
                    code: "plain_text",
                    position: *position,
                    name: text.to_string(),
                    cause: "`${…}` is not replaced in a text in double quotes".to_owned(),
                    remedy: "write the text in backticks".to_owned(),
                }),
                _ => {}
            }
            for ConstantComparison { position, name, cause, remedy } in mismatches(node, &locals) {
                report(BodyMistake { code: "never_holds", position, name, cause, remedy });
            }
            true
        });
        discarded(&own_ast).into_iter().map(|(value, position)| discarded_mistake(value, position)).for_each(report);
    }
}

fn discarded_mistake(discarded: Discarded, position: Position) -> BodyMistake {
    let (code, name, subject, returned) = match discarded {
        Discarded::Verdict(name) => {
            ("dropped_verdict", name.clone(), format!("the result of `{name}`"), format!("{name}(…)"))
        }
        Discarded::Value(value) => ("dropped_value", value.clone(), format!("`{value}`"), value),
    };
    let cause = format!("{subject} is discarded here: it has no effect on what the function returns");
    BodyMistake { code, position, name, cause, remedy: format!("write `return {returned};`") }
}

/// The script function that is most likely meant by the name of a function in other languages.
fn script_function_for(name: &str) -> Option<&'static str> {
    Some(match name {
        "length" | "size" | "count" => "len",
        "includes" | "include" | "has" | "contain" => "contains",
        "startswith" | "startsWith" | "begins_with" => "starts_with",
        "endswith" | "endsWith" => "ends_with",
        "lower" | "lowercase" | "toLowerCase" | "tolower" => "to_lower",
        "upper" | "uppercase" | "toUpperCase" | "toupper" => "to_upper",
        "fail" | "reject" | "deny" | "hold" => "block",
        "ok" | "allow" | "accept" => "pass",
        _ => return None,
    })
}

/// The mistake in a call of an unknown function, or with the wrong number of arguments. `native` holds the names of the
/// engine's functions, `defined` those of the pack's with their parameter counts, and `known` all names.
fn wrong_call(
    call: &FnCallExpr,
    position: Position,
    known: &BTreeSet<String>,
    native: &BTreeSet<String>,
    defined: &[(String, usize)],
) -> Option<BodyMistake> {
    let (name, arguments) = (call.name.as_str(), call.args.len());
    let mistake = |code, cause, remedy| BodyMistake { code, position, name: name.to_owned(), cause, remedy };
    if !known.contains(name) {
        let remedy = match script_function_for(name).or_else(|| nearest(name, known.iter().map(String::as_str))) {
            Some(near) => did_you_mean(near),
            None => "define it in a .rhai file of the pack".to_owned(),
        };
        return Some(mistake("unknown_function", format!("no function is called `{name}`"), remedy));
    }
    if let Some((_, parameters)) = VERDICTS.iter().find(|(verdict, _)| *verdict == name) {
        let cause = format!("`{name}` is called with {arguments} arguments and takes {}", parameters.len());
        let remedy = format!("write `{name}({})`", parameters.join(", "));
        return (arguments != parameters.len()).then(|| mistake("wrong_arguments", cause, remedy));
    }
    let parameter_counts: Vec<usize> =
        defined.iter().filter(|(other, _)| other == name).map(|(_, count)| *count).collect();
    // A native function of that name may take any number of arguments.
    let is_only_of_pack = !parameter_counts.is_empty() && !native.contains(name);
    (is_only_of_pack && !parameter_counts.contains(&arguments)).then(|| {
        let expected = parameter_counts.first().copied().unwrap_or(0);
        let cause = format!("`{name}` is called with {arguments} arguments and takes {expected}");
        mistake("wrong_arguments", cause, format!("give it {expected} arguments"))
    })
}

/// The function name in a signature such as `fn max(x: i64, y: i64) -> i64`; `None` for operators.
fn function_name(signature: &str) -> Option<String> {
    let name = signature.trim_start_matches("fn ").split('(').next()?.trim();
    let is_name = name.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    is_name.then(|| name.to_owned())
}

/// Parameter names of the views, the most common first.
const VIEWS: [&str; 4] = [PostFacts::PARAMETER, ChannelFacts::PARAMETER, AssetFacts::PARAMETER, ClientFacts::PARAMETER];

/// The mistake if `VIEW.FIELD` or `ctx.params.NAME` reads an unknown field.
fn unknown_field(
    dot: &rhai::BinaryExpr,
    parameters: &[&str],
    guardrail: Option<&GuardrailRules>,
) -> Option<BodyMistake> {
    let Expr::Variable(variable, ..) = &dot.lhs else { return None };
    let view = variable.1.as_str();
    let fields = view_fields(view)?;
    let (field, position, rest) = first_property(&dot.rhs)?;
    if view == ChannelFacts::PARAMETER && field == PARAMS {
        return unknown_param(rest, guardrail);
    }
    if fields.contains(&field) {
        return None;
    }
    let has_field =
        |other: &&str| parameters.contains(other) && view_fields(other).is_some_and(|fields| fields.contains(&field));
    let remedy = match (VIEWS.into_iter().find(has_field), nearest(field, fields.iter().copied())) {
        (Some(other), _) => did_you_mean(format_args!("{other}.{field}")),
        (None, Some(near)) => did_you_mean(format_args!("{view}.{near}")),
        (None, None) => format!("`{view}` has: {}", fields.join(", ")),
    };
    Some(no_such_field(position, format!("{view}.{field}"), remedy))
}

fn no_such_field(position: Position, name: String, remedy: String) -> BodyMistake {
    BodyMistake { code: "unknown_field", position, cause: format!("there is no field `{name}`"), name, remedy }
}

fn unknown_param(rest: Option<&Expr>, guardrail: Option<&GuardrailRules>) -> Option<BodyMistake> {
    let (name, position, _) = first_property(rest?)?;
    let guardrail = guardrail?;
    if guardrail.params.contains_key(name) {
        return None;
    }
    let remedy = match nearest(name, guardrail.params.keys().map(String::as_str)) {
        Some(near) => did_you_mean(format_args!("ctx.params.{near}")),
        None => format!("add `{name}` to [{}.params] in guardrails.toml", guardrail.name),
    };
    Some(no_such_field(position, format!("ctx.params.{name}"), remedy))
}

/// The first property of a chain, its position, and the rest of the chain.
fn first_property(chain: &Expr) -> Option<(&str, Position, Option<&Expr>)> {
    match chain {
        Expr::Property(property, position) => Some((property.2.as_str(), *position, None)),
        Expr::Dot(dot, ..) | Expr::Index(dot, ..) => match &dot.lhs {
            Expr::Property(property, position) => Some((property.2.as_str(), *position, Some(&dot.rhs))),
            _ => None,
        },
        _ => None,
    }
}

/// The names of a view's fields; `None` if no view has the parameter name.
fn view_fields(parameter: &str) -> Option<Vec<&'static str>> {
    fn names<T: Facts>() -> Vec<&'static str> {
        T::fields().iter().map(|field| field.name).collect()
    }
    match parameter {
        ChannelFacts::PARAMETER => Some(names::<ChannelFacts>()),
        PostFacts::PARAMETER => Some(names::<PostFacts>()),
        AssetFacts::PARAMETER => Some(names::<AssetFacts>()),
        ClientFacts::PARAMETER => Some(names::<ClientFacts>()),
        _ => None,
    }
}
