-- What the console and the API need: who has signed in, tokens for programs, who did what, and how to find one among many.
-- Times are seconds since 1970 UTC, unless something else is said.

-- The domains of providers get numbers, by which the API knows them.
CREATE TABLE numbered_provider_domain (
    id         {{id}},
    -- A domain of the old platform; no two providers have the same.
    old_domain TEXT NOT NULL UNIQUE,
    provider   TEXT NOT NULL REFERENCES provider (name) ON UPDATE CASCADE ON DELETE CASCADE,
    -- What it is called here; NULL keeps its name. It may be made by the first login only, so this refers to no table.
    new_domain TEXT
);
INSERT INTO numbered_provider_domain (old_domain, provider, new_domain)
SELECT old_domain, provider, new_domain FROM provider_domain ORDER BY provider, old_domain;
DROP TABLE provider_domain;
ALTER TABLE numbered_provider_domain RENAME TO provider_domain;
CREATE INDEX provider_domain_provider ON provider_domain (provider);
CREATE INDEX provider_domain_new_domain ON provider_domain (new_domain);

-- When a migration's row was last written, in milliseconds since 1970 UTC by the database's clock: whoever watches asks for
-- what has changed since. With it, how fast its mail comes while a pass is under way.
ALTER TABLE migration ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;
-- When its progress was noted last, in the same milliseconds, and the octets in each second since the time before.
ALTER TABLE migration ADD COLUMN noted BIGINT;
ALTER TABLE migration ADD COLUMN rate BIGINT;
CREATE INDEX migration_changed ON migration (changed);
CREATE INDEX migration_provider ON migration (provider);
CREATE INDEX migration_phase ON migration (phase);
-- What came in the last day.
CREATE INDEX pass_ended ON pass (ended);

-- Browsers that somebody has signed in with. What they show is not kept, only its SHA-256 digest in hexadecimal digits.
CREATE TABLE sign_in (
    digest  TEXT NOT NULL PRIMARY KEY CHECK (length(digest) = 64),
    login   TEXT NOT NULL REFERENCES account (login) ON UPDATE CASCADE ON DELETE CASCADE,
    begun   BIGINT NOT NULL,
    used    BIGINT NOT NULL,
    ends    BIGINT NOT NULL,
    -- Where from; NULL is this machine.
    network TEXT
);
CREATE INDEX sign_in_login ON sign_in (login);
CREATE INDEX sign_in_ends ON sign_in (ends);

-- What programs show to ask in somebody's name. Again only the digest is kept.
CREATE TABLE token (
    id      {{id}},
    digest  TEXT NOT NULL UNIQUE CHECK (length(digest) = 64),
    login   TEXT NOT NULL REFERENCES account (login) ON UPDATE CASCADE ON DELETE CASCADE,
    label   TEXT NOT NULL,
    created BIGINT NOT NULL,
    used    BIGINT
);
CREATE INDEX token_login ON token (login);

-- Who did what. Whoever did it may be gone since, so this refers to no table.
CREATE TABLE audit (
    id      {{id}},
    at      BIGINT NOT NULL,
    login   TEXT NOT NULL,
    network TEXT,
    did     TEXT NOT NULL,
    what    TEXT NOT NULL,
    details TEXT NOT NULL
);
