//! Pareto frontier of two objectives.

/// By choice, whether it is on the Pareto frontier: no other choice has at least as much of both numbers and more of
/// one. More is better for both. Equal choices are on the frontier together.
#[must_use]
pub fn frontier(choices: &[[f64; 2]]) -> Vec<bool> {
    let mut order: Vec<(usize, [f64; 2])> = choices.iter().copied().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| b[0].total_cmp(&a[0]).then(b[1].total_cmp(&a[1])));
    let mut on_frontier = vec![false; choices.len()];
    let mut best: Option<[f64; 2]> = None;
    for (index, choice) in order {
        // INVARIANT: all choices seen have at least as much of the first number; `best` has the most of the second
        // among them, and of those the most of the first.
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
    fn a_staircase_of_choices_is_the_frontier_and_what_lies_below_is_not() {
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
        fn the_frontier_is_what_no_other_choice_dominates(
            choices in prop::collection::vec((0_u8..9, 0_u8..9), 0..60)
        ) {
            let choices: Vec<[f64; 2]> = choices.into_iter().map(|(a, b)| [f64::from(a), f64::from(b)]).collect();
            let by_force: Vec<bool> = choices.iter().map(|choice| !is_dominated(*choice, &choices)).collect();
            prop_assert_eq!(frontier(&choices), by_force);
        }
    }
}
