//! The table of hostile files: name, what each attacks, and how its bytes are made.

use super::{active, bombs, cross_references, drawing, files, fonts, jpeg, pictures, png, structures, tiff};

/// A crafted file.
pub struct HostileFile {
    /// Its file name; the ending is that of the kind that it claims to be.
    pub name: String,
    /// What it attacks, in a few words.
    pub attacks: &'static str,
    make: Box<dyn Fn() -> Vec<u8> + Send + Sync>,
}

impl std::fmt::Debug for HostileFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostileFile").field("name", &self.name).finish_non_exhaustive()
    }
}

impl HostileFile {
    /// Its bytes, made anew with each call and always the same.
    pub fn bytes(&self) -> Vec<u8> {
        (self.make)()
    }
}

/// Name, what it attacks, its bytes.
type Row = (&'static str, &'static str, fn() -> Vec<u8>);

/// The same for files that name whom they call.
type Calling = (&'static str, &'static str, fn(&str) -> Vec<u8>);

/// Every hostile file. Those that try to call someone call `canary`, a host and a port.
pub fn all(canary: &str) -> Vec<HostileFile> {
    let rows =
        BOMBS.iter().chain(PICTURES).chain(DRAWINGS).chain(FONTS).chain(STRUCTURES).chain(CROSS_REFERENCES).chain(OTHER).chain(IMAGES);
    let mut all: Vec<HostileFile> =
        rows.map(|(name, attacks, make)| HostileFile { name: (*name).to_owned(), attacks, make: Box::new(make) }).collect();
    for twentieth in 1..20u32 {
        let make = move || files::truncated(f64::from(twentieth) / 20.0);
        all.push(HostileFile {
            name: format!("broken-off-{twentieth:02}-of-20.pdf"),
            attacks: "a file that is not all there",
            make: Box::new(make),
        });
    }
    let calling: [Calling; 4] = [
        ("call-actions.pdf", "actions that call an address or run a program", active::actions),
        ("call-xml-form.pdf", "a form whose XML calls for outside entities", active::xml_form),
        ("call-streams.pdf", "streams that lie in files and call addresses", active::streams_from_elsewhere),
        ("call-attachments.pdf", "attachments with paths, films that call addresses", active::attachments),
    ];
    for (name, attacks, make) in calling {
        let canary = canary.to_owned();
        all.push(HostileFile { name: name.to_owned(), attacks, make: Box::new(move || make(&canary)) });
    }
    all
}

const BOMBS: &[Row] = &[
    ("bomb-flate-twice.pdf", "8 GiB of drawing, packed twice", bombs::flate_bomb_content),
    ("bomb-flate-thrice.pdf", "8 GiB of drawing, packed three times", bombs::flate_thrice),
    ("bomb-thousand-filters.pdf", "a thousand filters one after the other", bombs::thousand_filters),
    ("bomb-run-length.pdf", "16 GiB of runs", bombs::run_length),
    ("bomb-lzw.pdf", "6 GB of LZW", bombs::lzw),
    ("bomb-ascii-85.pdf", "8 GiB from ASCII 85", bombs::ascii_85),
    ("bomb-hexadecimal-chain.pdf", "hexadecimal digits of hexadecimal digits", bombs::hexadecimal_chain),
    ("bomb-contents-again.pdf", "one part of a drawing, 200,000 times", bombs::contents_again_and_again),
    ("bomb-filters-from-nowhere.pdf", "filters that do not exist, a length that is itself", bombs::filters_from_nowhere),
    ("bomb-predictor.pdf", "predicted rows of 2^31 columns", bombs::predictor_of_endless_rows),
    ("bomb-picture.pdf", "a picture of 10 GiB, packed twice", bombs::flate_bomb_image),
    ("bomb-picture-without-end.pdf", "8 GiB behind a picture of 100 bytes", bombs::picture_with_more_than_it_says),
    ("bomb-picture-every-packing.pdf", "every filter at once, over noise", bombs::picture_of_noise_in_every_packing),
    ("bomb-object-stream.pdf", "the structure in an object stream of 8 GiB", bombs::flate_bomb_object_stream),
];

const PICTURES: &[Row] = &[
    ("jbig2-lying-size.pdf", "JBIG2 of 2^32 x 2^32 pixels", pictures::jbig2_lying_size),
    ("jbig2-large-and-empty.pdf", "JBIG2 of 65,000 x 65,000 pixels without bytes", pictures::jbig2_large_and_empty),
    ("jbig2-endless-symbols.pdf", "a JBIG2 dictionary of 2^32 symbols that uses itself", pictures::jbig2_endless_symbols),
    ("ccitt-lying-size.pdf", "a fax of 2^31 x 2^31 points", pictures::ccitt_lying_size),
    ("ccitt-large-and-empty.pdf", "a fax of 60,000 x 60,000 points without bytes", pictures::ccitt_large_and_empty),
    ("jpx-endless-tiles.pdf", "JPEG 2000 of 2^64 tiles", pictures::jpx_endless_tiles),
    ("jpx-large-and-empty.pdf", "JPEG 2000 of 60,000 x 60,000 pixels without data", pictures::jpx_large_and_empty),
    ("jpx-many-components.pdf", "JPEG 2000 of 16,384 components", pictures::jpx_many_components),
    ("dct-larger.pdf", "a JPEG larger than its dictionary says", pictures::dct_larger_than_it_says),
    ("dct-smaller.pdf", "a JPEG smaller than its dictionary says", pictures::dct_smaller_than_it_says),
    ("dct-scans.pdf", "a JPEG of 5,000 scans", pictures::dct_thousands_of_scans),
    ("picture-impossible-numbers.pdf", "widths, heights and bits that cannot be", pictures::impossible_numbers),
    ("picture-stencil.pdf", "a stencil of 2^20 x 2^20 points", pictures::stencil_of_a_million_squared),
    ("picture-honest-900-megapixels.pdf", "an honest picture of 900 megapixels", pictures::honest_but_large),
    ("picture-masks-of-masks.pdf", "soft masks in circles and chains", pictures::masks_of_masks),
    ("picture-large-mask.pdf", "a soft mask of 50,000 x 50,000 pixels", pictures::mask_larger_than_its_picture),
    ("picture-colours-of-colours.pdf", "colour spaces in circles and chains", pictures::colours_of_colours),
    ("picture-thousands-of-inks.pdf", "4,000 inks and a program for each pixel", pictures::thousands_of_inks),
    ("picture-inline.pdf", "an inline picture that never ends", pictures::inline_without_end),
    ("picture-again-and-again.pdf", "64 megapixels, drawn 2,000 times", pictures::drawn_again_and_again),
    ("picture-hundreds.pdf", "500 pictures of 16 megapixels on one page", pictures::hundreds_of_large_pictures),
];

const DRAWINGS: &[Row] = &[
    ("forms-recursive.pdf", "forms that draw each other", drawing::recursive_forms),
    ("forms-laughs.pdf", "10^12 calls of a form", drawing::laughs),
    ("forms-laughs-in-groups.pdf", "10^12 transparency groups", drawing::laughs_in_groups),
    ("forms-deep.pdf", "forms 30,000 deep", drawing::deep_forms),
    ("mask-of-itself.pdf", "a soft mask that uses itself", drawing::mask_of_itself),
    ("groups-nested.pdf", "200 transparent pages inside of each other", drawing::nested_groups),
    ("tiles-tiny.pdf", "tiles of a millionth of a point", drawing::tiny_tiles),
    ("tiles-without-steps.pdf", "tiles with steps of nothing", drawing::tiles_without_steps),
    ("tiles-huge.pdf", "tiles of 10^7 points", drawing::huge_tiles),
    ("pattern-of-itself.pdf", "a pattern painted with itself", drawing::pattern_of_itself),
    ("patterns-of-patterns.pdf", "patterns of patterns, 10^32 tiles", drawing::patterns_of_patterns),
    ("shading-by-program.pdf", "a program of 500,000 steps for each point", drawing::shading_by_program),
    ("shading-over-everything.pdf", "a shading over 10^30 points", drawing::shading_over_everything),
    ("function-of-itself.pdf", "a function stitched of itself", drawing::function_of_itself),
    ("function-endless-samples.pdf", "a function of 10^60 samples", drawing::function_of_endless_samples),
    ("mesh-patches.pdf", "2 million patches, each over the page", drawing::mesh_of_patches),
    ("mesh-triangles.pdf", "10 million triangles", drawing::mesh_of_triangles),
    ("mesh-lattice.pdf", "rows of 2^31 corners", drawing::lattice_of_endless_rows),
    ("dashes.pdf", "dashes of 10^-9 points", drawing::endless_dashes),
    ("numbers.pdf", "numbers that are none", drawing::absurd_numbers),
    ("path.pdf", "64 million curves in one path", drawing::endless_path),
    ("clips.pdf", "100,000 clips inside of each other", drawing::endless_clips),
    ("states.pdf", "50 million saved states", drawing::endless_states),
    ("text.pdf", "50 million letters on a page", drawing::endless_text),
    ("nonsense.pdf", "4 million unknown operators", drawing::endless_nonsense),
    ("deep-arrays.pdf", "arrays 100,000 deep", drawing::deep_arrays),
    ("deep-arrays-million.pdf", "arrays a million deep", drawing::million_deep_arrays),
    ("deep-dictionaries.pdf", "dictionaries 500,000 deep", drawing::deep_dictionaries),
    ("deep-parentheses.pdf", "parentheses 1,500,000 deep", drawing::deep_parentheses),
];

const FONTS: &[Row] = &[
    ("font-endless-ranges.pdf", "100,000 ranges of 2^32 characters", fonts::endless_ranges),
    ("font-letters-of-letters.pdf", "letters that stand for 60,000 letters", fonts::letters_of_letters),
    ("font-map-bomb.pdf", "a character map of 4 GiB", fonts::map_bomb),
    ("font-maps-of-maps.pdf", "character maps and fonts in circles", fonts::maps_of_maps),
    ("font-type-3-of-itself.pdf", "letters drawn with their own font", fonts::type_3_of_itself),
    ("font-type-3-laughs.pdf", "letters of letters, 10^10 of them", fonts::type_3_laughs),
    ("font-program-bomb.pdf", "a font program of 4 GiB", fonts::program_bomb),
    ("font-noise.pdf", "font programs of noise", fonts::programs_of_noise),
    ("font-glyph-of-itself.pdf", "a TrueType glyph made of itself", fonts::glyph_of_itself),
    ("font-endless-contours.pdf", "a TrueType glyph of 32,767 contours", fonts::glyph_of_endless_contours),
    ("font-routine-of-itself.pdf", "a compact font whose routine calls itself", fonts::routine_of_itself),
    ("font-lying-index.pdf", "a compact font with a lying index", fonts::lying_index),
    ("font-type-1-routines.pdf", "a Type 1 font whose routine calls itself", fonts::type_1_routines),
    ("font-endless-tables.pdf", "a million widths and names", fonts::endless_tables),
];

const STRUCTURES: &[Row] = &[
    ("pages-10000.pdf", "10,000 pages", || structures::pages_without_contents(10_000)),
    ("pages-one-million-times.pdf", "one page as a million pages", structures::million_times_one_page),
    ("pages-one-million.pdf", "a million pages, packed into 100 kB", structures::million_pages_packed),
    ("pages-lying-count.pdf", "one page that says a million", || structures::lying_count(1_000_000)),
    ("pages-negative-count.pdf", "fewer pages than none", || structures::lying_count(-7)),
    ("pages-none.pdf", "no page", structures::no_pages),
    ("pages-loop.pdf", "a page tree in a loop", structures::page_tree_loop),
    ("pages-laughs.pdf", "a page tree of 10^12 pages", structures::laughing_tree),
    ("pages-deep.pdf", "a page tree 60,000 deep", structures::deep_tree),
    ("pages-parents-in-a-circle.pdf", "parents in a circle", structures::parents_in_a_circle),
    ("pages-of-any-kind.pdf", "children that are no pages", structures::children_of_any_kind),
    ("page-two-kilometres.pdf", "a page of two kilometres", structures::page_of_two_kilometres),
    ("page-thin.pdf", "a page of 14,400 by 1 point", structures::thin_page),
    ("page-not-a-number.pdf", "a page whose size is no number", || structures::media_box("NaN NaN inf -inf")),
    ("page-immense.pdf", "a page of 10^38 points", || structures::media_box("-1e38 -1e38 1e38 1e38")),
    ("page-immense-digits.pdf", "a page of 10^30 points, written out", || {
        structures::media_box("0 0 1000000000000000000000000000000 1000000000000000000000000000000")
    }),
    ("page-zero.pdf", "a page without a size", || structures::media_box("0 0 0 0")),
    ("page-reversed.pdf", "a page with its corners reversed", || structures::media_box("595 842 0 0")),
    ("page-tiny.pdf", "a page of a thousandth of a point", || structures::media_box("0 0 0.001 0.001")),
    ("page-three-numbers.pdf", "a page with three numbers", || structures::media_box("0 0 595")),
    ("page-far-away.pdf", "a page far away from nothing", || structures::media_box("2000000000 2000000000 2000000595 2000000842")),
    ("page-boxes.pdf", "boxes that do not meet", structures::boxes_that_do_not_meet),
    ("page-unit-million.pdf", "a unit of a million points", structures::unit_of_a_million),
    ("page-unit-negative.pdf", "a unit below nothing", structures::unit_below_nothing),
    ("page-turned.pdf", "a page turned without end", structures::turned_without_end),
    ("circles-beside-the-pages.pdf", "outlines, names and forms in circles", structures::circles_beside_the_pages),
];

const CROSS_REFERENCES: &[Row] = &[
    ("xref-missing.pdf", "no cross-reference", cross_references::missing),
    ("xref-beyond-the-end.pdf", "a cross-reference behind the end", cross_references::start_beyond_the_end),
    ("xref-wrong-numbers.pdf", "objects of other numbers", cross_references::wrong_numbers),
    ("xref-endless-objects.pdf", "objects without ends", cross_references::endless_objects),
    ("xref-all-free.pdf", "a table that says that nothing is there", cross_references::everything_is_free),
    ("xref-before-itself.pdf", "a section that comes before itself", cross_references::before_itself),
    ("xref-thousands.pdf", "20,000 sections", cross_references::thousands_of_updates),
    ("xref-lying-table.pdf", "a table of 2^31 entries", cross_references::lying_table),
    ("xref-lying-widths.pdf", "columns of 2^31 bytes", cross_references::lying_widths),
    ("xref-rows-of-nothing.pdf", "2^31 rows of no bytes", cross_references::rows_of_nothing),
    ("xref-lying-index.pdf", "indices of all numbers", cross_references::lying_index),
    ("xref-stream-in-itself.pdf", "an object stream that lies in itself", cross_references::stream_in_itself),
    ("xref-lying-object-stream.pdf", "an object stream of 2^31 objects", cross_references::lying_object_stream),
    ("xref-references.pdf", "references to references to references", cross_references::references_to_references),
    ("xref-highest-number.pdf", "an object with the highest number", cross_references::highest_number),
    ("locked-unknown.pdf", "an unknown way of locking", cross_references::unknown_handler),
    ("locked-keys-of-nothing.pdf", "keys of no length", cross_references::keys_of_nothing),
    ("locked-broken.pdf", "a lock with broken strings", cross_references::broken_newest_lock),
    ("locked-from-nowhere.pdf", "a lock that is not there", cross_references::lock_from_nowhere),
    ("headers-only.pdf", "50,000 headers", cross_references::headers_only),
    ("far-from-both-ends.pdf", "rubbish before and behind", cross_references::far_from_both_ends),
];

const OTHER: &[Row] = &[
    ("empty.pdf", "no bytes", files::empty),
    ("text.txt.pdf", "a text with a misleading name", files::not_a_document),
    ("damaged.pdf", "noise behind a header", files::damaged),
    ("damaged-pictures.pdf", "noise in place of pictures", files::damaged_images),
    ("locked.pdf", "a password", || files::encrypted("secret")),
    ("locked-but-open.pdf", "encryption with an empty password", files::encrypted_without_password),
    ("two-jpeg-pdf.jpg", "a JPEG that is a PDF", files::jpeg_and_pdf),
    ("two-zip-pdf.pdf", "an archive that is a PDF", files::zip_and_pdf),
    ("two-pdf-zip.pdf", "a PDF that is an archive", files::pdf_and_zip),
    ("two-gif-pdf.pdf", "a GIF that is a PDF", files::gif_and_pdf),
    ("two-html-pdf.pdf", "a page of the web that is a PDF", files::html_and_pdf),
    ("two-png-pdf.png", "a PNG that is a PDF", files::png_and_pdf),
    ("two-tiff-pdf.tif", "a TIFF that is a PDF", files::tiff_and_pdf),
    ("two-pdf-program.pdf", "a PDF that is a program", files::pdf_and_program),
    ("archive.pdf", "an archive", files::plain_zip),
];

const IMAGES: &[Row] = &[
    ("png-30000.png", "900 megapixels in 110 kB", || png::huge_png(30_000)),
    ("png-30000-interlaced.png", "900 megapixels, interlaced", png::huge_interlaced),
    ("png-lying-size.png", "2^31 x 2^31 pixels", png::lying_size),
    ("png-row.png", "a row of 2^31 pixels", png::endless_row),
    ("png-column.png", "100 million rows", png::endless_column),
    ("png-header.png", "a header that cannot be", png::impossible_header),
    ("png-more.png", "4 GiB behind one pixel", png::more_than_it_says),
    ("png-text.png", "a comment and a profile of 2 GiB", png::text_and_profile_bombs),
    ("png-chunks.png", "half a million chunks", png::many_chunks),
    ("png-lying-chunk.png", "a chunk of 2 GiB that is not there", png::lying_chunk),
    ("png-broken-off.png", "rows that are not all there", png::broken_off),
    ("png-frames.png", "100,000 frames", png::many_frames),
    ("content-dots.png", "a page of dots", png::page_of_dots),
    ("content-squares.png", "a page of squares of one pixel", || png::page_of_squares(1)),
    ("content-large-squares.png", "a page of squares of 17 pixels", || png::page_of_squares(17)),
    ("content-crosses.png", "a page of 40,000 crosses", png::page_of_crosses),
    ("content-noise.tif", "a page of noise", tiff::page_of_noise),
    ("tiff-directories.tif", "20,000 directories", tiff::tiff_with_many_directories),
    ("tiff-loop.tif", "directories in a loop", tiff::tiff_with_looping_directories),
    ("tiff-itself.tif", "a directory that follows itself", tiff::directory_of_itself),
    ("tiff-strip-from-nowhere.tif", "a strip behind the end", tiff::strip_from_nowhere),
    ("tiff-lying-size.tif", "2^31 x 2^31 pixels of 65,535 samples", tiff::lying_size),
    ("tiff-nothing.tif", "no rows, no bits, no samples", tiff::nothing_of_anything),
    ("tiff-deflate.tif", "1.6 gigapixels in one strip", tiff::deflate_bomb),
    ("tiff-one-strip.tif", "1.6 gigapixels in a hundred strips that are one", tiff::one_strip_for_all),
    ("tiff-lzw.tif", "5 gigapixels of LZW", tiff::lzw_bomb),
    ("tiff-pack-bits.tif", "3.6 gigapixels of runs", tiff::pack_bits_bomb),
    ("tiff-lying-fax.tif", "a fax of 6 gigapixels without bytes", tiff::lying_fax),
    ("tiff-fax-noise.tif", "a fax of noise", tiff::fax_of_noise),
    ("tiff-lying-tiles.tif", "tiles of 2^31 x 2^31 pixels", tiff::lying_tiles),
    ("tiff-tiny-tiles.tif", "400 million tiles of one pixel", tiff::tiny_tiles),
    ("tiff-strips.tif", "2^32 strips", tiff::strips_beyond_count),
    ("tiff-palette.tif", "a palette that is too short", tiff::short_palette),
    ("tiff-jpeg.tif", "a lying JPEG inside", tiff::jpeg_inside),
    ("tiff-big-beyond.tif", "a directory at the end of all numbers", tiff::big_tiff_beyond_its_end),
    ("tiff-big-entries.tif", "2^60 entries", tiff::big_tiff_of_endless_entries),
    ("jpeg-lying-size.jpg", "65,535 x 65,535 pixels without data", jpeg::lying_size),
    ("jpeg-lying-progressive.jpg", "the same, progressive", jpeg::lying_progressive),
    ("jpeg-scans.jpg", "5,000 scans", jpeg::thousands_of_scans),
    ("jpeg-two-headers.jpg", "two headers of different size", jpeg::two_headers),
    ("jpeg-no-rows.jpg", "a header without rows", jpeg::no_rows),
    ("jpeg-components.jpg", "255 components", jpeg::many_components),
    ("jpeg-rare.jpg", "a kind that nobody writes", jpeg::rare_kind),
    ("jpeg-codes.jpg", "codes that cannot be", jpeg::impossible_codes),
    ("jpeg-noise.jpg", "noise in place of a scan", jpeg::scan_of_noise),
    ("jpeg-exif.jpg", "an Exif directory in a loop", jpeg::exif_loop),
    ("jpeg-restarts.jpg", "2 million restart marks", jpeg::restart_marks),
];
