//! Where somebody comes from, as far as it is worth counting.

use std::net::IpAddr;

/// The network that an address stands for: itself, or with IPv6 its first 64 bits, of which one household has all. `None` for
/// this machine's own, which web mail logs in from, and for what is no address.
pub(crate) fn of(address: &str) -> Option<String> {
    match address.trim().parse::<IpAddr>().ok()?.to_canonical() {
        ip if ip.is_loopback() || ip.is_unspecified() => None,
        IpAddr::V4(ip) => Some(ip.to_string()),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            Some(format!("{a:x}:{b:x}:{c:x}:{d:x}::/64"))
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn networks_of_addresses() {
        for (address, network) in [
            ("192.0.2.7", Some("192.0.2.7")),
            (" 192.0.2.7 ", Some("192.0.2.7")),
            ("::ffff:192.0.2.7", Some("192.0.2.7")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::/64")),
            ("2001:db8:1:2::1", Some("2001:db8:1:2::/64")),
            ("127.0.0.1", None),
            ("::1", None),
            ("0.0.0.0", None),
            ("", None),
            ("unknown", None),
        ] {
            assert_eq!(super::of(address).as_deref(), network, "{address}");
        }
    }
}
