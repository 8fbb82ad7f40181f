//! Maximum-weight bipartite matching with caps: each seeker gets at most one seat, each seat goes to at most one
//! seeker, and at most `cap` seats of an owner are taken. (For asset assignment: seekers are slots, seats are a
//! channel's assets, owners are assets.)
//!
//! Solved by successive shortest paths. Seekers are added one by one, each along the augmenting path of greatest gain,
//! which ends at a free seat or at a seeker left without one. Caps are enforced last: an owner over its cap gives up
//! one seat at a time, along the path of least loss. After each path the matching is optimal under the constraints so
//! far, so the last one is optimal under all of them.

use std::collections::VecDeque;

/// A seat that a seeker can take, and the gain over having none.
pub(super) type Choice = (usize, i64);

/// The seat of each seeker in a matching of maximum weight. `choices` are by seeker, `owners` by seat, `caps` by owner.
pub(super) fn best_matching(choices: &[Vec<Choice>], owners: &[usize], caps: &[usize]) -> Vec<Option<usize>> {
    let mut matching = Matching::new(choices, owners, caps.len());
    for seeker in 0..choices.len() {
        matching.change(seeker);
    }
    for (owner, cap) in matching.owners.iter_mut().zip(caps) {
        owner.cap = *cap;
    }
    for owner in 0..caps.len() {
        while matching.owners.get(owner).is_some_and(|owner| owner.taken > owner.cap) {
            matching.change(choices.len() + owner);
        }
    }
    matching.seat_of
}

#[derive(Debug)]
struct Seat {
    owner: usize,
    /// The seeker that has it, and the gain.
    holder: Option<(usize, i64)>,
}

#[derive(Debug)]
struct Owner {
    seats: Vec<usize>,
    taken: usize,
    cap: usize,
}

/// A matching and the search for augmenting paths. Nodes are first the seekers, each as if it had no seat, then the
/// owners, each as if one seat too many were taken.
#[derive(Debug)]
struct Matching<'c> {
    choices: &'c [Vec<Choice>],
    seats: Vec<Seat>,
    owners: Vec<Owner>,
    seat_of: Vec<Option<usize>>,
    chains: Chains,
}

impl<'c> Matching<'c> {
    /// The empty matching, without caps.
    fn new(choices: &'c [Vec<Choice>], owners: &[usize], owner_count: usize) -> Self {
        let seats_of = |owner: usize| (0..owners.len()).filter(|seat| owners.get(*seat) == Some(&owner)).collect();
        Self {
            choices,
            seats: owners.iter().map(|owner| Seat { owner: *owner, holder: None }).collect(),
            owners: (0..owner_count).map(|owner| Owner { seats: seats_of(owner), taken: 0, cap: usize::MAX }).collect(),
            seat_of: vec![None; choices.len()],
            chains: Chains::new(choices.len() + owner_count),
        }
    }

    /// Augments the matching along the best path from a node.
    fn change(&mut self, start: usize) {
        if let Some(owner) = self.owner_at(start).and_then(|owner| self.owners.get_mut(owner)) {
            owner.taken -= 1;
        }
        let end = self.best_end(start);
        match end.choice {
            None => self.go_without(end.seeker),
            Some(choice) => {
                self.take(end.seeker, choice);
                let owner = self.seats.get(choice.0).map_or(0, |seat| seat.owner);
                if let Some(owner) = self.owners.get_mut(owner) {
                    owner.taken += 1;
                }
            }
        }
        let mut node = end.seeker;
        while let Some(link) = self.chains.link_to(node) {
            match link.change {
                Change::Takes(choice) => self.take(link.from, choice),
                Change::GivesUp(seat) => self.free(seat),
            }
            node = link.from;
        }
    }

    fn owner_at(&self, node: usize) -> Option<usize> {
        node.checked_sub(self.choices.len())
    }

    fn take(&mut self, seeker: usize, (seat, gain): Choice) {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.holder = Some((seeker, gain));
        }
        if let Some(place) = self.seat_of.get_mut(seeker) {
            *place = Some(seat);
        }
    }

    fn free(&mut self, seat: usize) {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.holder = None;
        }
    }

    fn go_without(&mut self, seeker: usize) {
        if let Some(place) = self.seat_of.get_mut(seeker) {
            *place = None;
        }
    }

    /// Searches for augmenting paths from a node. Returns the end of the one of greatest gain, the first found among
    /// equals.
    fn best_end(&mut self, start: usize) -> End {
        let mut best = End { gain: i64::MIN, seeker: start, choice: None };
        self.chains.start_at(start);
        while let Some((node, so_far)) = self.chains.next() {
            match self.owner_at(node) {
                Some(owner) => self.give_up_any(owner, node, so_far),
                None => {
                    best.improve(End { gain: so_far, seeker: node, choice: None });
                    self.take_any(node, so_far, &mut best);
                }
            }
        }
        best
    }

    /// Extends paths from a seeker to the holders of the seats it can take. A free seat ends the path if its owner is
    /// below its cap, and otherwise leads to the owner.
    fn take_any(&mut self, seeker: usize, so_far: i64, best: &mut End) {
        for choice in self.choices.get(seeker).into_iter().flatten() {
            let (Some(seat), gain) = (self.seats.get(choice.0), so_far + choice.1) else { continue };
            let link = Link { from: seeker, change: Change::Takes(*choice) };
            match seat.holder {
                Some((holder, lost)) => self.chains.reach(holder, gain - lost, link),
                None if self.owners.get(seat.owner).is_some_and(|owner| owner.taken < owner.cap) => {
                    best.improve(End { gain, seeker, choice: Some(*choice) });
                }
                None => self.chains.reach(self.choices.len() + seat.owner, gain, link),
            }
        }
    }

    /// Extends paths from an owner to the holders of its seats.
    fn give_up_any(&mut self, owner: usize, node: usize, so_far: i64) {
        for seat in self.owners.get(owner).into_iter().flat_map(|owner| &owner.seats) {
            if let Some((holder, lost)) = self.seats.get(*seat).and_then(|seat| seat.holder) {
                self.chains.reach(holder, so_far - lost, Link { from: node, change: Change::GivesUp(*seat) });
            }
        }
    }
}

/// End of an augmenting path: a seeker goes without a seat, or takes a free one.
#[derive(Debug)]
struct End {
    gain: i64,
    seeker: usize,
    choice: Option<Choice>,
}

impl End {
    fn improve(&mut self, other: End) {
        if other.gain > self.gain {
            *self = other;
        }
    }
}

/// One step of a path: the node it comes from, and the change made there.
#[derive(Debug, Clone, Copy)]
struct Link {
    from: usize,
    change: Change,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Takes(Choice),
    GivesUp(usize),
}

/// The best path found so far to each node.
#[derive(Debug)]
struct Chains {
    reached: Vec<Reached>,
    waiting: VecDeque<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Reached {
    gain: i64,
    link: Option<Link>,
    is_waiting: bool,
}

impl Chains {
    const NOT_YET: Reached = Reached { gain: i64::MIN, link: None, is_waiting: false };

    fn new(nodes: usize) -> Self {
        Self { reached: vec![Self::NOT_YET; nodes], waiting: VecDeque::with_capacity(nodes) }
    }

    fn start_at(&mut self, node: usize) {
        self.reached.fill(Self::NOT_YET);
        self.arrive(node, 0, None);
    }

    fn reach(&mut self, node: usize, gain: i64, link: Link) {
        self.arrive(node, gain, Some(link));
    }

    fn arrive(&mut self, node: usize, gain: i64, link: Option<Link>) {
        let Some(reached) = self.reached.get_mut(node).filter(|reached| gain > reached.gain) else { return };
        if !reached.is_waiting {
            self.waiting.push_back(node);
        }
        *reached = Reached { gain, link, is_waiting: true };
    }

    /// The next node whose path improved since it was last processed, and the gain of that path.
    fn next(&mut self) -> Option<(usize, i64)> {
        let node = self.waiting.pop_front()?;
        let reached = self.reached.get_mut(node)?;
        reached.is_waiting = false;
        Some((node, reached.gain))
    }

    fn link_to(&self, node: usize) -> Option<Link> {
        self.reached.get(node)?.link
    }
}
