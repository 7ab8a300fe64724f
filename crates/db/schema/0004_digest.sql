-- Digests are BLAKE3 from here on. What has another is forgotten, and found again by the marks that the messages bear; what their
-- owner has removed stays known.
DELETE FROM pair WHERE state <> 2;
DELETE FROM earlier;
UPDATE mailbox SET agreed_uid_next = NULL, agreed_mod_seq = NULL, agreed_messages = NULL;
