//! Where a mailbox lies.

use super::name::Address;

/// The folder of a mailbox below the folder of all mail, as the view `mail_user` tells Dovecot: `example.org/alice`. In the name
/// of the second, `=` stands for itself, the slash, and the percent sign (which Dovecot expands) by its hexadecimal number.
pub fn below(address: &Address) -> String {
    let mut path = format!("{}/", address.domain());
    for letter in address.local().chars() {
        match letter {
            '=' => path.push_str("=3D"),
            '/' => path.push_str("=2F"),
            '%' => path.push_str("=25"),
            other => path.push(other),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_leads_elsewhere() {
        for (address, path) in [
            ("Alice@A.example", "a.example/alice"),
            ("50%=x@a.example", "a.example/50=25=3Dx"),
            ("a/b@a.example", "a.example/a=2Fb"),
        ] {
            assert_eq!(below(&Address::parse(address).unwrap()), path);
        }
    }
}
