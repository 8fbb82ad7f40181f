//! Command lines that can be pasted into a shell.

use std::borrow::Cow;
use std::path::Path;

/// A word of a command line, quoted if a shell would otherwise split or expand it.
#[must_use]
pub fn shell_word(word: &str) -> Cow<'_, str> {
    // `shlex` would also quote these.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return Cow::Borrowed(word);
    }
    // Only a NUL cannot be quoted, and no argument can contain one.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

/// A path as a word of a command line. What is not UTF-8 in it is replaced.
#[must_use]
pub fn shell_path(path: &Path) -> String {
    shell_word(&path.to_string_lossy()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_if_a_shell_would_change_it() {
        let words = ["scenarios/agency", "a.b=1,2", "my scenario", "it's", "$HOME", ""];
        let quoted: Vec<String> = words.iter().map(|word| shell_path(Path::new(word))).collect();
        assert_eq!(quoted[..2], words[..2]);
        assert_eq!(shlex::split(&quoted.join(" ")).unwrap(), words);
    }
}
