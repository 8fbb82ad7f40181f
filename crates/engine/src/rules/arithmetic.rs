//! Math functions for scripts that give bit-for-bit the same results on every platform.
//!
//! Rhai's built-in math functions use the platform's math library. The functions of the `libm` crate override them,
//! under the same names; no functions are added.

use rhai::Engine;

type UnaryFunction = fn(f64) -> f64;
type BinaryFunction = fn(f64, f64) -> f64;

const UNARY: [(&str, UnaryFunction); 16] = [
    ("sin", libm::sin),
    ("cos", libm::cos),
    ("tan", libm::tan),
    ("sinh", libm::sinh),
    ("cosh", libm::cosh),
    ("tanh", libm::tanh),
    ("asin", libm::asin),
    ("acos", libm::acos),
    ("atan", libm::atan),
    ("asinh", libm::asinh),
    ("acosh", libm::acosh),
    ("atanh", libm::atanh),
    ("exp", libm::exp),
    ("ln", libm::log),
    ("log", libm::log10),
    ("sqrt", libm::sqrt),
];

/// Binary functions, and the operator `**`.
const BINARY: [(&str, BinaryFunction); 4] =
    [("atan", libm::atan2), ("hypot", libm::hypot), ("log", log_to_base), ("**", libm::pow)];

fn log_to_base(number: f64, base: f64) -> f64 {
    libm::log(number) / libm::log(base)
}

/// Overrides Rhai's built-in math functions.
pub(super) fn register(engine: &mut Engine) {
    for (name, function) in UNARY {
        engine.register_fn(name, function);
    }
    for (name, function) in BINARY {
        engine.register_fn(name, function);
    }
    engine.register_fn("**", |base: i64, exponent: f64| libm::pow(base as f64, exponent));
    engine.register_fn("**", |base: f64, exponent: i64| libm::pow(base, exponent as f64));
    engine.register_fn("**=", |base: &mut f64, exponent: f64| *base = libm::pow(*base, exponent));
    engine.register_fn("**=", |base: &mut f64, exponent: i64| *base = libm::pow(*base, exponent as f64));
}

/// Turns off Rhai's fast built-in operators if a script uses `**`, so that powers go through the overridden operator.
/// Other scripts keep the fast operators.
pub(super) fn use_libm_for_powers(engine: &mut Engine, scripts: &str) {
    engine.set_fast_operators(!scripts.contains("**"));
}

#[cfg(test)]
mod tests {
    use super::super::script;
    use super::*;

    fn value(script: &str) -> f64 {
        let mut engine = script::engine();
        use_libm_for_powers(&mut engine, script);
        let ast = engine.compile(script).unwrap();
        engine.eval_ast::<f64>(&ast).unwrap()
    }

    fn numbers() -> impl Iterator<Item = f64> {
        (1..400).map(|n| f64::from(n) * 0.0137)
    }

    #[test]
    fn math_functions_return_the_bits_that_libm_returns() {
        for x in numbers() {
            for (name, function) in UNARY {
                let (expected, actual) = (function(x), value(&format!("let x = {x:?}; {name}(x)")));
                assert_eq!(expected.to_bits(), actual.to_bits(), "{name}({x})");
            }
            assert_eq!(libm::atan2(x, 0.3).to_bits(), value(&format!("atan({x:?}, 0.3)")).to_bits());
            assert_eq!(libm::hypot(x, 0.3).to_bits(), value(&format!("hypot({x:?}, 0.3)")).to_bits());
            assert_eq!(log_to_base(x, 3.0).to_bits(), value(&format!("log({x:?}, 3.0)")).to_bits());
        }
    }

    #[test]
    fn powers_return_the_bits_that_libm_returns_however_they_are_written() {
        for x in numbers() {
            let expected = libm::pow(x, 1.7).to_bits();
            let constant = format!("{x:?} ** 1.7");
            for script in [constant, format!("let x = {x:?}; x ** 1.7"), format!("let x = {x:?}; x **= 1.7; x")] {
                assert_eq!(value(&script).to_bits(), expected, "{script}");
            }
            assert_eq!(value(&format!("let x = {x:?}; x ** 7")).to_bits(), libm::pow(x, 7.0).to_bits());
            assert_eq!(value(&format!("let x = {x:?}; 3 ** x")).to_bits(), libm::pow(3.0, x).to_bits());
        }
    }

    #[test]
    fn powers_of_whole_numbers_stay_whole() {
        let mut engine = script::engine();
        use_libm_for_powers(&mut engine, "**");
        assert_eq!(engine.eval_expression::<i64>("3 ** 4").unwrap(), 81);
        assert!(engine.eval_expression::<i64>("3 ** 400").is_err());
    }
}
