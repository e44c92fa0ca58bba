//! The time below which no reading gets: recognition alone, of pictures that lie in memory. For the benchmark.
//!
//! Runs without a sandbox, so only for documents of one's own.

use std::{fs, fs::File, io::Read as _, path::Path, time::Instant};

use crp_model::{Code, Failure, Limits, MediaType, PageNo, labels::EngineKind, media::SNIFF_BYTES};

use crate::{
    document::OpenDocument,
    engine::{self, Engine, GrayPicture, Recognised, Segmentation, tesseract::TesseractEngine},
    reading,
};

/// A warm engine, and pages as it is to see them.
#[doc(hidden)]
pub struct PreparedPages {
    engine: TesseractEngine,
    pictures: Vec<Picture>,
}

/// What recognition took.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct RecognitionTime {
    /// Pages recognised.
    pub pages: usize,
    /// From the first to the last.
    pub wall_seconds: f64,
    /// User and system time of this process meanwhile, in steps of the kernel's clock (mostly 0.01 s).
    pub cpu_seconds: f64,
}

impl PreparedPages {
    /// Reads every `step`th page of `files`, counted through all of them and from 0, beginning with page `first`: just as the
    /// product does, and keeps the pictures that the engine was given.
    ///
    /// # Errors
    /// What opening, drawing and reading may fail with.
    pub fn prepare(languages: &[String], (first, step): (usize, usize), files: &[impl AsRef<Path>]) -> Result<Self, Failure> {
        let (engine, _warnings) = TesseractEngine::load(languages)?;
        let mut recorder = Recorder { engine, largest: None };
        let (mut pictures, mut number) = (Vec::new(), 0);
        for file in files {
            let document = open(file.as_ref())?;
            for index in 0..document.inspect()?.pages.len() {
                if number % step.max(1) == first {
                    let page = PageNo::from_index(index);
                    reading::read(&mut recorder, page, &mut document.render_gray(page)?)?;
                    pictures.extend(recorder.largest.take());
                }
                number += 1;
            }
        }
        Ok(Self { engine: recorder.engine, pictures })
    }

    /// Recognises every picture once.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn recognise(&mut self) -> Result<RecognitionTime, Failure> {
        let (began, cpu_before) = (Instant::now(), own_processor_seconds()?);
        for picture in &self.pictures {
            engine::recognise(&mut self.engine, &picture.lent(), picture.segmentation)?;
        }
        let wall_seconds = began.elapsed().as_secs_f64();
        Ok(RecognitionTime { pages: self.pictures.len(), wall_seconds, cpu_seconds: own_processor_seconds()? - cpu_before })
    }
}

/// A picture that an engine was given.
struct Picture {
    width: u32,
    height: u32,
    gray: Vec<u8>,
    dots_per_inch: u32,
    page: PageNo,
    segmentation: Segmentation,
}

impl Picture {
    fn lent(&self) -> GrayPicture<'_> {
        let Self { width, height, dots_per_inch, page, .. } = *self;
        GrayPicture { width, height, gray: &self.gray, dots_per_inch, page }
    }
}

/// An engine that remembers what it was given: the largest picture of a page, the last one of several, is the one that was read;
/// the others were looks at where its top is.
struct Recorder {
    engine: TesseractEngine,
    largest: Option<Picture>,
}

impl Engine for Recorder {
    fn kind(&self) -> EngineKind {
        self.engine.kind()
    }

    fn recognise(&mut self, picture: &GrayPicture<'_>, segmentation: Segmentation) -> Result<Recognised, Failure> {
        if self.largest.as_ref().is_none_or(|kept| kept.gray.len() <= picture.gray.len()) {
            let GrayPicture { width, height, dots_per_inch, page, .. } = *picture;
            self.largest = Some(Picture { width, height, gray: picture.gray.to_vec(), dots_per_inch, page, segmentation });
        }
        self.engine.recognise(picture, segmentation)
    }
}

fn open(file: &Path) -> Result<OpenDocument, Failure> {
    let unreadable = |error: std::io::Error| Failure::new(Code::FileAccess, format!("{} cannot be read: {error}", file.display()));
    let mut first_bytes = Vec::new();
    let opened = File::open(file).map_err(unreadable)?;
    (&opened).take(SNIFF_BYTES as u64).read_to_end(&mut first_bytes).map_err(unreadable)?;
    OpenDocument::open(opened, MediaType::sniff(&first_bytes)?, &Limits::default())
}

/// User and system time of this process, all threads.
fn own_processor_seconds() -> Result<f64, Failure> {
    let unknown = || Failure::new(Code::Internal, "The processor time of this process cannot be read from /proc/self/stat");
    let stat = fs::read_to_string("/proc/self/stat").map_err(|_| unknown())?;
    // Fields 14 and 15; the name in field 2 may contain blanks and parentheses.
    let fields = stat.rsplit_once(')').ok_or_else(unknown)?.1.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second().max(1) as f64)
}
