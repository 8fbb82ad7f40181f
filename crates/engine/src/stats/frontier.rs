//! Pareto frontier of two objectives.

/// For each choice, whether it is on the Pareto frontier: whether no other choice is at least as great in both numbers
/// and greater in one. Greater is better for both. Equal choices are on the frontier together.
#[must_use]
pub fn frontier(choices: &[[f64; 2]]) -> Vec<bool> {
    let mut order: Vec<(usize, [f64; 2])> = choices.iter().copied().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| b[0].total_cmp(&a[0]).then(b[1].total_cmp(&a[1])));
    let mut on_frontier = vec![false; choices.len()];
    let mut best: Option<[f64; 2]> = None;
    for (index, choice) in order {
        // INVARIANT: all choices seen so far are at least as great in the first number. `best` is the greatest of them
        // in the second number; among several such choices, the greatest in the first.
        let is_on = best.is_none_or(|best| choice[1] > best[1] || choice == best);
        if is_on {
            best = Some(choice);
        }
        if let Some(entry) = on_frontier.get_mut(index) {
            *entry = is_on;
        }
    }
    on_frontier
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_dominated(choice: [f64; 2], choices: &[[f64; 2]]) -> bool {
        choices.iter().any(|other| other[0] >= choice[0] && other[1] >= choice[1] && *other != choice)
    }

    #[test]
    fn choices_that_trade_one_number_for_the_other_are_on_the_frontier_and_choices_below_them_are_not() {
        let choices = [[3.0, 1.0], [2.0, 2.0], [1.0, 3.0], [2.0, 1.0], [1.0, 1.0], [3.0, 1.0]];
        assert_eq!(frontier(&choices), [true, true, true, false, false, true]);
    }

    #[test]
    fn a_choice_that_is_equal_in_one_number_and_worse_in_the_other_is_not_on_the_frontier() {
        assert_eq!(frontier(&[[1.0, 2.0], [1.0, 1.0]]), [true, false]);
        assert_eq!(frontier(&[[1.0, 1.0], [2.0, 1.0]]), [false, true]);
        assert!(frontier(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn the_frontier_holds_the_choices_that_no_other_dominates(
            choices in prop::collection::vec((0_u8..9, 0_u8..9), 0..60)
        ) {
            let choices: Vec<[f64; 2]> = choices.into_iter().map(|(a, b)| [f64::from(a), f64::from(b)]).collect();
            let expected: Vec<bool> = choices.iter().map(|choice| !is_dominated(*choice, &choices)).collect();
            prop_assert_eq!(frontier(&choices), expected);
        }
    }
}
