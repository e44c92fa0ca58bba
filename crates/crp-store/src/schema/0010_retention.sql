-- How long documents are kept.

-- Days from which on documents go to the trash; none keeps them for ever.
ALTER TABLE organizations ADD COLUMN retention_days {int};

-- By name, so that it holds for every version, for built-in pipelines, and after a pipeline was deleted. A row without days keeps
-- documents for ever; without a row the organization's days count.
CREATE TABLE pipeline_retentions (
    organization {uuid} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    pipeline {text} NOT NULL,
    retention_days {int},
    PRIMARY KEY (organization, pipeline)
){strict};
