-- Watched folders: which process watches a folder, and which of its files are documents already but were not moved away yet.

CREATE TABLE watched_folders (
    id {uuid} NOT NULL PRIMARY KEY,
    watcher {uuid} NOT NULL,
    watched_until {int} NOT NULL
){strict};

CREATE TABLE watched_files (
    organization {uuid} NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    folder {uuid} NOT NULL,
    path {text} NOT NULL,
    sha256 {bytes} NOT NULL,
    document {uuid} NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    taken_at {int} NOT NULL,
    PRIMARY KEY (organization, folder, path)
){strict};
CREATE INDEX watched_files_document ON watched_files (document);
