-- Pages that an earlier job has read in the same way are not read again: what read a page, and whose page it is.

ALTER TABLE pages ADD COLUMN identity {bytes};
ALTER TABLE pages ADD COLUMN reused_from {uuid};
