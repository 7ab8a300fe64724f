//! SHA256-CRYPT and SHA512-CRYPT (`$5$…`, `$6$…`), as Ulrich Drepper specified them in 2007.

use sha_crypt::Params;

use super::alphabet;

/// Rounds where the text does not say.
const ROUNDS: u32 = 5000;
const LONGEST_SALT: usize = 16;
/// How the result's octets are ordered.
const GROUPS_256: [[usize; 3]; 10] = [
    [0, 10, 20],
    [21, 1, 11],
    [12, 22, 2],
    [3, 13, 23],
    [24, 4, 14],
    [15, 25, 5],
    [6, 16, 26],
    [27, 7, 17],
    [18, 28, 8],
    [9, 19, 29],
];
const GROUPS_512: [[usize; 3]; 21] = [
    [0, 21, 42],
    [22, 43, 1],
    [44, 2, 23],
    [3, 24, 45],
    [25, 46, 4],
    [47, 5, 26],
    [6, 27, 48],
    [28, 49, 7],
    [50, 8, 29],
    [9, 30, 51],
    [31, 52, 10],
    [53, 11, 32],
    [12, 33, 54],
    [34, 55, 13],
    [56, 14, 35],
    [15, 36, 57],
    [37, 58, 16],
    [59, 17, 38],
    [18, 39, 60],
    [40, 61, 19],
    [62, 20, 41],
];

/// What the method needs beside the password.
pub(super) struct Setting {
    pub(super) is_512: bool,
    pub(super) rounds: u32,
    /// Whether the text names the rounds.
    says_rounds: bool,
    salt: Box<str>,
}

/// The setting of a text that is well formed.
pub(super) fn read(text: &str) -> Option<Setting> {
    let is_512 = text.starts_with("$6$");
    let rest = text.get(3..)?;
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        None => (None, rest),
        Some(rest) => {
            let (rounds, rest) = rest.split_once('$')?;
            // crypt(3) would write another number than 01000 or 10: such a text fits no password.
            let is_plain = !rounds.starts_with(['0', '+']);
            let rounds = rounds
                .parse()
                .ok()
                .filter(|rounds| is_plain && Params::new(*rounds).is_ok())?;
            (Some(rounds), rest)
        }
    };
    let (salt, hash) = rest.split_once('$')?;
    let fits = salt.len() <= LONGEST_SALT
        && salt.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
        && hash.len() == if is_512 { 86 } else { 43 }
        && hash.bytes().all(alphabet::has);
    fits.then(|| Setting {
        is_512,
        rounds: rounds.unwrap_or(ROUNDS),
        says_rounds: rounds.is_some(),
        salt: salt.into(),
    })
}

/// The text of a password.
pub(super) fn text(password: &[u8], setting: &Setting) -> String {
    let params = Params::new(setting.rounds).unwrap_or(Params::RECOMMENDED);
    let salt = setting.salt.as_bytes();
    let digit = if setting.is_512 { 6 } else { 5 };
    let mut text = if setting.says_rounds {
        format!("${digit}$rounds={}${}$", setting.rounds, setting.salt)
    } else {
        format!("${digit}${}$", setting.salt)
    };
    if setting.is_512 {
        let result = sha_crypt::sha512_crypt(password, salt, params);
        alphabet::push_groups(&mut text, &result, &GROUPS_512);
        alphabet::push(&mut text, u32::from(result[63]), 2);
    } else {
        let result = sha_crypt::sha256_crypt(password, salt, params);
        alphabet::push_groups(&mut text, &result, &GROUPS_256);
        alphabet::push(&mut text, u32::from(result[31]) << 8 | u32::from(result[30]), 3);
    }
    text
}

/// A new `$6$` text, with so many rounds.
pub(in super::super) fn sha512_text(password: &[u8], rounds: u32, random: [u8; 16]) -> String {
    let setting = Setting {
        is_512: true,
        rounds,
        says_rounds: true,
        salt: alphabet::salt(&random).into(),
    };
    text(password, &setting)
}
