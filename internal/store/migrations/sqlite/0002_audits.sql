-- What audits share. The ids come from counters, so that they grow in the order of commits.
CREATE TABLE counters (
  name  TEXT    PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('audit', 0), ('dimension', 0), ('counted', 0);

CREATE TABLE audit_sources (
  id          INTEGER PRIMARY KEY,
  stream      INTEGER NOT NULL,
  account     TEXT    NOT NULL,
  region      TEXT    NOT NULL,
  function    TEXT    NOT NULL,
  function_id TEXT    NOT NULL,
  runtime     TEXT    NOT NULL,
  provider    TEXT    NOT NULL
) STRICT;

CREATE TABLE audit_kinds (
  id          INTEGER PRIMARY KEY,
  class       INTEGER NOT NULL,
  stream      INTEGER NOT NULL,
  type        TEXT    NOT NULL,
  attack_type TEXT    NOT NULL,
  effect      TEXT    NOT NULL,
  rule        TEXT    NOT NULL,
  severity    TEXT    NOT NULL,
  techniques  TEXT    NOT NULL
) STRICT;

CREATE TABLE audit_series (
  id     INTEGER PRIMARY KEY,
  source INTEGER NOT NULL REFERENCES audit_sources (id),
  kind   INTEGER NOT NULL REFERENCES audit_kinds (id)
) STRICT;

CREATE TABLE audits (
  seq        INTEGER PRIMARY KEY,
  stream     INTEGER NOT NULL,
  series     INTEGER NOT NULL,
  time       INTEGER NOT NULL,
  received   INTEGER NOT NULL,
  request    INTEGER NOT NULL, -- a hash of request_id; 0 for none
  count      INTEGER NOT NULL,
  id         TEXT    NOT NULL,
  request_id TEXT    NOT NULL,
  msg        TEXT    NOT NULL,
  body       BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX audits_id ON audits (id, stream);
CREATE INDEX audits_time ON audits (stream, time, seq, series);
CREATE INDEX audits_series ON audits (series, time);
CREATE INDEX audits_request ON audits (request) WHERE request <> 0;

-- How many audits there are, by tier and a span of time: those up to the sequence that the counter 'counted' has.
CREATE TABLE audit_counts (
  tier   INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  key    INTEGER NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY (tier, bucket, key)
) STRICT, WITHOUT ROWID;
