-- What audits share. The ids come from counters, so that they grow in the order of commits.
CREATE TABLE counters (
  name text COLLATE "C" PRIMARY KEY,
  value bigint NOT NULL
);
INSERT INTO counters (name, value) VALUES ('audit', 0), ('dimension', 0), ('counted', 0);

CREATE TABLE audit_sources (
  id bigint PRIMARY KEY,
  stream bigint NOT NULL,
  account text COLLATE "C" NOT NULL,
  region text COLLATE "C" NOT NULL,
  function text COLLATE "C" NOT NULL,
  function_id text COLLATE "C" NOT NULL,
  runtime text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL
);

CREATE TABLE audit_kinds (
  id bigint PRIMARY KEY,
  class bigint NOT NULL,
  stream bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  attack_type text COLLATE "C" NOT NULL,
  effect text COLLATE "C" NOT NULL,
  rule text COLLATE "C" NOT NULL,
  severity text COLLATE "C" NOT NULL,
  techniques text COLLATE "C" NOT NULL
);

CREATE TABLE audit_series (
  id bigint PRIMARY KEY,
  source bigint NOT NULL,
  kind bigint NOT NULL
);

CREATE TABLE audits (
  seq bigint PRIMARY KEY,
  stream bigint NOT NULL,
  series bigint NOT NULL,
  time bigint NOT NULL,
  received bigint NOT NULL,
  request bigint NOT NULL, -- a hash of request_id; 0 for none
  count bigint NOT NULL,
  id text COLLATE "C" NOT NULL,
  request_id text COLLATE "C" NOT NULL,
  msg text COLLATE "C" NOT NULL,
  body bytea NOT NULL
);
CREATE UNIQUE INDEX audits_id ON audits (id, stream);
CREATE INDEX audits_time ON audits (stream, time, seq, series);
CREATE INDEX audits_series ON audits (series, time, seq);
CREATE INDEX audits_request ON audits (request) WHERE request <> 0;

-- How many audits there are, by tier and a span of time: those up to the sequence that the counter 'counted' has.
CREATE TABLE audit_counts (
  tier bigint NOT NULL,
  bucket bigint NOT NULL,
  key bigint NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (tier, bucket, key)
);
