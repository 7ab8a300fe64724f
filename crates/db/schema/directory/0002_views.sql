-- What Postfix and Dovecot may see. Their roles in PostgreSQL read these views and nothing else.
--
-- Every column that is asked for is a column of a table with an index, so that the condition reaches the table.

-- Other names of local domains, in use.
CREATE VIEW mail_domain_alias AS
SELECT domain_alias.name, domain_alias.target
  FROM domain_alias
  JOIN domain ON domain.name = domain_alias.target
 WHERE domain_alias.enabled AND domain.enabled AND domain.kind = 'local';

-- Domains whose mail ends here, under all of their names.
CREATE VIEW mail_domain AS
SELECT name FROM domain WHERE enabled AND kind = 'local'
UNION ALL
SELECT name FROM mail_domain_alias;

-- Domains whose mail goes on, and the way it takes (transport(5)): no host is the domain's own MX.
CREATE VIEW mail_relay AS
SELECT name,
       relay_verify AS verify,
       relay_service || ':'
           || COALESCE('[' || relay_host || ']', CASE WHEN relay_port IS NULL THEN '' ELSE name END)
           || COALESCE(':' || CAST(relay_port AS TEXT), '') AS transport
  FROM domain
 WHERE enabled AND kind = 'relay';

-- Mailboxes of domains in use. A disabled account's is there, but receives nothing: no catch-all may have its mail.
CREATE VIEW mail_mailbox AS
SELECT mailbox.address,
       account.enabled AS receives,
       account.enabled AND mailbox.may_send AS sends,
       mailbox.keeps_copy
  FROM mailbox
  JOIN account ON account.login = mailbox.login
  JOIN domain ON domain.name = mailbox.domain
 WHERE domain.enabled AND domain.kind = 'local';

-- Where aliases in use lead. Those of a disabled account's own address lead nowhere.
CREATE VIEW mail_alias AS
SELECT alias_recipient.address, alias_recipient.recipient
  FROM alias_recipient
  JOIN alias ON alias.address = alias_recipient.address
 WHERE alias.enabled
   AND (EXISTS (SELECT 1 FROM domain WHERE domain.name = alias.domain AND domain.enabled)
        OR EXISTS (SELECT 1 FROM mail_domain_alias WHERE mail_domain_alias.name = alias.domain))
   AND NOT EXISTS (SELECT 1
                     FROM mailbox
                     JOIN account ON account.login = mailbox.login
                    WHERE mailbox.address = alias.address AND NOT account.enabled);

-- Who may log in to a mailbox, and with what. For Dovecot alone.
CREATE VIEW mail_login AS
SELECT account.login, account.password, mailbox.address, mailbox.may_send AS sends
  FROM account
  JOIN mailbox ON mailbox.login = account.login
  JOIN domain ON domain.name = mailbox.domain
 WHERE account.enabled AND account.password IS NOT NULL AND domain.enabled AND domain.kind = 'local';

-- Where a mailbox lies below the folder of all mail, and the octets that it may hold, 0 for any number. In the name of its
-- folder, = stands for itself, the slash, and the percent sign (which Dovecot expands) by its hexadecimal number.
CREATE VIEW mail_user AS
SELECT mailbox.address,
       mailbox.domain || '/' || replace(replace(replace(
           substr(mailbox.address, 1, length(mailbox.address) - length(mailbox.domain) - 1),
           '=', '=3D'), '/', '=2F'), '%', '=25') AS below,
       COALESCE(CASE WHEN mailbox.domain_quota THEN domain.default_mailbox_quota ELSE mailbox.quota END, 0) AS quota
  FROM mailbox
  JOIN account ON account.login = mailbox.login
  JOIN domain ON domain.name = mailbox.domain
 WHERE account.enabled AND domain.enabled AND domain.kind = 'local';
