//! Assembling: pages come in one at a time, the searchable PDF, text, layout and thumbnails grow in the scratch folder.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use crp_model::{ArtifactKind, Code, Failure, PageLayout, pipeline::SignedDocuments};
use crp_ocr::DocumentChild;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{ArtifactFile, StageOutput, Workspace};

/// Takes the pages in order and holds one of them at a time.
pub struct Assembler {
    child: DocumentChild,
    pdf: PathBuf,
    text: Growing,
    layout: Growing,
    thumbnails: Option<(PathBuf, ZipWriter<File>)>,
    pages: u32,
}

/// A file that is written from front to end.
#[derive(Debug)]
struct Growing {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Growing {
    fn create(path: PathBuf) -> Result<Self, Failure> {
        let file = BufWriter::new(create(&path)?);
        Ok(Self { path, file })
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| write_failure(&self.path, &error))
    }

    fn finish(mut self, kind: ArtifactKind) -> Result<ArtifactFile, Failure> {
        self.file.flush().map_err(|error| write_failure(&self.path, &error))?;
        Ok(ArtifactFile { kind, path: self.path })
    }
}

impl Assembler {
    /// Starts the child that writes the searchable PDF.
    ///
    /// # Errors
    /// When the child cannot be started or a file cannot be made.
    pub async fn start(workspace: &Workspace, signed: SignedDocuments, thumbnails: bool) -> Result<Self, Failure> {
        let pdf = workspace.scratch_file("searchable.pdf");
        let output = create(&pdf)?;
        let child = DocumentChild::start_assembly(&workspace.children, &workspace.document, workspace.media, signed, output).await?;
        let mut layout = Growing::create(workspace.scratch_file("layout.json"))?;
        layout.push(b"{\"pages\":[")?;
        let thumbnails = match thumbnails.then(|| workspace.scratch_file("thumbnails.zip")) {
            None => None,
            Some(path) => Some((path.clone(), ZipWriter::new(create(&path)?))),
        };
        Ok(Self { child, pdf, text: Growing::create(workspace.scratch_file("text.txt"))?, layout, thumbnails, pages: 0 })
    }

    /// Adds the next page; pages come in order, a page that could not be read comes without words.
    ///
    /// # Errors
    /// When the child or the disk refuses.
    pub async fn push(&mut self, page: &PageLayout, thumbnail_jpeg: Option<&[u8]>) -> Result<(), Failure> {
        self.child.add_page(page).await?;
        if self.pages > 0 {
            self.text.push(b"\x0c")?;
            self.layout.push(b",\n")?;
        }
        self.pages += 1;
        self.text.push(page.text().as_bytes())?;
        let json = serde_json::to_vec(page)
            .map_err(|error| Failure::new(Code::Internal, format!("A page's layout cannot be written: {error}")))?;
        self.layout.push(&json)?;
        if let (Some((path, zip)), Some(jpeg)) = (&mut self.thumbnails, thumbnail_jpeg) {
            zip.start_file(
                format!("{:06}.jpg", page.page.get()),
                SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored),
            )
            .map_err(std::io::Error::from)
            .and_then(|()| zip.write_all(jpeg))
            .map_err(|error| write_failure(path, &error))?;
        }
        Ok(())
    }

    /// Ends the files and the child.
    ///
    /// # Errors
    /// When the searchable PDF cannot be written; nothing of it is used then.
    pub async fn finish(mut self) -> Result<StageOutput, Failure> {
        let assembly = self.child.finish_assembly().await?;
        self.layout.push(b"]}\n")?;
        let mut artifacts = vec![
            ArtifactFile { kind: ArtifactKind::SearchablePdf, path: self.pdf },
            self.text.finish(ArtifactKind::Text)?,
            self.layout.finish(ArtifactKind::Layout)?,
        ];
        if let Some((path, zip)) = self.thumbnails {
            zip.finish().map_err(|error| write_failure(&path, &error.into()))?;
            artifacts.push(ArtifactFile { kind: ArtifactKind::Thumbnails, path });
        }
        Ok(StageOutput { artifacts, warnings: assembly.warnings, fields: Vec::new() })
    }
}

fn create(path: &std::path::Path) -> Result<File, Failure> {
    File::options().read(true).write(true).create(true).truncate(true).open(path).map_err(|error| write_failure(path, &error))
}

/// What an unwritable file means for the user.
pub(crate) fn write_failure(path: &std::path::Path, error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Code::DiskFull,
        _ => Code::FileAccess,
    };
    Failure::new(code, format!("{} cannot be written: {error}", path.display()))
}
