//! Script comparisons whose result never varies: of values of different kinds, or with a value that a field never has.

use rhai::{ASTNode, Expr, Position, Stmt};

use super::case_conversion;
use super::facts::FactKind;
use super::field_operand::{AllowedTexts, ConstantComparison, FieldOperand, field_of};
use super::key::DAYS;
use super::locals::Locals;
use super::scenario_names::NameKind;
use crate::diagnostic::{did_you_mean, nearest};
use crate::model::parse_date;

/// A literal that a field is compared with.
#[derive(Debug, Clone, Copy)]
enum Literal<'e> {
    Number(f64),
    Text(&'e str),
    Truth(bool),
    Nothing,
}

impl Literal<'_> {
    const fn number(self) -> Option<f64> {
        match self {
            Literal::Number(number) => Some(number),
            Literal::Text(_) | Literal::Truth(_) | Literal::Nothing => None,
        }
    }
}

/// A comparison of a field with another operand: `FIELD OPERATOR OTHER`.
struct Comparison<'e> {
    field: FieldOperand,
    operator: &'e str,
    other: &'e Expr,
}

/// The name of a client, a workspace or another part of a scenario that a script compares a field with.
pub(super) struct ComparedName {
    pub kind: NameKind,
    pub name: String,
    pub position: Position,
}

/// The errors in all comparisons of a script node.
pub(super) fn mismatches(node: &ASTNode<'_>, locals: &Locals) -> Vec<ConstantComparison> {
    let chained = chained(node).into_iter();
    let compared = comparisons(node, locals).into_iter().filter_map(mismatch);
    let searched = searched_list(node, locals).and_then(|(field, sought)| never_in_list(&field, sought));
    chained.chain(compared).chain(searched).chain(case_conversion::mismatches(node)).collect()
}

/// The names that a script node compares a field with.
pub(super) fn compared_names(node: &ASTNode<'_>, locals: &Locals) -> Vec<ComparedName> {
    let name = |Comparison { field, other, .. }: Comparison<'_>| match literal(other)? {
        Literal::Text(text) if !text.is_empty() => {
            Some(ComparedName { kind: field.name_kind()?, name: text.to_owned(), position: other.position() })
        }
        _ => None,
    };
    comparisons(node, locals).into_iter().filter_map(name).chain(name_in_list(node, locals)).collect()
}

/// The name that a script node looks up in a list.
fn name_in_list(node: &ASTNode<'_>, locals: &Locals) -> Option<ComparedName> {
    let (field, sought) = searched_list(node, locals)?;
    let Literal::Text(text) = literal(sought)? else { return None };
    Some(ComparedName { kind: NameKind::of_list(&field.name)?, name: text.to_owned(), position: sought.position() })
}

/// The list that a script node searches, and the value searched for: `SOUGHT in FIELD` or `FIELD.contains(SOUGHT)`.
fn searched_list<'e>(node: &ASTNode<'e>, locals: &Locals) -> Option<(FieldOperand, &'e Expr)> {
    let (field, sought) = match node {
        ASTNode::Expr(Expr::FnCall(call, _)) if call.name == "contains" => match call.args.as_slice() {
            [list, sought] => (locals.field(list)?, sought),
            _ => return None,
        },
        ASTNode::Expr(Expr::Dot(dot, ..)) => {
            let (Expr::Variable(view, ..), Expr::Dot(rest, ..)) = (&dot.lhs, &dot.rhs) else { return None };
            let (Expr::Property(property, _), Expr::MethodCall(call, _)) = (&rest.lhs, &rest.rhs) else { return None };
            let sought = call.args.first().filter(|_| call.name == "contains")?;
            (field_of(view.1.as_str(), property.2.as_str())?, sought)
        }
        _ => return None,
    };
    (field.kind == FactKind::List).then_some((field, sought))
}

/// A chained comparison, which compares the `true` or `false` of another comparison.
fn chained(node: &ASTNode<'_>) -> Option<ConstantComparison> {
    let ASTNode::Expr(Expr::FnCall(call, position)) = node else { return None };
    let is_comparison = |argument: &Expr| matches!(argument, Expr::FnCall(call, _) if is_order_operator(&call.name));
    if !is_order_operator(&call.name) || !call.args.iter().any(is_comparison) {
        return None;
    }
    Some(ConstantComparison {
        position: *position,
        name: call.name.to_string(),
        cause: format!("`{}` compares the result of another comparison", call.name),
        remedy: "write two comparisons, as in `9 <= post.hour && post.hour <= 12`".to_owned(),
    })
}

fn is_order_operator(operator: &str) -> bool {
    matches!(operator, "<" | ">" | "<=" | ">=")
}

/// The comparisons of fields in a node.
fn comparisons<'e>(node: &ASTNode<'e>, locals: &'e Locals) -> Vec<Comparison<'e>> {
    match node {
        // `[A, B].contains(FIELD)`
        ASTNode::Expr(Expr::Dot(dot, ..)) => match &dot.rhs {
            Expr::MethodCall(call, _) if call.name == "contains" => {
                entry_comparisons(locals, &dot.lhs, call.args.first())
            }
            _ => Vec::new(),
        },
        ASTNode::Stmt(Stmt::Switch(parts, position)) => equalities(locals.field(&parts.0), locals.cases(*position)),
        ASTNode::Expr(Expr::FnCall(call, _)) => {
            let [first, second] = call.args.as_slice() else { return Vec::new() };
            match call.name.as_str() {
                // `FIELD in [A, B]` parses as a call of `contains` with the list first.
                "contains" => entry_comparisons(locals, first, Some(second)),
                operator @ ("==" | "!=" | "<" | ">" | "<=" | ">=") if call.op_token.is_some() => {
                    let in_order = locals.field(first).map(|field| Comparison { field, operator, other: second });
                    let swapped = || {
                        let operator = mirrored(operator);
                        locals.field(second).map(|field| Comparison { field, operator, other: first })
                    };
                    in_order.or_else(swapped).into_iter().collect()
                }
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// The comparisons of a field that is looked up in an array literal: one for equality with each entry.
fn entry_comparisons<'e>(locals: &'e Locals, list: &'e Expr, field: Option<&Expr>) -> Vec<Comparison<'e>> {
    let field = field.and_then(|field| locals.field(field));
    equalities(field, locals.list(list).unwrap_or_default())
}

/// The comparisons of a field, if there is one, with each of some values.
fn equalities(field: Option<FieldOperand>, values: &[Expr]) -> Vec<Comparison<'_>> {
    let Some(field) = field else { return Vec::new() };
    values.iter().map(|other| Comparison { field: field.clone(), operator: "==", other }).collect()
}

/// The operator that gives the same result once the operands are swapped.
fn mirrored(operator: &str) -> &str {
    match operator {
        "<" => ">",
        ">" => "<",
        "<=" => ">=",
        ">=" => "<=",
        same => same,
    }
}

fn literal(expression: &Expr) -> Option<Literal<'_>> {
    Some(match expression {
        Expr::IntegerConstant(number, _) => Literal::Number(*number as f64),
        Expr::FloatConstant(number, _) => Literal::Number(**number),
        Expr::StringConstant(text, _) => Literal::Text(text),
        Expr::BoolConstant(truth, _) => Literal::Truth(*truth),
        Expr::Unit(_) => Literal::Nothing,
        // An unquoted date such as `2026-12-24` parses as a subtraction.
        Expr::FnCall(call, _) if call.name == "-" && call.op_token.is_some() => match call.args.as_slice() {
            [first, second] => Literal::Number(literal(first)?.number()? - literal(second)?.number()?),
            _ => return None,
        },
        _ => return None,
    })
}

fn mismatch(Comparison { field, operator, other }: Comparison<'_>) -> Option<ConstantComparison> {
    let literal = literal(other)?;
    let (cause, remedy) = match (field.kind, literal) {
        (FactKind::Number | FactKind::Whole, Literal::Number(number)) => {
            beyond_limits(&field, operator, number).map(|cause| (cause, remedy_for_number(&field)))?
        }
        (FactKind::Text, Literal::Text(word)) => (
            match operator {
                "==" | "!=" => format!("`{}` is never `\"{word}\"`", field.name),
                _ => format!("`{} {operator} \"{word}\"` compares with a text that is not a date", field.name),
            },
            remedy_for_text(&field, operator, word)?,
        ),
        (FactKind::Truth, Literal::Truth(_)) => return None,
        (kind, literal) => wrong_kind(&field, kind, literal),
    };
    Some(ConstantComparison { position: other.position(), name: field.name, cause, remedy })
}

/// The cause if, within the limits of the field, a comparison with a number is never true or, for `!=`, always true.
fn beyond_limits(field: &FieldOperand, operator: &str, number: f64) -> Option<String> {
    let (min, max) = field.limits?;
    let is_constant = match operator {
        "==" | "!=" => number < min || number > max || field.kind == FactKind::Whole && number.fract() != 0.0,
        "<" => number <= min,
        "<=" => number < min,
        // A share may exceed 1 by a rounding error.
        ">" if max == 1.0 => number > max,
        ">" => number >= max,
        _ => number > max,
    };
    let name = &field.name;
    is_constant.then(|| match operator {
        "==" | "!=" => format!("`{name}` is never {number}"),
        _ => format!("`{name} {operator} {number}` is never true"),
    })
}

/// The remedy for a text that the field never holds; `None` if it can hold it.
fn remedy_for_text(field: &FieldOperand, operator: &str, word: &str) -> Option<String> {
    match &field.texts {
        AllowedTexts::OneOf(words) if !words.contains(&word) => Some(match nearest(word, words.iter().copied()) {
            Some(near) => did_you_mean(format_args!("\"{near}\"")),
            None => format!("it is one of: {}", words.join(", ")),
        }),
        AllowedTexts::Date if !is_date(word, operator) => {
            Some("write a date of the calendar as year, month and day, such as `\"2026-12-24\"`".to_owned())
        }
        _ => None,
    }
}

/// Whether a text is a date. For comparisons of order, a year or a year and month also count.
fn is_date(text: &str, operator: &str) -> bool {
    let is_equality = matches!(operator, "==" | "!=");
    let completed = match text.len() {
        4 if !is_equality => format!("{text}-01-01"),
        7 if !is_equality => format!("{text}-01"),
        _ => text.to_owned(),
    };
    parse_date(&completed).is_some()
}

/// The error in searching a list for a value that it never contains.
fn never_in_list(field: &FieldOperand, sought: &Expr) -> Option<ConstantComparison> {
    let name = &field.name;
    // Lists of numbers have limits, lists of texts have none.
    let (cause, remedy) = match (literal(sought)?, field.limits) {
        (Literal::Number(number), Some((min, max))) if number < min || number > max => {
            (format!("`{name}` never contains {number}"), format!("search for a number from {min} to {max}"))
        }
        (Literal::Text(word), None) => {
            (format!("`{name}` never contains `\"{word}\"`"), remedy_for_text(field, "==", word)?)
        }
        (Literal::Number(_), Some(_)) => return None,
        (_, Some(_)) => (format!("`{name}` contains numbers"), "search for a number, without quotes".to_owned()),
        (_, None) => (format!("`{name}` contains texts"), "search for a text in double quotes".to_owned()),
    };
    Some(ConstantComparison { position: sought.position(), name: name.clone(), cause, remedy })
}

/// Cause and remedy for a comparison of a field with a literal of another kind.
fn wrong_kind(field: &FieldOperand, kind: FactKind, literal: Literal<'_>) -> (String, String) {
    let name = &field.name;
    let (noun, remedy) = match kind {
        FactKind::Number => ("a number", remedy_for_number(field)),
        FactKind::Whole => ("a whole number", remedy_for_number(field)),
        FactKind::Truth => ("`true` or `false`", format!("write `{name}`, or `!{name}`")),
        FactKind::Text => ("a text", "compare it with a text in double quotes".to_owned()),
        FactKind::List => ("a list", format!("test whether it contains something, as in `\"word\" in {name}`")),
    };
    let (other, remedy) = match literal {
        Literal::Number(number) => (format!("the number {number}"), remedy),
        Literal::Truth(truth) => (format!("`{truth}`"), remedy),
        Literal::Nothing if kind == FactKind::Text => {
            ("`()`".to_owned(), "a text that is missing is empty: compare it with `\"\"`".to_owned())
        }
        Literal::Nothing => ("`()`".to_owned(), remedy),
        Literal::Text(text) => {
            (format!("the text `\"{text}\"`"), remedy_for_text_of_number(field, text).unwrap_or(remedy))
        }
    };
    (format!("`{name}` is {noun}, but {other} is not"), remedy)
}

fn remedy_for_number(field: &FieldOperand) -> String {
    let days = if field.name == "post.weekday" { ": Monday is 0, Sunday is 6" } else { "" };
    match field.limits {
        Some((min, max)) => format!("compare it with a number from {min} to {max}{days}"),
        None => "compare it with a number".to_owned(),
    }
}

/// The remedy for a text that stands for a number: one in quotes, or the name of a weekday.
fn remedy_for_text_of_number(field: &FieldOperand, text: &str) -> Option<String> {
    if matches!(field.kind, FactKind::Number | FactKind::Whole) && text.parse::<f64>().is_ok() {
        return Some(format!("write the number without quotes: `{text}`"));
    }
    let name = text.to_lowercase();
    let day = DAYS.iter().position(|day| *day == name || name.len() == 3 && day.starts_with(&name))?;
    (field.name == "post.weekday").then(|| format!("write `{day}`: Monday is 0, Sunday is 6"))
}
