//! bcrypt (`$2y$COST$SALTHASH`), by Niels Provos and David Mazières, 1999. Only the first 72 octets of a password count.

/// Octets that count.
pub(in super::super) const LONGEST: usize = 72;
/// bcrypt's own base64: other characters, in another order than everybody else's.
const DIGITS: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// What the method needs beside the password.
pub(in super::super) struct Setting {
    /// `a`, `b` or `y`: the same, for passwords without NUL.
    pub(in super::super) version: char,
    pub(in super::super) cost: u32,
    pub(in super::super) salt: [u8; 16],
}

/// The setting of a text that is well formed.
pub(super) fn read(text: &str) -> Option<Setting> {
    let rest = text.strip_prefix("$2")?;
    let version = rest.chars().next().filter(|letter| "aby".contains(*letter))?;
    let (cost, data) = rest.get(1..)?.strip_prefix('$')?.split_once('$')?;
    let is_number = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
    let cost = cost
        .parse()
        .ok()
        .filter(|cost| is_number && (4..=31).contains(cost))?;
    if data.len() != 53 || !data.bytes().all(|byte| DIGITS.contains(&byte)) {
        return None;
    }
    let salt = decode(&data.as_bytes()[..22]).try_into().ok()?;
    Some(Setting { version, cost, salt })
}

/// The text of a password.
pub(in super::super) fn text(password: &[u8], setting: &Setting) -> String {
    // The key is the password with its closing NUL.
    let mut key = password[..password.len().min(LONGEST)].to_vec();
    if key.len() < LONGEST {
        key.push(0);
    }
    let hash = bcrypt::bcrypt(setting.cost, setting.salt, &key);
    // The last octet is left out, an accident of the first program.
    let (salt, hash) = (encode(&setting.salt), encode(&hash[..23]));
    format!("$2{}${:02}${salt}{hash}", setting.version, setting.cost)
}

/// Six bits for a character, the highest first; what is left over is filled with zeros.
fn encode(octets: &[u8]) -> String {
    octets
        .chunks(3)
        .flat_map(|group| {
            let bits = (0..3).fold(0_u32, |bits, place| {
                bits << 8 | u32::from(group.get(place).copied().unwrap_or(0))
            });
            (0..=group.len()).map(move |place| char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63]))
        })
        .collect()
}

/// The whole octets of a text of [`DIGITS`].
fn decode(text: &[u8]) -> Vec<u8> {
    let value = |byte: &u8| {
        (0..)
            .zip(DIGITS)
            .find(|(_, digit)| *digit == byte)
            .map_or(0, |(value, _)| value)
    };
    text.chunks(4)
        .flat_map(|group| {
            let bits = (0..4).fold(0_u32, |bits, place| bits << 6 | group.get(place).map_or(0, value));
            bits.to_be_bytes().into_iter().skip(1).take(group.len() - 1)
        })
        .collect()
}
