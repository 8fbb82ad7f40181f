//! Seekers to seats at the greatest gain: each seeker takes one seat or none, each seat one seeker, and an
//! owner's seats are taken no more often than its cap allows.
//!
//! Seekers are seated one after the other, each by the chain of changes that gains most: it takes the seat of
//! another, who takes a third's, and so on, until a seat was free or somebody goes without. Caps come last: an owner
//! whose seats are taken too often gives one up, by the chain that loses least. Every chain leaves the best of all
//! matchings under the bounds so far (successive shortest paths), so the last one does under all of them.

use std::collections::VecDeque;

/// A seat that a seeker can take, and what that gains against going without.
pub(super) type Choice = (usize, i64);

/// For each seeker the seat in a matching that gains most. `choices` are by seeker, `owners` by seat, `caps` by owner.
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
    /// Who sits there, and what that gains.
    holder: Option<(usize, i64)>,
}

#[derive(Debug)]
struct Owner {
    seats: Vec<usize>,
    taken: usize,
    cap: usize,
}

/// A matching and the search for what to change in it. Nodes of the search are the seekers, each as if it had no
/// seat, and then the owners, each as if one seat too many were taken.
#[derive(Debug)]
struct Matching<'c> {
    choices: &'c [Vec<Choice>],
    seats: Vec<Seat>,
    owners: Vec<Owner>,
    seat_of: Vec<Option<usize>>,
    chains: Chains,
}

impl<'c> Matching<'c> {
    /// Nobody sits, and nothing caps an owner yet.
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

    /// Makes the chain of changes from a node that gains most.
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

    /// Searches for chains from a node. Returns the end of the one that gains most, of several the first found.
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

    /// Goes on from a seeker to whoever has the seats it can take; a free seat ends the chain if its owner has room.
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

    /// Goes on from an owner to whoever holds its seats.
    fn give_up_any(&mut self, owner: usize, node: usize, so_far: i64) {
        for seat in self.owners.get(owner).into_iter().flat_map(|owner| &owner.seats) {
            if let Some((holder, lost)) = self.seats.get(*seat).and_then(|seat| seat.holder) {
                self.chains.reach(holder, so_far - lost, Link { from: node, change: Change::GivesUp(*seat) });
            }
        }
    }
}

/// A chain ends where a seeker goes without, or takes a free seat.
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

/// One change of a chain, by the node that makes it.
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

/// The best chain found so far to each node.
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

    /// A node that was reached by a better chain since it was last looked at, and what that chain gains.
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
