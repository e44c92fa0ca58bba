//! What enters the index, in the transaction that makes it true: what people know about a document, and the words of its newest text.

use std::{collections::BTreeMap, fmt::Write as _};

use crp_model::{DocumentId, DocumentName, JobId, OrganizationId};

use super::{organization_word, words::words};
use crate::{
    DatabaseKind, StoreError,
    error::broken,
    sql::{args, sql},
    transaction::Tx,
};

/// Most words of one part. PostgreSQL counts places up to 16383; a book becomes parts of some 40 pages.
const MAX_PART_WORDS: usize = 12_000;
/// Most bytes of the words of one part; PostgreSQL takes no entry beyond a mebibyte.
const MAX_PART_BYTES: usize = 400_000;
/// Most bytes of what people know about a document; it stands in each of its parts.
const MAX_ABOUT_BYTES: usize = 8_192;
/// Places of one word that PostgreSQL keeps.
const MAX_PLACES_PER_WORD: usize = 255;

sql! {
    LOCK = "SELECT name, title, text_job FROM documents WHERE organization = $1 AND id = $2" + postgres "FOR UPDATE";
    TAGS = "SELECT tag FROM document_tags WHERE organization = $1 AND document = $2 ORDER BY folded";
    NEXT_PAGE =
        "SELECT page, content FROM page_texts WHERE organization = $1 AND job = $2 AND page > $3 ORDER BY page LIMIT 1";
    PAGE_WITHOUT_TEXT =
        "SELECT g.page FROM pages g WHERE g.organization = $1 AND g.job = $2
            AND NOT EXISTS (SELECT 1 FROM page_texts t WHERE t.job = g.job AND t.page = g.page) LIMIT 1";
    TAKE_TEXT =
        "UPDATE documents SET text_job = $3 WHERE organization = $1 AND id = $2 AND (text_job IS NULL OR text_job <= $3)";
    FORGET_OLD_TEXTS =
        "DELETE FROM page_texts WHERE organization = $1 AND job IN (
             SELECT j.id FROM jobs j WHERE j.organization = $1 AND j.document = $2 AND j.id <> $3
                AND j.status IN ('succeeded', 'failed', 'cancelled'))";
    CLEAR = "DELETE FROM search_parts WHERE organization = $1 AND document = $2";
    ADD_PART =
        sqlite "INSERT INTO search_parts (document, organization, first_page, last_page) VALUES ($1, $2, $3, $4) RETURNING id",
        postgres "INSERT INTO search_parts (document, organization, first_page, last_page, words)
                  VALUES ($1, $2, $3, $4, CAST($5 AS text)::tsvector) RETURNING id";
    // On PostgreSQL the words stand in the part's own row.
    ADD_WORDS =
        sqlite "INSERT INTO search_index (rowid, organization, about, words) VALUES ($1, $2, $3, $4)",
        postgres "SELECT id FROM search_parts WHERE id = $1";
    MARK_INDEXED = "UPDATE documents SET is_indexed = $3 WHERE organization = $1 AND id = $2";
}

/// The text of a job that has just succeeded becomes the document's, unless a newer job's is there already.
pub(crate) async fn take_text(tx: &mut Tx, organization: OrganizationId, document: DocumentId, job: JobId) -> Result<(), StoreError> {
    if tx.one(&PAGE_WITHOUT_TEXT, args![organization, job]).await?.is_some() {
        // That page was read by an older version: the server catches up from the artifact.
        return tx.run(&MARK_INDEXED, args![organization, document, false]).await.map(drop);
    }
    if set_text(tx, organization, document, job).await? { rebuild(tx, organization, document).await } else { Ok(()) }
}

/// Notes whose pages are the document's text; `false` when a newer job's are.
pub(super) async fn set_text(tx: &mut Tx, organization: OrganizationId, document: DocumentId, job: JobId) -> Result<bool, StoreError> {
    if tx.run(&TAKE_TEXT, args![organization, document, job]).await? == 0 {
        return Ok(false);
    }
    tx.run(&FORGET_OLD_TEXTS, args![organization, document, job]).await?;
    Ok(true)
}

/// Writes the document's entries anew; one page's text is in memory at a time, beside the part that grows.
pub(crate) async fn rebuild(tx: &mut Tx, organization: OrganizationId, document: DocumentId) -> Result<(), StoreError> {
    let row = tx.one(&LOCK, args![organization, document]).await?.ok_or(StoreError::NotFound)?;
    let about = about(tx, organization, document, row.get("name")?, row.opt("title")?).await?;
    tx.run(&CLEAR, args![organization, document]).await?;
    let mut part = Part { about, ..Part::empty(organization, document) };
    let text_job: Option<JobId> = row.opt("text_job")?;
    let mut page = 0u32;
    while let Some(job) = text_job
        && let Some(row) = tx.one(&NEXT_PAGE, args![organization, job, page]).await?
    {
        page = row.get("page")?;
        let content: String = row.get("content")?;
        part.add_page(tx, page, &content).await?;
    }
    part.write(tx).await?;
    tx.run(&MARK_INDEXED, args![organization, document, true]).await.map(drop)
}

async fn about(
    tx: &mut Tx,
    organization: OrganizationId,
    document: DocumentId,
    name: DocumentName,
    title: Option<String>,
) -> Result<Vec<String>, StoreError> {
    let mut texts = vec![name.as_str().to_owned()];
    texts.extend(title);
    for row in tx.all(&TAGS, args![organization, document]).await? {
        texts.push(row.get("tag")?);
    }
    let mut bytes = 0;
    let all = texts.iter().flat_map(|text| words(text)).map(|word| word.folded);
    Ok(all
        .take_while(|word| {
            bytes += word.len() + 1;
            bytes <= MAX_ABOUT_BYTES
        })
        .collect())
}

/// Pages that become one entry.
struct Part {
    organization: OrganizationId,
    document: DocumentId,
    about: Vec<String>,
    words: Vec<String>,
    bytes: usize,
    first_page: u32,
    last_page: u32,
}

impl Part {
    fn empty(organization: OrganizationId, document: DocumentId) -> Self {
        Self { organization, document, about: Vec::new(), words: Vec::new(), bytes: 0, first_page: 0, last_page: 0 }
    }

    async fn add_page(&mut self, tx: &mut Tx, page: u32, content: &str) -> Result<(), StoreError> {
        let mut of_page: Vec<String> = Vec::new();
        let mut bytes = 0;
        for word in words(content) {
            bytes += word.folded.len() + 1;
            // What one page has beyond a part is no text that anybody reads.
            if of_page.len() == MAX_PART_WORDS || bytes > MAX_PART_BYTES {
                break;
            }
            of_page.push(word.folded);
        }
        let is_full = self.words.len() + of_page.len() > MAX_PART_WORDS || self.bytes + bytes > MAX_PART_BYTES;
        if is_full && self.last_page > 0 {
            self.write(tx).await?;
            (self.words, self.bytes, self.first_page) = (Vec::new(), 0, 0);
        }
        if self.first_page == 0 {
            self.first_page = page;
        }
        self.last_page = page;
        self.bytes += bytes;
        self.words.append(&mut of_page);
        Ok(())
    }

    async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let is_sqlite = tx.store().kind() == DatabaseKind::Sqlite;
        let mut row = args![self.document, self.organization, self.first_page, self.last_page];
        if !is_sqlite {
            row.extend(args![self.tsvector().as_str()]);
        }
        let id: i64 = tx.one(&ADD_PART, row).await?.ok_or_else(|| broken("a part of the index was not noted"))?.get("id")?;
        if is_sqlite {
            let organization = organization_word(self.organization);
            let (about, words) = (self.about.join(" "), self.words.join(" "));
            tx.run(&ADD_WORDS, args![id, organization.as_str(), about.as_str(), words.as_str()]).await?;
        }
        Ok(())
    }

    /// The entry as PostgreSQL reads it: each word with its places; those of name, title and tags weigh more.
    fn tsvector(&self) -> String {
        let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let about = self.about.iter().enumerate().map(|(at, word)| (at + 1, word, "A"));
        // A gap, so that no phrase goes from the tags into the text.
        let start = self.about.len() + 2;
        let text = self.words.iter().enumerate().map(|(at, word)| (at + start, word, ""));
        for (at, word, weight) in about.chain(text) {
            let places = places.entry(word).or_default();
            if places.len() < MAX_PLACES_PER_WORD {
                places.push(format!("{at}{weight}"));
            }
        }
        let mut vector = format!("'{}'", super::organization_lexeme(self.organization));
        for (word, places) in places {
            // Writing to a String cannot fail.
            let _ = write!(vector, " '{word}':{}", places.join(","));
        }
        vector
    }
}
