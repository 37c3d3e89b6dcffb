CREATE TABLE leases (
  name text COLLATE "C" PRIMARY KEY,
  owner text COLLATE "C" NOT NULL,
  token bigint NOT NULL,
  expires bigint NOT NULL
);

CREATE TABLE functions (
  arn text COLLATE "C" PRIMARY KEY,
  account text COLLATE "C" NOT NULL,
  region text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  runtime text COLLATE "C" NOT NULL,
  architecture text COLLATE "C" NOT NULL,
  defended bigint NOT NULL,
  decision text COLLATE "C" NOT NULL,
  rule text COLLATE "C" NOT NULL,
  modified bigint NOT NULL,
  seen bigint NOT NULL,
  body bytea NOT NULL
);
CREATE INDEX functions_place ON functions (account, region, decision, defended);

CREATE TABLE defenders (
  function_id text COLLATE "C" PRIMARY KEY,
  account text COLLATE "C" NOT NULL,
  region text COLLATE "C" NOT NULL,
  function text COLLATE "C" NOT NULL,
  runtime text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  policy_etag text COLLATE "C" NOT NULL,
  first_seen bigint NOT NULL,
  last_seen bigint NOT NULL
);

CREATE TABLE deliveries (
  id text COLLATE "C" PRIMARY KEY,
  profile text COLLATE "C" NOT NULL,
  body bytea NOT NULL,
  attempts bigint NOT NULL,
  created bigint NOT NULL,
  next bigint NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  last_error text COLLATE "C" NOT NULL
);
CREATE INDEX deliveries_next ON deliveries (outcome, next);

INSERT INTO counters (name, value) VALUES ('incident', 0);

CREATE TABLE incidents (
  serial bigint PRIMARY KEY,
  id text COLLATE "C" NOT NULL UNIQUE,
  time bigint NOT NULL,
  acknowledged bigint NOT NULL,
  category text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  account text COLLATE "C" NOT NULL,
  region text COLLATE "C" NOT NULL,
  function text COLLATE "C" NOT NULL,
  function_id text COLLATE "C" NOT NULL,
  custom_rule text COLLATE "C" NOT NULL,
  app_id text COLLATE "C" NOT NULL,
  profile_id text COLLATE "C" NOT NULL,
  body bytea NOT NULL
);
CREATE INDEX incidents_time ON incidents (time);
