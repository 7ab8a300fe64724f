//! A word on what was just done, after the way back to a page. The address names it by a word of this list, so that nobody
//! can put sentences of their own onto our pages.

use super::frame::Said;
use super::words;

/// The words, each with what it says; `{}` is a number of things.
const WORDS: [(&str, &str); 27] = [
    ("provider-created", "Provider created"),
    ("provider-updated", "Provider updated"),
    ("provider-deleted", "Provider deleted"),
    ("migration-created", "Migration created"),
    ("migration-deleted", "Migration deleted"),
    ("migration-paused", "Migration paused"),
    ("migration-resumed", "Migration resumed"),
    ("migration-retried", "The next pass is due now"),
    ("migration-cut-over", "One more pass, and it is finished"),
    ("migration-stopped", "Migration stopped"),
    ("bulk-done", "Done for {}"),
    (
        "bulk-some",
        "Done for {}; for the others it makes no sense as they stand",
    ),
    ("domain-created", "Domain created"),
    ("domain-updated", "Domain updated"),
    ("domain-deleted", "Domain deleted"),
    ("account-created", "Account created"),
    ("account-updated", "Account updated"),
    ("account-deleted", "Account deleted"),
    ("alias-created", "Alias created"),
    ("alias-updated", "Alias updated"),
    ("alias-deleted", "Alias deleted"),
    ("settings-updated", "Settings updated"),
    ("password-changed", "Password changed; other sessions have ended"),
    ("token-deleted", "Token deleted"),
    ("token-created", "Token created"),
    ("signed-out", "You are signed out"),
    ("welcome", "The SuperAdmin is there: sign in"),
];

/// What the address says, if it is one of the words: `said`, and for how many, `number`.
pub(super) fn said(word: &str, number: &str) -> Option<Said> {
    let (_, text) = WORDS.iter().find(|(known, _)| *known == word)?;
    let number = number.parse().unwrap_or(0);
    Some(Said::good(
        text.replace("{}", &words::so_many(number, "migration", "migrations")),
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_our_own_words_are_said() {
        let text = |word, number| super::said(word, number).map(|said| said.text);
        assert_eq!(text("provider-created", "").as_deref(), Some("Provider created"));
        assert_eq!(
            text("bulk-done", "1200").as_deref(),
            Some("Done for 1,200 migrations")
        );
        assert_eq!(text("bulk-done", "<b>").as_deref(), Some("Done for 0 migrations"));
        assert_eq!(text("<b>", ""), None);
    }
}
