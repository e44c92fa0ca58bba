-- What people know about documents (title, date, tags), the trash, and the words of pages with the index that finds them.
-- Lines that begin with {sqlite} or {postgres} are for that engine alone.

-- document_date is a number of days since 1970; sort_title is what lists sort by, folded by the program (see search/words.rs).
-- text_job is the job whose pages the index holds. is_indexed is false for what older versions left: the server catches up.
ALTER TABLE documents ADD COLUMN title {text};
ALTER TABLE documents ADD COLUMN document_date {int};
ALTER TABLE documents ADD COLUMN trashed_at {int};
ALTER TABLE documents ADD COLUMN sort_title {text} NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN text_job {uuid};
ALTER TABLE documents ADD COLUMN is_indexed {bool} NOT NULL DEFAULT FALSE;
UPDATE documents SET sort_title = lower(name);

-- One index for each order of the list, without what is in the trash.
CREATE INDEX documents_by_age ON documents (organization, id) WHERE trashed_at IS NULL;
CREATE INDEX documents_by_title ON documents (organization, sort_title, id) WHERE trashed_at IS NULL;
CREATE INDEX documents_by_day ON documents (organization, (COALESCE(document_date, created_at / 86400000000)), id) WHERE trashed_at IS NULL;
CREATE INDEX documents_by_size ON documents (organization, size_bytes, id) WHERE trashed_at IS NULL;
CREATE INDEX documents_in_trash ON documents (organization, id) WHERE trashed_at IS NOT NULL;
CREATE INDEX documents_trash_age ON documents (trashed_at) WHERE trashed_at IS NOT NULL;
CREATE INDEX documents_unindexed ON documents (id) WHERE NOT is_indexed;

CREATE INDEX jobs_pipeline ON jobs (organization, (plan ->> 'pipeline'), document);

-- A tag as it was typed, and folded as it is compared.
CREATE TABLE document_tags (
    document {uuid} NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    folded {text} NOT NULL,
    organization {uuid} NOT NULL,
    tag {text} NOT NULL,
    PRIMARY KEY (document, folded)
){strict};
CREATE INDEX document_tags_list ON document_tags (organization, folded, document, tag);

-- The text of a page as its job read it.
CREATE TABLE page_texts (
    job {uuid} NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    page {int} NOT NULL,
    organization {uuid} NOT NULL,
    content {text} NOT NULL,
    PRIMARY KEY (job, page)
){strict};

-- A stretch of pages of one document, as the index knows it: the row of the index has the same id.
CREATE TABLE search_parts (
    id {identity} NOT NULL PRIMARY KEY,
    document {uuid} NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    organization {uuid} NOT NULL,
    first_page {int} NOT NULL,
    last_page {int} NOT NULL
){strict};
CREATE INDEX search_parts_document ON search_parts (document, id);

-- The organization is a word of the index itself, so that a search reads nobody else's entries.
{sqlite} CREATE VIRTUAL TABLE search_index USING fts5 (organization, about, words, content = '', contentless_delete = 1,
{sqlite}     tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
{sqlite} CREATE TRIGGER search_parts_gone AFTER DELETE ON search_parts BEGIN
{sqlite}     DELETE FROM search_index WHERE rowid = old.id;
{sqlite} END;
{postgres} ALTER TABLE search_parts ADD COLUMN words tsvector NOT NULL;
{postgres} CREATE INDEX search_parts_words ON search_parts USING gin (words);
