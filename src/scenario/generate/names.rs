//! Fictional business names and headlines.

use super::draw::Draw;

/// A trade, with name parts and topics of its businesses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trade {
    /// The industry in the clients table.
    pub industry: &'static str,
    name_suffixes: [&'static str; 3],
    topics: [&'static str; 4],
}

const NAME_STARTS: [&str; 32] = [
    "Lark", "Brindle", "Oster", "Wick", "Tamar", "Quill", "Fen", "Marl", "Sable", "Thorn", "Ember", "Haw", "Pell",
    "Rook", "Vesper", "Cory", "Dun", "Elder", "Gorse", "Hazel", "Iris", "Juni", "Kestrel", "Linden", "Moss", "Nettle",
    "Orrin", "Plover", "Russet", "Sorrel", "Tansy", "Umber",
];

const NAME_ENDINGS: [&str; 16] = [
    "mere", "ford", "wick", "dale", "by", "combe", "hollow", "stead", "ley", "field", "gate", "worth", "brook",
    "mount", "haven", "stow",
];

const TRADES: [Trade; 20] = [
    trade(
        "bakery",
        ["Bakery", "Bread Co", "Patisserie"],
        ["sourdough", "a new oven", "morning rolls", "birthday cakes"],
    ),
    trade(
        "legal",
        ["Law", "Legal", "Solicitors"],
        ["tenancy rights", "wills", "a new statute", "contracts in plain words"],
    ),
    trade(
        "dental",
        ["Dental", "Smiles", "Orthodontics"],
        ["braces", "a first visit", "sensitive teeth", "brushing well"],
    ),
    trade("fitness", ["Gym", "Fitness", "Pilates"], ["morning classes", "good form", "rest days", "a member's year"]),
    trade(
        "software",
        ["Software", "Cloud", "Systems"],
        ["a release", "data that moves", "an outage explained", "roadmaps"],
    ),
    trade("garden", ["Gardens", "Nursery", "Landscapes"], ["bulbs", "dry summers", "pruning", "a courtyard"]),
    trade("coffee", ["Coffee", "Roasters", "Espresso"], ["a new origin", "cold brew", "grind sizes", "our baristas"]),
    trade("travel", ["Journeys", "Travel", "Escapes"], ["off-season", "slow trains", "packing light", "an island"]),
    trade("fashion", ["Apparel", "Studio", "Threads"], ["linen", "the autumn line", "mending", "a fitting"]),
    trade(
        "property",
        ["Homes", "Estates", "Lettings"],
        ["first-time buyers", "a street", "energy ratings", "viewings"],
    ),
    trade("veterinary", ["Vets", "Animal Clinic", "Pet Care"], ["vaccines", "old dogs", "a rescue", "winter paws"]),
    trade("cycling", ["Cycles", "Bike Works", "Velo"], ["a commuter build", "gravel", "tyre widths", "a workshop day"]),
    trade(
        "accounting",
        ["Accounts", "Tax", "Advisory"],
        ["the year's end", "allowances", "cash flow", "a founder's books"],
    ),
    trade("brewery", ["Brewing", "Ales", "Taproom"], ["a seasonal", "hops", "a tap takeover", "zero percent"]),
    trade("education", ["Academy", "Tutors", "Learning"], ["exam weeks", "reading aloud", "a scholarship", "open day"]),
    trade(
        "furniture",
        ["Furniture", "Joinery", "Interiors"],
        ["an oak table", "small rooms", "a repair", "upholstery"],
    ),
    trade("hotel", ["Hotel", "Inn", "Guesthouse"], ["a quiet weekend", "breakfast", "the garden room", "local walks"]),
    trade("solar", ["Solar", "Energy", "Power"], ["roof angles", "a year of bills", "batteries", "grants"]),
    trade("music", ["Music", "Records", "Sound"], ["vinyl", "a beginner's guitar", "open mic", "a listening room"]),
    trade(
        "museum",
        ["Museum", "Gallery", "Collection"],
        ["a new wing", "a lost painting", "late opening", "school trips"],
    ),
];

const TITLE_ENDINGS: [&str; 12] = [
    "what nobody tells you",
    "behind the scenes",
    "three things to know",
    "a short story",
    "before and after",
    "your questions answered",
    "a day with us",
    "why it matters",
    "step by step",
    "the honest version",
    "what we learnt",
    "in one minute",
];

const fn trade(industry: &'static str, name_suffixes: [&'static str; 3], topics: [&'static str; 4]) -> Trade {
    Trade { industry, name_suffixes, topics }
}

/// A fictional business.
pub(super) struct Business {
    pub trade: Trade,
    pub name: String,
    /// The client's id: name, industry and number.
    pub slug: String,
}

/// Draws a business. Names may repeat; slugs do not, since they contain the client's number.
pub(super) fn business(draw: &mut Draw, number: u32) -> Business {
    let trade = *draw.pick_from(&TRADES);
    let first = *draw.pick_from(&NAME_STARTS);
    let second = *draw.pick_from(&NAME_ENDINGS);
    let suffix = *draw.pick_from(&trade.name_suffixes);
    let slug = format!("{}{second}-{}-{number:04}", first.to_lowercase(), trade.industry);
    Business { trade, name: format!("{first}{second} {suffix}"), slug }
}

/// A headline about a topic of the trade.
pub(super) fn headline(draw: &mut Draw, trade: &Trade) -> String {
    let topic = *draw.pick_from(&trade.topics);
    let ending = *draw.pick_from(&TITLE_ENDINGS);
    let mut chars = topic.chars();
    let capitalised: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    format!("{capitalised}: {ending}")
}
