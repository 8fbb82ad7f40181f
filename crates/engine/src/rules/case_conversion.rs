//! Finds texts that are converted to one case and then compared with a text that has letters of the other case.

use rhai::{ASTNode, Expr};

use super::field_operand::ConstantComparison;

/// The case that a text was converted to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum LetterCase {
    Lower,
    Upper,
}

impl LetterCase {
    fn of_function(function_name: &str) -> Option<Self> {
        match function_name {
            "to_lower" => Some(LetterCase::Lower),
            "to_upper" => Some(LetterCase::Upper),
            _ => None,
        }
    }

    /// The case that an expression such as `asset.title.to_lower()` converts its result to.
    fn of(expression: &Expr) -> Option<Self> {
        match expression {
            Expr::Dot(dot, ..) => Self::of(&dot.rhs),
            Expr::MethodCall(call, _) | Expr::FnCall(call, _) => Self::of_function(&call.name),
            _ => None,
        }
    }

    fn convert(self, text: &str) -> String {
        match self {
            LetterCase::Lower => text.to_lowercase(),
            LetterCase::Upper => text.to_uppercase(),
        }
    }

    const fn function_name(self) -> &'static str {
        match self {
            LetterCase::Lower => "to_lower",
            LetterCase::Upper => "to_upper",
        }
    }
}

/// The errors in a script node that compares or searches a converted text.
pub(super) fn mismatches(node: &ASTNode<'_>) -> Vec<ConstantComparison> {
    compared_texts(node).into_iter().filter_map(|(case, text)| mismatch(case, text)).collect()
}

/// The texts that a node compares a converted text with, each with the case of the conversion.
fn compared_texts<'e>(node: &ASTNode<'e>) -> Vec<(LetterCase, &'e Expr)> {
    match node {
        ASTNode::Expr(Expr::FnCall(call, _)) => match (call.name.as_str(), call.args.as_slice()) {
            ("contains", [Expr::Array(items, _), text]) => {
                LetterCase::of(text).map(|case| items.iter().map(|item| (case, item)).collect()).unwrap_or_default()
            }
            ("contains" | "starts_with" | "ends_with", [text, sought]) => {
                LetterCase::of(text).map(|case| (case, sought)).into_iter().collect()
            }
            ("==" | "!=", [first, second]) => {
                let (first_case, second_case) = (LetterCase::of(first), LetterCase::of(second));
                first_case.map(|case| (case, second)).or(second_case.map(|case| (case, first))).into_iter().collect()
            }
            _ => Vec::new(),
        },
        // In a method chain, a search right after a conversion, as in `title.to_lower().contains("A")`.
        ASTNode::Expr(Expr::Dot(dot, ..)) => {
            let Expr::MethodCall(conversion, _) = &dot.lhs else { return Vec::new() };
            let next = match &dot.rhs {
                Expr::Dot(rest, ..) => &rest.lhs,
                last => last,
            };
            let Expr::MethodCall(search, _) = next else { return Vec::new() };
            let is_search = matches!(search.name.as_str(), "contains" | "starts_with" | "ends_with");
            let sought = search.args.first().filter(|_| is_search);
            LetterCase::of_function(&conversion.name).zip(sought).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn mismatch(case: LetterCase, compared: &Expr) -> Option<ConstantComparison> {
    let Expr::StringConstant(text, _) = compared else { return None };
    let converted = case.convert(text);
    (converted != text.as_str()).then(|| ConstantComparison {
        position: compared.position(),
        name: case.function_name().to_owned(),
        cause: format!("a text never equals or contains `\"{text}\"` after `{}()`", case.function_name()),
        remedy: format!("write `\"{converted}\"`"),
    })
}
