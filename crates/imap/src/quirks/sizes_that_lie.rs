//! **Exchange, servers that store bare LF**: RFC822.SIZE is approximate, 0, or counts other line ends than
//! the text has (Microsoft documents it for Exchange 5.5; vandelay 1.0.5 had to stop discarding good mail for it).
//!
//! The length of the text is what its literal announces. The size in the rows is a hint for people and for ordering.

use super::texts;

#[test]
fn the_literal_says_how_long_a_text_is() {
    for size in ["0", "1", "5000000000", "-1"] {
        let server = format!("* 1 FETCH (UID 1 RFC822.SIZE {size} BODY[] {{4}}\r\na\r\nb)\r\n");
        assert_eq!(texts(server), ["1 \"a\\r\\nb\""], "{size}");
    }
}
