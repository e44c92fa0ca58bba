//! A child that never looks at the document and lies: frames and messages are written here by hand, as an attacker would.

use std::{
    io::{Read, Write},
    process::ExitCode,
};

/// What is answered to the first page.
pub(crate) type Lie = fn() -> Vec<u8>;

/// The lie with this name.
pub(crate) fn named(name: &str) -> Option<Lie> {
    Some(match name {
        "garbage" => || b"\x09\0\0\0\0\0\0\0not{}json".to_vec(),
        "huge_frame" => || [0xff; 8].to_vec(),
        "torn_frame" => || b"\x40\0\0\0\0\0\0\0{\"Page\":".to_vec(),
        "wrong_answer" => || frame("{\"Inspection\":{\"pages\":[],\"is_signed\":false,\"warnings\":[]}}", b""),
        "wrong_page" => || page(7, "[2550,3300]", "", b""),
        "tiny_pixels" => || page(1, "[1,1]", "", b""),
        "word_from_afar" => || page(1, "[2550,3300]", "{\"text\":\"x\",\"confidence\":0.5,\"box\":[9000,10,9100,20]}", b""),
        "sure_of_itself" => || page(1, "[2550,3300]", "{\"text\":\"x\",\"confidence\":5.0,\"box\":[10,10,20,20]}", b""),
        "thumbnail_of_html" => || page(1, "[2550,3300]", "", b"<script>alert(1)</script>"),
        "garbage_text" => || page(1, "[2550,3300]", "{\"text\":\"\\u001b[31m\\u0000\",\"confidence\":0.5,\"box\":[10,10,20,20]}", b""),
        "text_without_end" => || {
            let endless = "x".repeat(1 << 20);
            page(1, "[2550,3300]", &format!("{{\"text\":\"{endless}\",\"confidence\":0.5,\"box\":[10,10,20,20]}}"), b"")
        },
        "box_of_no_number" => || page(1, "[2550,3300]", "{\"text\":\"x\",\"confidence\":0.5,\"box\":[1e39,10,20,20]}", b""),
        "no_pages" => || frame("{\"Inspection\":{\"pages\":[],\"is_signed\":false,\"warnings\":[]}}", b""),
        "million_pages" => || {
            let pages = vec!["{\"width_points\":612,\"height_points\":792,\"rotation\":0,\"has_text\":false}"; 100_000].join(",");
            frame(&format!("{{\"Inspection\":{{\"pages\":[{pages}],\"is_signed\":false,\"warnings\":[]}}}}"), b"")
        },
        "picture_of_another_page" => || picture(2, 4, 4),
        "picture_of_another_size" => || picture(1, 4, 5),
        "picture_after_picture" => || picture(1, 4, 4),
        "room_for_another_page" => || room(2),
        "room_after_room" => || room(1),
        "failure_from_elsewhere" => || failure("database_unavailable", "the database is gone", true),
        "failure_in_colour" => || failure("page_failed", "\\u001b[31mred\\nalert", false),
        _ => return None,
    })
}

/// Serves the parent until it closes the pipe: starts well, then lies.
pub(crate) fn serve(lie: Lie) -> ExitCode {
    let (mut from_parent, mut to_parent) = (std::io::stdin().lock(), std::io::stdout().lock());
    let started = "{\"Started\":{\"sandbox\":{\"landlock_abi\":0,\"seccomp\":false}}}";
    let mut answer = frame(started, b"");
    loop {
        let mut head = [0u8; 8];
        if from_parent.read_exact(&mut head).is_err() {
            return ExitCode::SUCCESS;
        }
        let length: u64 = [&head[..4], &head[4..]].iter().map(|n| u64::from(u32::from_le_bytes([n[0], n[1], n[2], n[3]]))).sum();
        let _ = std::io::copy(&mut (&mut from_parent).take(length), &mut std::io::sink());
        if to_parent.write_all(&answer).and_then(|()| to_parent.flush()).is_err() {
            return ExitCode::SUCCESS;
        }
        answer = lie();
    }
}

fn page(number: u32, pixels: &str, word: &str, thumbnail: &[u8]) -> Vec<u8> {
    let line = if word.is_empty() {
        ""
    } else {
        "{\"first_word\":0,\"word_count\":1,\"paragraph\":0,\"box\":[10,10,20,20],\"baseline\":[10,20,20,20]}"
    };
    let layout = format!(
        "{{\"page\":{number},\"width\":612,\"height\":792,\"rotation\":0,\"pixels\":{pixels},\"source\":\"ocr\",\"words\":[{word}],\"lines\":[{line}]}}"
    );
    frame(&format!("{{\"Page\":{{\"layout\":{layout},\"warnings\":[],\"render_seconds\":0.1,\"recognise_seconds\":1e9}}}}"), thumbnail)
}

/// A question for room.
fn room(number: u32) -> Vec<u8> {
    frame(&format!("{{\"Room\":{{\"page\":{number},\"need\":{{\"stored\":1,\"picture\":1,\"is_drawn\":true}}}}}}"), b"")
}

/// A question for the engine outside, with 16 pixels.
fn picture(number: u32, width: u32, height: u32) -> Vec<u8> {
    let question = format!(
        "{{\"Picture\":{{\"page\":{number},\"width\":{width},\"height\":{height},\"dots_per_inch\":300,\"segmentation\":\"automatic\"}}}}"
    );
    frame(&question, &[255; 16])
}

fn failure(code: &str, message: &str, retryable: bool) -> Vec<u8> {
    frame(&format!("{{\"Failed\":{{\"code\":\"{code}\",\"message\":\"{message}\",\"remedy\":\"none\",\"retryable\":{retryable}}}}}"), b"")
}

fn frame(json: &str, bytes: &[u8]) -> Vec<u8> {
    let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes();
    [&length(json.as_bytes()), &length(bytes), json.as_bytes(), bytes].concat()
}
