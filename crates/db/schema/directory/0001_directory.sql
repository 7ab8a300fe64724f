-- The directory: domains, accounts, aliases. One text for SQLite and PostgreSQL; {{id}} becomes each one's way to number rows.
--
-- Names are keys: what Postfix and Dovecot ask for is found without joining numbers. They are stored as the model normalises
-- them (lower case, A-labels). Sizes are octets, NULL is unlimited; times are seconds since 1970 UTC, NULL is unknown.

-- One row: how many of these files have been run here.
CREATE TABLE directory_version (
    version INTEGER NOT NULL
);

CREATE TABLE domain (
    id                    {{id}},
    name                  TEXT NOT NULL UNIQUE,
    kind                  TEXT NOT NULL CHECK (kind IN ('local', 'relay')),
    enabled               BOOLEAN NOT NULL,
    quota                 BIGINT CHECK (quota > 0),
    default_mailbox_quota BIGINT CHECK (default_mailbox_quota > 0),
    mailbox_limit         BIGINT CHECK (mailbox_limit >= 0),
    alias_limit           BIGINT CHECK (alias_limit >= 0),
    mailbox_quota_limit   BIGINT CHECK (mailbox_quota_limit > 0),
    description           TEXT NOT NULL,
    created               BIGINT,
    relay_service         TEXT CHECK ((relay_service IS NOT NULL) = (kind = 'relay')),
    relay_host            TEXT,
    relay_port            INTEGER CHECK (relay_port BETWEEN 1 AND 65535),
    relay_verify          BOOLEAN CHECK ((relay_verify IS NOT NULL) = (kind = 'relay'))
);

CREATE TABLE domain_alias (
    id          {{id}},
    name        TEXT NOT NULL UNIQUE,
    target      TEXT NOT NULL REFERENCES domain (name) ON UPDATE CASCADE ON DELETE CASCADE,
    enabled     BOOLEAN NOT NULL,
    description TEXT NOT NULL
);
CREATE INDEX domain_alias_target ON domain_alias (target);

CREATE TABLE account (
    id              {{id}},
    login           TEXT NOT NULL UNIQUE,
    -- {SCHEME}data, as Dovecot reads it; NULL logs nobody in.
    password        TEXT CHECK (password LIKE '{%}%'),
    first_name      TEXT NOT NULL,
    last_name       TEXT NOT NULL,
    enabled         BOOLEAN NOT NULL,
    role            TEXT NOT NULL CHECK (role IN ('SimpleUsers', 'DomainAdmins', 'Resellers', 'SuperAdmins')),
    secondary_email TEXT NOT NULL,
    phone           TEXT NOT NULL,
    created         BIGINT
);

-- Which account administers which domain.
CREATE TABLE administrator (
    domain TEXT NOT NULL REFERENCES domain (name) ON UPDATE CASCADE ON DELETE CASCADE,
    login  TEXT NOT NULL REFERENCES account (login) ON UPDATE CASCADE ON DELETE CASCADE,
    PRIMARY KEY (domain, login)
);
CREATE INDEX administrator_login ON administrator (login);

CREATE TABLE mailbox (
    id           {{id}},
    address      TEXT NOT NULL UNIQUE,
    domain       TEXT NOT NULL REFERENCES domain (name) ON UPDATE CASCADE ON DELETE CASCADE,
    login        TEXT NOT NULL UNIQUE REFERENCES account (login) ON UPDATE CASCADE ON DELETE CASCADE,
    -- Whether its domain's default holds; else quota counts, and NULL is unlimited.
    domain_quota BOOLEAN NOT NULL,
    quota        BIGINT CHECK (quota > 0),
    keeps_copy   BOOLEAN NOT NULL,
    may_send     BOOLEAN NOT NULL,
    old_maildir  TEXT
);
CREATE INDEX mailbox_domain ON mailbox (domain);

CREATE TABLE alias (
    id          {{id}},
    -- local@domain, or @domain.
    address     TEXT NOT NULL UNIQUE,
    -- The domain behind the @: local, or another name of a local one (so this refers to no table).
    domain      TEXT NOT NULL,
    enabled     BOOLEAN NOT NULL,
    description TEXT NOT NULL,
    created     BIGINT
);
CREATE INDEX alias_domain ON alias (domain);

CREATE TABLE alias_recipient (
    address   TEXT NOT NULL REFERENCES alias (address) ON UPDATE CASCADE ON DELETE CASCADE,
    recipient TEXT NOT NULL,
    PRIMARY KEY (address, recipient)
);
CREATE INDEX alias_recipient_recipient ON alias_recipient (recipient);

CREATE TABLE vacation (
    address   TEXT NOT NULL PRIMARY KEY REFERENCES mailbox (address) ON UPDATE CASCADE ON DELETE CASCADE,
    subject   TEXT NOT NULL,
    body      TEXT NOT NULL,
    enabled   BOOLEAN NOT NULL,
    begins    BIGINT,
    ends      BIGINT,
    -- Seconds after which the same person is answered again; NULL is never.
    again     BIGINT CHECK (again > 0)
);
