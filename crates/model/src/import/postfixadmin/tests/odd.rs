//! Rows as years leave them behind: what becomes of each stands in one table.

use expect_test::{Expect, expect};

use super::{Options, told};

#[expect(clippy::needless_pass_by_value, reason = "expect![] makes a value")]
fn check(lines: &str, expected: Expect) {
    expected.assert_eq(&told(lines, &Options::new(1_793_491_200)));
}

#[test]
fn domains_with_odd_rows() {
    check(
        "
        domain domain=ALL
        domain domain=a.example; aliases=-1; mailboxes=3; maxquota=10; quota=-1
        domain domain=A.Example.
        domain domain=NULL
        domain domain=no domain
        domain domain=off.example; active=0; quota=7; created=0
        domain domain=big.example; quota=9223372036854775807; maxquota=much
        domain domain=xn--bcher-kva.example; transport=maildrop:
        domain domain=mx.example; backupmx=1; transport=smtp:[192.0.2.1]:2525
        ",
        expect![[r#"
            local a.example None Some(10240000) At(3) At(0)
            local big.example None None Unlimited Unlimited
            relay mx.example None None Unlimited Unlimited
            local off.example (off) Some(7168000) None Unlimited Unlimited
            local xn--bcher-kva.example None None Unlimited Unlimited
            skipped domain “ALL”: PostfixAdmin's own mark for every domain, and no domain []
            skipped domain “a.example”: another row has the same name []
            skipped domain “”: its name is not a domain name [it is empty]
            skipped domain “no domain”: its name is not a domain name [“no domain” is not a domain name (like example.org)]
            note domain “big.example”: a value is not what its column should hold, and counts as missing, or as a no [maxquota]
            note domain “xn--bcher-kva.example”: its transport is not kept: here its mail ends in the mailboxes [maildrop:]
        "#]],
    );
}

#[test]
fn other_names_are_followed_to_the_end() {
    check(
        "
        domain domain=a.example
        domain domain=b.example; active=0; description=old
        domain domain=own.example
        domain domain=relay.example; backupmx=1
        mailbox username=me@own.example
        alias_domain alias_domain=b.example; target_domain=A.example
        alias_domain alias_domain=c.example; target_domain=b.example
        alias_domain alias_domain=round.example; target_domain=about.example
        alias_domain alias_domain=about.example; target_domain=round.example
        alias_domain alias_domain=self.example; target_domain=self.example
        alias_domain alias_domain=lost.example; target_domain=nowhere.example
        alias_domain alias_domain=own.example; target_domain=a.example
        alias_domain alias_domain=to-relay.example; target_domain=relay.example
        alias_domain alias_domain=NULL; target_domain=a.example
        alias_domain alias_domain=half.example; target_domain=NULL
        ",
        expect![[r#"
            local a.example None None Unlimited Unlimited
            local own.example None None Unlimited Unlimited
            relay relay.example None None Unlimited Unlimited
            also b.example (off) → a.example
            also c.example → a.example
            account me@own.example Unlimited SimpleUsers {} -
            alias @own.example → {@a.example}
            skipped alias_domain “round.example”: it leads to itself []
            skipped alias_domain “about.example”: it leads to itself []
            skipped alias_domain “self.example”: it leads to itself []
            skipped alias_domain “lost.example”: its target is not among the domains [nowhere.example]
            skipped alias_domain “to-relay.example”: the directory does not take it [relay.example is a relay domain: its mail does not end here]
            skipped alias_domain “”: its name is not a domain name [it is empty]
            skipped alias_domain “half.example”: its target is not a domain name [it is empty]
            note alias_domain “c.example”: its target is another name itself, and was followed to the end [a.example]
            note alias_domain “own.example”: it has mailboxes of its own: it stays a domain, and all other addresses of it lead on [a.example]
            note mailbox “me@own.example”: it has no password: nobody can log in []
        "#]],
    );
}

#[test]
fn mailboxes_with_odd_rows() {
    check(
        "
        domain domain=a.example; mailboxes=1; maxquota=1; quota=1
        domain domain=relay.example; backupmx=1
        mailbox username=John@a.example; password=!
        mailbox username=john@a.example; password={SHA512-CRYPT.B64}; quota=500000
        mailbox username=big@a.example; quota=2000000; smtp_active=0; active=0; password=
        mailbox username=minus@a.example; quota=-1; password=*
        mailbox username=NULL
        mailbox username=nowhere
        mailbox username=a b@a.example
        mailbox username=gone@nowhere.example
        mailbox username=there@relay.example
        mailbox username=odd@a.example; quota=lots; active=perhaps; totp_secret=ABC
        ",
        expect![[r#"
            local a.example Some(2500000) Some(2000000) At(4) Unlimited
            relay relay.example None None Unlimited Unlimited
            account big@a.example (off) Octets(2000000) SimpleUsers {} -
            account john@a.example Octets(500000) SimpleUsers {} -
            account minus@a.example Unlimited SimpleUsers {} -
            account odd@a.example (off) Unlimited SimpleUsers {} -
            skipped mailbox “John@a.example”: another row has the same name [john@a.example]
            skipped mailbox “”: its name is not an address [it is empty]
            skipped mailbox “nowhere”: its name is not an address [“nowhere” is not an address (like name@example.org)]
            skipped mailbox “a b@a.example”: its name is not an address [“a b” cannot stand before the @ of an address: it may hold letters, digits, and !#$%&'*+-/=?^_`{|}~., and no dot at either end or beside another]
            skipped mailbox “gone@nowhere.example”: the directory does not take it [the domain nowhere.example does not exist]
            skipped mailbox “there@relay.example”: the directory does not take it [relay.example is a relay domain: its mail does not end here]
            note mailbox “john@a.example”: its password is not understood, so nobody can log in [what follows is not what SHA512-CRYPT looks like; it may have been cut off]
            note mailbox “big@a.example”: it has no password: nobody can log in []
            note mailbox “minus@a.example”: it has no password: nobody can log in []
            note mailbox “gone@nowhere.example”: it has no password: nobody can log in []
            note mailbox “there@relay.example”: it has no password: nobody can log in []
            note mailbox “odd@a.example”: a value is not what its column should hold, and counts as missing, or as a no [quota]
            note mailbox “odd@a.example”: a value is not what its column should hold, and counts as missing, or as a no [active]
            note mailbox “odd@a.example”: it has a second factor (TOTP), which is not taken over: from now on its password alone is enough []
            note mailbox “odd@a.example”: it has no password: nobody can log in []
            note domain “a.example”: it has more mailboxes than its limit: the limit is raised [1 → 4]
            note domain “a.example”: one of its mailboxes may hold more than its limit: the limit is raised [1024000 octets → 2000000]
            note domain “a.example”: its mailboxes may hold more than the domain: its quota is raised [1024000 octets → 2500000]
        "#]],
    );
}

#[test]
fn aliases_with_odd_rows() {
    check(
        "
        domain domain=a.example; aliases=1
        domain domain=also.example
        alias_domain alias_domain=also.example; target_domain=a.example
        mailbox username=copy@a.example; password=!
        mailbox username=only@a.example; password=!
        mailbox username=plain@a.example; password=!
        mailbox username=away@a.example; password=!
        mailbox username=gone@a.example; password=!
        mailbox username=off@a.example; password=!
        alias address=copy@a.example; goto=copy@a.example,X@Elsewhere.example
        alias address=only@a.example; goto=x@elsewhere.example
        alias address=plain@a.example; goto=PLAIN@A.example
        alias address=away@a.example; goto=away@a.example,away#a.example@autoreply.example
        alias address=gone@a.example; goto=gone#a.example@autoreply.example
        alias address=off@a.example; goto=x@elsewhere.example; active=0
        alias address=list@a.example; goto= b@elsewhere.example ,,\r c@elsewhere.example,b@elsewhere.example,list@a.example
        alias address=List@a.example; goto=other@elsewhere.example
        alias address=@a.example; goto=plain@a.example
        alias address=own@also.example; goto=plain@a.example
        alias address=postmaster@a.example; goto=postmaster@a.example
        alias address=root@a.example; goto=root,|/bin/prog,/dev/null,:include:/x
        alias address=mixed@a.example; goto=root,plain@a.example
        alias address=empty@a.example; goto=NULL
        alias address=lost@nowhere.example; goto=plain@a.example
        alias address=NULL; goto=plain@a.example
        ",
        expect![[r#"
            local a.example None None Unlimited At(7)
            also also.example → a.example
            account away@a.example Unlimited SimpleUsers {} -
            account copy@a.example Unlimited SimpleUsers {} -
            account gone@a.example Unlimited SimpleUsers {} -
            account off@a.example Unlimited SimpleUsers {} -
            account only@a.example Unlimited, keeps no copy SimpleUsers {} -
            account plain@a.example Unlimited SimpleUsers {} -
            alias copy@a.example → {X@elsewhere.example}
            alias list@a.example → {b@elsewhere.example, c@elsewhere.example}
            alias mixed@a.example → {plain@a.example}
            alias off@a.example (off) → {x@elsewhere.example}
            alias only@a.example → {x@elsewhere.example}
            alias own@also.example → {plain@a.example}
            alias @a.example → {plain@a.example}
            skipped alias “List@a.example”: another row has the same address [list@a.example]
            skipped alias “postmaster@a.example”: it leads to itself, and there is no such mailbox; mail servers must have this address: let it lead to somebody [postmaster@a.example]
            skipped alias “root@a.example”: it leads to no address [root,|/bin/prog,/dev/null,:include:/x]
            skipped alias “empty@a.example”: it leads to no address []
            skipped alias “lost@nowhere.example”: the directory does not take it [the domain nowhere.example does not exist]
            skipped alias “”: its address is not one [it is empty]
            note mailbox “copy@a.example”: it has no password: nobody can log in []
            note mailbox “only@a.example”: it has no password: nobody can log in []
            note mailbox “plain@a.example”: it has no password: nobody can log in []
            note mailbox “away@a.example”: it has no password: nobody can log in []
            note mailbox “gone@a.example”: it has no password: nobody can log in []
            note mailbox “off@a.example”: it has no password: nobody can log in []
            note alias “gone@a.example”: its mail went nowhere but to the absence program, or nowhere; here the mailbox keeps it []
            note alias “off@a.example”: its forward without a copy is switched off, and the mailbox keeps what comes []
            note alias “list@a.example”: it leads to itself as well, where there is no mailbox: that is left out []
            note alias “root@a.example”: one of its recipients is not an address, and is left out [root]
            note alias “root@a.example”: one of its recipients is not an address, and is left out [|/bin/prog]
            note alias “root@a.example”: one of its recipients is not an address, and is left out [/dev/null]
            note alias “root@a.example”: one of its recipients is not an address, and is left out [:include:/x]
            note alias “mixed@a.example”: one of its recipients is not an address, and is left out [root]
            note domain “a.example”: it has more aliases than its limit, with its mailboxes' forwards: the limit is raised [1 → 7]
        "#]],
    );
}

#[test]
fn administrators_with_odd_rows() {
    check(
        "
        domain domain=a.example
        domain domain=also.example
        alias_domain alias_domain=also.example; target_domain=a.example
        mailbox username=both@a.example; password={PLAIN}mailbox
        mailbox username=former@a.example; password={PLAIN}mailbox
        admin username=both@a.example; password={PLAIN}admin
        admin username=Former@a.example; password={PLAIN}admin; active=0
        admin username=super; superadmin=1; password={PLAIN}x
        admin username=every@b.example; password={PLAIN}x
        admin username=none@b.example; password={PLAIN}x; active=0
        admin username=EVERY@b.example; password={PLAIN}y
        admin username=NULL
        domain_admins username=both@a.example; domain=also.example
        domain_admins username=both@a.example; domain=A.example
        domain_admins username=former@a.example; domain=a.example
        domain_admins username=every@b.example; domain=ALL
        domain_admins username=none@b.example; domain=nowhere.example
        domain_admins username=none@b.example; domain=a.example; active=0
        domain_admins username=nobody@b.example; domain=a.example
        ",
        expect![[r#"
            local a.example None None Unlimited Unlimited
            also also.example → a.example
            account both@a.example Unlimited DomainAdmins {a.example} {PLAIN}…
            account every@b.example no mailbox SuperAdmins {} {PLAIN}…
            account former@a.example Unlimited SimpleUsers {} {PLAIN}…
            account none@b.example (off) no mailbox DomainAdmins {} {PLAIN}…
            account super no mailbox SuperAdmins {} {PLAIN}…
            skipped admin “former@a.example”: the administrator is switched off, and the mailbox of the same name is not theirs alone []
            skipped admin “EVERY@b.example”: another row has the same name [every@b.example]
            skipped admin “”: its name cannot be a login [it is empty]
            skipped domain_admins “former@a.example”: the administrator is switched off, and the mailbox of the same name is not theirs alone []
            skipped domain_admins “none@b.example for nowhere.example”: its domain is not among the domains []
            skipped domain_admins “none@b.example for a.example”: it is switched off []
            skipped domain_admins “nobody@b.example for a.example”: it names nobody among the administrators []
            note domain_admins “both@a.example for also.example”: its domain is another name: the administrator gets the domain itself [a.example]
            note admin “none@b.example”: it is an administrator of no domain []
            note admin “both@a.example”: a mailbox and an administrator have this name: one account now, with the mailbox's password [DomainAdmins]
        "#]],
    );
}

#[test]
fn absence_texts_and_remote_mailboxes_with_odd_rows() {
    check(
        "
        domain domain=a.example
        mailbox username=on@a.example; password=!
        mailbox username=quiet@a.example; password=!
        alias address=on@a.example; goto=on@a.example,on#a.example@autoreply.example
        alias address=quiet@a.example; goto=quiet@a.example
        vacation email=On@A.example; activefrom=1767225600; activeuntil=1769903940; interval_time=604800
        vacation email=quiet@a.example; activefrom=946684800; activeuntil=2147385600; interval_time=1
        vacation email=nobody@a.example
        vacation email=NULL
        fetchmail mailbox=on@a.example; src_server=IMAP.example; src_user=u; src_password=cHc=; protocol=IMAP; usessl=1; src_port=0; keep=1
        fetchmail mailbox=on@a.example; src_server=imap.example; src_user=u; src_password=cHc=; protocol=IMAP; usessl=1; src_port=993; keep=1
        fetchmail mailbox=on@a.example; src_server=imap.example; src_user=u2; src_password=~; protocol=imap; usessl=0; keep=0
        fetchmail mailbox=on@a.example; src_server=pop.example; src_user=u; protocol=POP3
        fetchmail mailbox=nobody@a.example; src_server=imap.example; src_user=u; src_password=cHc=; protocol=IMAP; usessl=1
        fetchmail mailbox=NULL; protocol=IMAP
        fetchmail mailbox=on@a.example; protocol=IMAP
        ",
        expect![[r#"
            local a.example None None Unlimited Unlimited
            account on@a.example Unlimited SimpleUsers {} -
            account quiet@a.example Unlimited SimpleUsers {} -
            absence on@a.example (Some(1767225600), Some(1769903999), Seconds(604800))
            absence quiet@a.example (off) (None, None, Seconds(1))
            remote on@a.example imap.example:993 tls Some(Secret(…))
            remote on@a.example imap.example:143 starttls None
            skipped vacation “nobody@a.example”: the directory does not take it [there is no mailbox nobody@a.example]
            skipped vacation “”: its name is not an address [it is empty]
            skipped fetchmail “on@a.example from imap.example”: another row fetches the same mailbox []
            skipped fetchmail “on@a.example from pop.example”: it is not fetched by IMAP; set it up anew, with fetchmail or another program [POP3]
            skipped fetchmail “nobody@a.example”: there is no such mailbox [imap.example]
            skipped fetchmail “ from ”: its mailbox is not an address [it is empty]
            skipped fetchmail “on@a.example from ”: its server or its user is missing []
            note mailbox “on@a.example”: it has no password: nobody can log in []
            note mailbox “quiet@a.example”: it has no password: nobody can log in []
            note vacation “quiet@a.example”: it is switched on, but mail did not reach the absence program: it stays silent here, too []
            note vacation “quiet@a.example”: it answered the same person more than once a day; Sieve allows one day at least []
            note vacation “nobody@a.example”: it is switched on, but mail did not reach the absence program: it stays silent here, too []
            note fetchmail “on@a.example from IMAP.example”: it was fetched again and again; here its mail is moved when you say so []
            note fetchmail “on@a.example from imap.example”: it was fetched again and again; here its mail is moved when you say so []
            note fetchmail “on@a.example from imap.example”: its password cannot be read, and has to be given when its mail is moved []
            note fetchmail “on@a.example from imap.example”: it was fetched again and again; here its mail is moved when you say so []
            note fetchmail “on@a.example from imap.example”: fetching deleted the mail there; a move leaves it []
            note fetchmail “on@a.example from imap.example”: it did not insist on TLS; a move will (STARTTLS) []
            note fetchmail “nobody@a.example from imap.example”: it was fetched again and again; here its mail is moved when you say so []
        "#]],
    );
}
