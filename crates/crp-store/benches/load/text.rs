//! Text with the habits of language: few words often, many rarely; the same for the same numbers.

/// Words that there are.
const VOCABULARY: u64 = 200_000;
/// Words of a page; a letter has some two hundred.
const WORDS_PER_PAGE: u64 = 200;

/// The text of a page.
pub(crate) fn page(document: u64, page: u32) -> String {
    let mut chance = Chance(document << 16 | u64::from(page));
    let mut text = String::new();
    for n in 0..WORDS_PER_PAGE {
        text += &word(chance.rank());
        text.push(if n % 12 == 11 { '\n' } else { ' ' });
    }
    text
}

/// The word with this rank; rank 0 is the one that is met most often.
pub(crate) fn word(rank: u64) -> String {
    const SYLLABLES: [&str; 20] =
        ["ba", "re", "lo", "mi", "tu", "sen", "kor", "dal", "fi", "gan", "hol", "ji", "par", "ven", "wo", "zu", "ter", "nis", "ack", "es"];
    let mut left = rank;
    let mut word = String::new();
    loop {
        word += SYLLABLES[(left % 20) as usize];
        left /= 20;
        if left == 0 {
            return word;
        }
        left -= 1;
    }
}

/// Splitmix64 (Steele, Lea and Flood 2014): enough for texts.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A rank by Zipf's law: the logarithm of the rank is even.
    fn rank(&mut self) -> u64 {
        let even = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        ((VOCABULARY as f64).powf(even) as u64 - 1).min(VOCABULARY - 1)
    }
}
