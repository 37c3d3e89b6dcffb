-- For those who follow one stream in the order of storing, however few audits it has among the other's.
CREATE INDEX audits_order ON audits (stream, seq, series, time);
