use expect_test::expect_file;

use super::*;

fn request(url: &str) -> Request {
    Request {
        location: DirectoryLocation::parse(url).unwrap(),
        folder: "/etc/server/transhume".into(),
        role_password: Some(RolePassword::new("0123456789abcdef").unwrap()),
        mail_root: "/var/vmail".into(),
        mail_owner: ("vmail".to_owned(), "vmail".to_owned()),
        queue: "/var/spool/postfix".into(),
        service: None,
    }
}

const SQLITE: &str = "sqlite:/var/lib/transhume/directory.sqlite";
const POSTGRES: &str = "postgres://owner@db.example.org:5433/mail";

/// All of it, in one text.
fn whole(rendered: &Rendered) -> String {
    let file = |file: &ConfigFile| format!("=== {} ({:?})\n{}", file.name, file.readers, file.text);
    let files: Vec<String> = rendered.files.iter().map(file).collect();
    format!("{}=== what to do\n{}", files.concat(), rendered.instructions)
}

#[test]
fn the_files_are_these() {
    for (engine, url) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
        let request = request(url);
        for (name, rendered) in [
            ("postfix", postfix(&request)),
            ("dovecot-2.3", dovecot(&request, Version::V2_3)),
            ("dovecot-2.4", dovecot(&request, Version::V2_4)),
        ] {
            let golden = format!("snapshots/{name}-{engine}.txt");
            expect_file![golden].assert_eq(&whole(&rendered.unwrap()));
        }
    }
}

#[test]
fn the_service_is_asked_after_the_directory() {
    let hook = |at: &str, secret: Option<&str>| ServiceHook {
        at: at.parse().unwrap(),
        secret: secret.map(|secret| RolePassword::new(secret).unwrap()),
    };
    for (version, name) in [(Version::V2_3, "2.3"), (Version::V2_4, "2.4")] {
        let mut request = request(SQLITE);
        request.service = Some(hook("127.0.0.1:8525", None));
        let rendered = dovecot(&request, version).unwrap();
        let golden = format!("snapshots/dovecot-{name}-admitting.txt");
        expect_file![golden].assert_eq(&whole(&rendered));
    }
    for (at, secret, says, readers) in [
        (
            "0.0.0.0:1",
            None,
            "URL = 'http://127.0.0.1:1/hooks/dovecot'",
            Readers::Everybody,
        ),
        (
            "[::]:1",
            None,
            "URL = 'http://[::1]:1/hooks/dovecot'",
            Readers::Everybody,
        ),
        (
            "192.0.2.1:1",
            Some("geheim"),
            "SECRET = 'geheim'",
            Readers::Server,
        ),
    ] {
        let mut request = request(POSTGRES);
        request.service = Some(hook(at, secret));
        // I10: nothing for programmers shows it.
        assert!(!format!("{request:?}").contains("geheim"));
        let rendered = dovecot(&request, Version::V2_3).unwrap();
        let script = rendered
            .files
            .iter()
            .find(|file| file.name == "transhume-login.lua")
            .unwrap();
        assert!(script.text.contains(says), "{}", script.text);
        assert_eq!(script.readers, readers);
    }
}

// I10: a file that names the password is not for everybody, and what is printed for programmers does not show it.
#[test]
fn who_may_read_the_password() {
    let request = request(POSTGRES);
    assert!(!format!("{request:?}").contains("0123456789abcdef"));
    for rendered in [
        postfix(&request),
        dovecot(&request, Version::V2_3),
        dovecot(&request, Version::V2_4),
    ] {
        let rendered = rendered.unwrap();
        assert!(!rendered.instructions.contains("0123456789abcdef"));
        let secrets = rendered
            .files
            .iter()
            .filter(|file| file.text.contains("0123456789abcdef"));
        let mut count = 0;
        for file in secrets {
            assert_ne!(file.readers, Readers::Everybody, "{}", file.name);
            count += 1;
        }
        assert!(count >= 2);
    }
}

#[test]
fn what_would_break_out_of_a_file_is_refused() {
    for text in ["", "a b", "a'b", "a\nb", "a$b", "a#b", "a%b", "ä"] {
        assert_eq!(RolePassword::new(text), Err(CannotRender::Password), "{text:?}");
    }
    let change = |change: fn(&mut Request)| {
        let mut request = request(POSTGRES);
        change(&mut request);
        [
            postfix(&request).is_err(),
            dovecot(&request, Version::V2_3).is_err(),
        ]
    };
    assert_eq!(change(|_| ()), [false, false]);
    assert_eq!(change(|request| request.folder = "here".into()), [true, true]);
    assert_eq!(change(|request| request.folder = "/etc/a b".into()), [true, true]);
    assert_eq!(
        change(|request| request.mail_root = "/var/v%mail".into()),
        [false, true]
    );
    assert_eq!(
        change(|request| request.mail_owner.0 = "v\nmail".into()),
        [false, true]
    );
    for url in [
        "sqlite:relative",
        "sqlite:/a'b",
        "postgres://u@h/a%27b",
        "postgres://u@h/a%20b",
    ] {
        assert!(postfix(&request(url)).is_err(), "{url}");
    }
}
