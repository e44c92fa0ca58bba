-- Holds, which keep documents whatever else is said, and since when a document is kept.

-- kept_from is set when a document comes back from the trash: its time begins anew. Before that it is the moment of the upload.
ALTER TABLE documents ADD COLUMN kept_from {int};
ALTER TABLE documents ADD COLUMN held_at {int};
ALTER TABLE documents ADD COLUMN held_by {uuid} REFERENCES users (id) ON DELETE SET NULL;
ALTER TABLE documents ADD COLUMN hold_reason {text};
CREATE INDEX documents_by_keeping ON documents (organization, (COALESCE(kept_from, created_at))) WHERE trashed_at IS NULL;
CREATE INDEX documents_on_hold ON documents (organization, id) WHERE held_at IS NOT NULL;
CREATE INDEX documents_held_by ON documents (held_by) WHERE held_by IS NOT NULL;
