-- How many audits there are, by tier and span of time: the counts of neighbouring keys are packed into one row, so that a
-- fold writes and a chart reads few. The counts are made anew from the audits.
DROP TABLE audit_counts;
CREATE TABLE audit_tallies (
  tier   INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  part   INTEGER NOT NULL,
  counts BLOB    NOT NULL,
  PRIMARY KEY (tier, bucket, part)
) STRICT, WITHOUT ROWID;
UPDATE counters SET value = 0 WHERE name = 'counted';
