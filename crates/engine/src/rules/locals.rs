//! What the local variables of one function hold, and the cases of its `switch` statements, for the checks of
//! comparisons.

use std::collections::BTreeMap;

use rhai::{AST, ASTNode, Engine, Expr, Position, Stmt, Token};

use super::field_operand::FieldOperand;

/// What is known about one function in addition to its AST.
#[derive(Default)]
pub(super) struct Locals {
    /// Variables that hold a field of a view, or an entry of a field that is a list; `None` if they may hold something
    /// else too.
    fields: BTreeMap<String, Option<FieldOperand>>,
    /// Variables that hold an array literal; `None` if they may hold something else too.
    lists: BTreeMap<String, Option<Vec<Expr>>>,
    /// The values in the cases of each `switch`, of which the AST keeps only hashes.
    cases: BTreeMap<Position, Vec<Expr>>,
}

impl Locals {
    /// Analyses the only function of an AST. `text` is the source of the AST.
    pub fn of(function: &AST, engine: &Engine, text: &str) -> Self {
        let mut locals = Self::default();
        let mut modified = Vec::new();
        function.walk(&mut |path| {
            modified.extend(path.last().and_then(modified_variable));
            match path.last() {
                Some(ASTNode::Stmt(Stmt::Var(declared, ..))) => locals.declare(&declared.0.name, &declared.1),
                Some(ASTNode::Stmt(Stmt::For(parts, _))) => {
                    let entry = FieldOperand::of(&parts.2.expr).and_then(FieldOperand::entry);
                    locals.add_field(&parts.0.name, entry);
                    if let Some(counter) = &parts.1 {
                        locals.add_field(&counter.name, None);
                    }
                }
                Some(ASTNode::Stmt(Stmt::Switch(_, position))) => {
                    locals.cases.insert(*position, cases(engine, text, *position));
                }
                _ => {}
            }
            true
        });
        for name in modified {
            locals.fields.insert(name.clone(), None);
            locals.lists.insert(name, None);
        }
        locals
    }

    /// Records the value of a `let` or `const`. A name that is declared twice may hold either value.
    fn declare(&mut self, name: &str, value: &Expr) {
        self.add_field(name, FieldOperand::of(value));
        let list = match value {
            Expr::Array(items, _) => Some(items.to_vec()),
            _ => None,
        };
        self.lists.entry(name.to_owned()).and_modify(|known| *known = None).or_insert(list);
    }

    fn add_field(&mut self, name: &str, field: Option<FieldOperand>) {
        self.fields.entry(name.to_owned()).and_modify(|known| *known = None).or_insert(field);
    }

    /// The field that an expression reads, directly or through a variable.
    pub fn field(&self, expression: &Expr) -> Option<FieldOperand> {
        match expression {
            Expr::Variable(variable, ..) => self.fields.get(variable.1.as_str())?.clone(),
            other => FieldOperand::of(other),
        }
    }

    /// The entries of an array literal, given directly or through a variable.
    pub fn list<'e>(&'e self, expression: &'e Expr) -> Option<&'e [Expr]> {
        match expression {
            Expr::Array(items, _) => Some(items),
            Expr::Variable(variable, ..) => self.lists.get(variable.1.as_str())?.as_deref(),
            _ => None,
        }
    }

    /// The values in the cases of the `switch` at a position.
    pub fn cases(&self, position: Position) -> &[Expr] {
        self.cases.get(&position).map_or(&[], Vec::as_slice)
    }
}

/// Functions that do not modify the value that they are called on.
const PURE_FUNCTIONS: [&str; 12] = [
    "contains",
    "ends_with",
    "filter",
    "index_of",
    "is_empty",
    "len",
    "map",
    "split",
    "starts_with",
    "sub_string",
    "to_lower",
    "to_upper",
];

/// The variable that a node may modify: by an assignment, or by a function that is called on it.
fn modified_variable(node: &ASTNode<'_>) -> Option<String> {
    let is_pure = |name: &str| PURE_FUNCTIONS.contains(&name);
    match node {
        ASTNode::Stmt(Stmt::Assignment(parts)) => first_variable(&parts.1.lhs),
        ASTNode::Expr(Expr::Dot(dot, ..)) => {
            let first = match &dot.rhs {
                Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
                last => last,
            };
            match first {
                Expr::MethodCall(call, _) if !is_pure(&call.name) => first_variable(&dot.lhs),
                _ => None,
            }
        }
        ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))
            if call.op_token.is_none() && !is_pure(&call.name) =>
        {
            first_variable(call.args.first()?)
        }
        _ => None,
    }
}

/// The variable that an expression starts with.
fn first_variable(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Variable(variable, ..) => Some(variable.1.to_string()),
        Expr::Dot(parts, ..) | Expr::Index(parts, ..) => first_variable(&parts.lhs),
        _ => None,
    }
}

/// The numbers and texts in the cases of a `switch`; ranges and everything after `=>` are left out.
fn cases(engine: &Engine, text: &str, switch: Position) -> Vec<Expr> {
    let Some(lines_before) = switch.line().and_then(|line| line.checked_sub(1)) else { return Vec::new() };
    let switch_column = switch.position().unwrap_or(1).saturating_sub(1);
    let text = without_backtick_strings(text);
    let rest: Vec<&str> = text.lines().skip(lines_before).collect();
    let mut found = Vec::new();
    let mut pattern = Vec::new();
    let (mut depth, mut is_after_arrow) = (0_usize, false);
    for (token, position) in engine.lex(&[rest.join("\n")]).0 {
        if matches!(token, Token::EOF | Token::LexError(_)) {
            break;
        }
        let column = position.position().unwrap_or(1);
        // Tokens before the `switch`, on the same line.
        if position.line() == Some(1) && column <= switch_column {
            continue;
        }
        match token {
            Token::LeftBrace | Token::MapStart | Token::LeftParen | Token::LeftBracket => depth += 1,
            Token::RightBrace | Token::RightParen | Token::RightBracket => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token == Token::RightBrace {
                    break;
                }
                // A block after `=>` ends its case without a comma.
                is_after_arrow &= !(depth == 1 && token == Token::RightBrace);
            }
            Token::Comma if depth == 1 => {
                is_after_arrow = false;
                pattern.clear();
            }
            Token::DoubleArrow if depth == 1 => {
                found.extend(case_values(&pattern));
                pattern.clear();
                is_after_arrow = true;
            }
            other if depth == 1 && !is_after_arrow => {
                let line = position.line().map_or(0, |line| line + lines_before);
                // `Position` holds numbers of 16 bits.
                let line = u16::try_from(line).unwrap_or(u16::MAX);
                pattern.push((other, Position::new(line, u16::try_from(column).unwrap_or(u16::MAX))));
            }
            _ => {}
        }
    }
    found
}

/// The values of one case, `A | B if CONDITION`; ranges and anything else are left out.
fn case_values(pattern: &[(Token, Position)]) -> Vec<Expr> {
    let unconditional = pattern.split(|(token, _)| *token == Token::If).next().unwrap_or_default();
    let value = |part: &[(Token, Position)]| match part {
        [(Token::StringConstant(text), position)] => Some(Expr::StringConstant(text.as_str().into(), *position)),
        [(Token::IntegerConstant(number), position)] => Some(Expr::IntegerConstant(*number, *position)),
        _ => None,
    };
    unconditional.split(|(token, _)| *token == Token::Pipe).filter_map(value).collect()
}

/// The text with backtick strings blanked out, since code interpolated in them would be lexed as code. A backtick in a
/// comment or in another string does not start one.
fn without_backtick_strings(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    // What the current letter is inside of: the quote that opened a string, or the second character of the `//` or `/*`
    // that opened a comment.
    let mut inside = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_hidden = inside == Some('`') || inside.is_none() && letter == '`';
        plain.push(if is_hidden && letter != '\n' { ' ' } else { letter });
        inside = match (inside, letter) {
            (Some('"' | '`'), '\\') => {
                plain.extend(letters.next().map(|next| if is_hidden && next != '\n' { ' ' } else { next }));
                inside
            }
            (Some('/'), '\n') => None,
            (Some('*'), '*') if letters.peek() == Some(&'/') => None,
            (Some(open @ ('"' | '`')), other) if open == other => None,
            (None, '/') => letters.peek().copied().filter(|next| matches!(next, '/' | '*')),
            (None, '"' | '`') => Some(letter),
            (inside, _) => inside,
        };
    }
    plain
}

#[cfg(test)]
mod tests {
    use rhai::OptimizationLevel;

    use super::super::script;
    use super::*;

    /// Compiles a script without optimizations.
    fn compiled(text: &str) -> (Engine, AST) {
        let mut engine = script::engine();
        engine.set_optimization_level(OptimizationLevel::None);
        let ast = engine.compile(text).unwrap();
        (engine, ast)
    }

    /// Text, line and column of each value in a case.
    fn cases_of(text: &str) -> Vec<(String, Option<usize>, Option<usize>)> {
        let (engine, ast) = compiled(text);
        let locals = Locals::of(&ast.clone_functions_only(), &engine, text);
        let all = locals.cases.values().flatten();
        all.map(|case| {
            let shown = match case {
                Expr::StringConstant(text, _) => text.to_string(),
                Expr::IntegerConstant(number, _) => number.to_string(),
                _ => String::new(),
            };
            (shown, case.position().line(), case.position().position())
        })
        .collect()
    }

    #[test]
    fn the_values_that_cases_name_are_found_with_their_positions() {
        let text = "fn f(ctx) {\n    switch ctx.channel {\n        \"fb\" | \"ig\" => `a } => ${1} b`,\n        \
                    \"x\" if ctx.assessed => { \"no case\" }\n        \"y\" => if ctx.assessed { 1 } else if true { 2 } else { 3 },\n        // `odd\n        7 => 1,\n        \
                    0..5 => #{ a: \"nor here\" },\n        _ => \"other\"\n    }\n}\nfn g(ctx) { \"later\" }\n";
        let found = cases_of(text);
        let expected = [("fb", 3, 9), ("ig", 3, 16), ("x", 4, 9), ("y", 5, 9), ("7", 7, 9)];
        let expected: Vec<_> =
            expected.iter().map(|(text, line, column)| ((*text).to_owned(), Some(*line), Some(*column))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_variable_stands_for_a_field_only_if_it_holds_nothing_else() {
        let text = "fn f(ctx, post) {\n    let a = ctx.client;\n    let b = ctx.client;\n    b = post.campaign;\n    \
                    for (tag, i) in ctx.tags { let c = tag; }\n    \
                    let e = ctx.client;\n    e.truncate(3);\n    let g = [\"x\"];\n    g[0] = \"y\";\n    let d = [\"x\"];\n}\n";
        let (engine, ast) = compiled(text);
        let locals = Locals::of(&ast.clone_functions_only(), &engine, text);
        let known: Vec<&str> =
            locals.fields.iter().filter(|(_, field)| field.is_some()).map(|(name, _)| name.as_str()).collect();
        assert_eq!(known, ["a", "tag"]);
        let lists: Vec<&str> =
            locals.lists.iter().filter(|(_, list)| list.is_some()).map(|(name, _)| name.as_str()).collect();
        assert_eq!(lists, ["d"]);
    }
}
