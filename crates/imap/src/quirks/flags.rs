//! **Old clients through any server**: system flags that do not exist (`\FORWARDED`, `\X`), keywords
//! with dots, brackets and non-ASCII characters, NIL instead of a list, one flag without its list (imapsync's and MailKit's
//! issue lists). `$X-ME-Annot-2 domain.com` is two keywords that were one.
//!
//! Keywords stay as they are. What begins with a backslash and is no flag is left out: no server takes it back.

use super::rows;

#[test]
fn flags_that_do_not_exist_are_left_out_and_odd_keywords_stay() {
    for (flags, expected) in [
        ("(\\Seen \\FORWARDED \\X \\Recent)", "\\Seen"),
        ("(\\sEEN \\ANSWERED)", "\\Answered \\Seen"),
        ("($X-ME-Annot-2 domain.com)", "$X-ME-Annot-2 domain.com"),
        ("($x]y [z] a:b)", "$x]y [z] a:b"),
        ("(\\Seen  \\Flagged )", "\\Flagged \\Seen"),
        ("(\\*)", ""),
        ("\\Seen", "\\Seen"),
        ("NIL", ""),
        ("()", ""),
    ] {
        let lines = rows(format!(
            "* 1 FETCH (FLAGS {flags} UID 4 RFC822.SIZE 1)\r\nA1 OK\r\n"
        ));
        assert_eq!(lines, [format!("4 [{expected}] @? 1")], "{flags}");
    }
}
