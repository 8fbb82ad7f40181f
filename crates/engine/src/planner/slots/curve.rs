//! Curves: the best future value as a piecewise linear function of fatigue, and the upper envelope of two of them.
//!
//! A curve is stored once, for the hour at which it last changed, and read from earlier hours through a `View`, because
//! waiting only scales fatigue. A curve that no post improves thus costs nothing to carry back in time.

#![expect(clippy::indexing_slicing, reason = "every curve has at least one piece")]

/// A straight line: `intercept - slope · fatigue`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub intercept: f64,
    pub slope: f64,
}

impl Line {
    /// Value at a fatigue.
    #[inline]
    pub fn at(&self, fatigue: f64) -> f64 {
        self.intercept - self.slope * fatigue
    }

    #[inline]
    fn plus(self, other: Self) -> Self {
        Self { intercept: self.intercept + other.intercept, slope: self.slope + other.slope }
    }

    #[inline]
    fn minus(self, other: Self) -> Self {
        Self { intercept: self.intercept - other.intercept, slope: self.slope - other.slope }
    }
}

/// A line that applies from a fatigue up to the start of the next piece.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    pub from: f64,
    pub line: Line,
}

/// A curve seen from an earlier hour: fatigue `f` at that hour is `(f + added) · decay` at the curve's own hour.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// The pieces, ascending, at least one; the first also applies below its start, the last has no end.
    pub pieces: &'a [Piece],
    /// Factor on fatigue from the earlier hour to the curve's own.
    pub decay: f64,
    /// Reciprocal of `decay`.
    pub growth: f64,
    /// Fatigue added before the wait.
    pub added: f64,
}

impl View<'_> {
    /// Value at a fatigue.
    pub fn at(&self, fatigue: f64) -> f64 {
        let fatigue = (fatigue + self.added) * self.decay;
        let next = self.pieces[1..].iter().position(|piece| fatigue < piece.from);
        self.pieces[next.unwrap_or(self.pieces.len() - 1)].line.at(fatigue)
    }

    /// A piece's line as a function of the earlier hour's fatigue.
    #[inline]
    fn line(&self, piece: &Piece) -> Line {
        let slope = piece.line.slope * self.decay;
        Line { intercept: piece.line.intercept - slope * self.added, slope }
    }

    /// Start of the first of the given pieces, in terms of the earlier hour's fatigue; infinite if there are none.
    #[inline]
    fn start(&self, pieces: &[Piece]) -> f64 {
        pieces.first().map_or(f64::INFINITY, |piece| piece.from * self.growth - self.added)
    }

    /// A cursor at the piece that applies at a fatigue of the earlier hour.
    #[inline]
    fn cursor_at(&self, fatigue: f64) -> Cursor<'_> {
        let rest = &self.pieces[1..];
        let mut cursor = Cursor { view: self, line: self.line(&self.pieces[0]), end: self.start(rest), rest };
        while cursor.end <= fatigue {
            cursor.advance();
        }
        cursor
    }
}

/// A cursor along a curve: the current piece, in terms of the earlier hour's fatigue, and the pieces ahead.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    view: &'a View<'a>,
    /// Line of the current piece.
    line: Line,
    /// End of the current piece.
    end: f64,
    rest: &'a [Piece],
}

impl Cursor<'_> {
    #[inline]
    fn advance(&mut self) {
        if let Some((piece, rest)) = self.rest.split_first() {
            self.line = self.view.line(piece);
            self.rest = rest;
        }
        self.end = self.view.start(self.rest);
    }
}

/// What a post earns at most, as a function of the fatigue from chosen posts: two lines that meet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gain {
    /// Line below the kink.
    pub below_kink: Line,
    /// Line from the kink on.
    pub above_kink: Line,
    /// Whichever of the two lines is the higher one from the kink on.
    pub upper: Line,
    /// Fatigue at which the lines meet.
    pub kink: f64,
    /// Lower end of the range of fatigue for which the lines hold.
    pub from: f64,
    /// Fatigue from which the post is blocked.
    pub headroom: f64,
}

/// Fills `out`, which must be empty, with the upper envelope of waiting and posting, for fatigue from chosen posts of
/// `gain.from..=max_fatigue`, and returns true. If posting is nowhere better, leaves `out` empty and returns false.
#[inline]
pub(super) fn write_envelope(wait: &View, post: &View, gain: &Gain, max_fatigue: f64, out: &mut Vec<Piece>) -> bool {
    !is_dominated_at_ends(wait, post, gain, max_fatigue) && walk_envelope(wait, post, gain, max_fatigue, out)
}

/// Whether posting is better at neither end of the range: a quick test for curves of one piece, which saves most walks.
#[inline]
fn is_dominated_at_ends(wait: &View, post: &View, gain: &Gain, max_fatigue: f64) -> bool {
    let ([wait_piece], [post_piece]) = (wait.pieces, post.pieces) else { return false };
    let advantage = |earned: Line| post.line(post_piece).plus(earned).minus(wait.line(wait_piece));
    advantage(gain.below_kink).at(gain.from) <= 0.0 && advantage(gain.upper).at(max_fatigue) <= 0.0
}

/// Walks both curves, and writes the envelope once a segment is found on which posting is better somewhere. Returns
/// whether there is one.
fn walk_envelope(wait: &View, post: &View, gain: &Gain, max_fatigue: f64, out: &mut Vec<Piece>) -> bool {
    if gain.headroom <= gain.from {
        return false;
    }
    let mut walk = Walk::new(wait, post, gain, max_fatigue);
    while !walk.is_posting_better() {
        if !walk.step() {
            return false;
        }
    }
    append(wait, [gain.from, walk.from], out);
    walk.write(out);
    append(wait, [walk.range_end, max_fatigue], out);
    true
}

/// A simultaneous walk along both curves, segment by segment.
struct Walk<'a> {
    waiting: Cursor<'a>,
    posting: Cursor<'a>,
    /// The gain's current line.
    earned: Line,
    /// The gain's line from the kink on.
    above_kink: Line,
    /// Start of the current segment.
    from: f64,
    /// End of the current segment.
    until: f64,
    /// End of the gain's current line.
    earned_until: f64,
    /// Fatigue at which the range ends or, if lower, from which the post is blocked.
    range_end: f64,
}

impl<'a> Walk<'a> {
    #[inline]
    fn new(wait: &'a View, post: &'a View, gain: &Gain, max_fatigue: f64) -> Self {
        let range_end = lesser(max_fatigue, gain.headroom);
        let is_below_kink = gain.kink > gain.from;
        let (earned, earned_until) =
            if is_below_kink { (gain.below_kink, lesser(gain.kink, range_end)) } else { (gain.above_kink, range_end) };
        let (waiting, posting) = (wait.cursor_at(gain.from), post.cursor_at(gain.from));
        let until = lesser(lesser(waiting.end, posting.end), earned_until);
        Self { waiting, posting, earned, above_kink: gain.above_kink, from: gain.from, until, earned_until, range_end }
    }

    /// Value of posting on the current segment.
    #[inline]
    fn posting_value(&self) -> Line {
        self.posting.line.plus(self.earned)
    }

    #[inline]
    fn is_posting_better(&self) -> bool {
        let advantage = self.posting_value().minus(self.waiting.line);
        advantage.at(self.from) > 0.0 || advantage.at(self.until) > 0.0
    }

    /// Advances to the next segment. Returns false at the end of the walk.
    #[inline]
    fn step(&mut self) -> bool {
        if self.until >= self.earned_until {
            if self.until >= self.range_end {
                return false;
            }
            self.earned_until = self.range_end;
            self.earned = self.above_kink;
        }
        if self.waiting.end <= self.until {
            self.waiting.advance();
        }
        if self.posting.end <= self.until {
            self.posting.advance();
        }
        self.from = self.until;
        self.until = lesser(lesser(self.waiting.end, self.posting.end), self.earned_until);
        true
    }

    /// Writes the better choice on this segment and all that follow.
    fn write(&mut self, out: &mut Vec<Piece>) {
        loop {
            let (wait, post) = (self.waiting.line, self.posting_value());
            let advantage = post.minus(wait);
            let (at_from, at_until) = (advantage.at(self.from), advantage.at(self.until));
            let posts_first = at_from > 0.0 || (at_from == 0.0 && at_until > 0.0);
            let posts_last = at_until > 0.0 || (at_until == 0.0 && at_from > 0.0);
            push(self.from, if posts_first { post } else { wait }, out);
            if posts_first != posts_last {
                let crossing = (advantage.intercept / advantage.slope).max(self.from).min(self.until);
                push(crossing, if posts_last { post } else { wait }, out);
            }
            if !self.step() {
                break;
            }
        }
    }
}

/// Appends a curve unchanged over a range.
fn append(view: &View, [mut from, end]: [f64; 2], out: &mut Vec<Piece>) {
    let mut cursor = view.cursor_at(from);
    while from < end {
        push(from, cursor.line, out);
        from = cursor.end;
        cursor.advance();
    }
}

/// Appends a piece, unless it continues the last piece's line; a last piece without length is replaced.
fn push(from: f64, line: Line, out: &mut Vec<Piece>) {
    match out.last_mut() {
        Some(last) if last.line == line => {}
        Some(last) if last.from >= from => last.line = line,
        _ => out.push(Piece { from, line }),
    }
}

/// The smaller of two numbers that are not NaN, in one instruction.
#[inline]
pub(super) fn lesser(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}
