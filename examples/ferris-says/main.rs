//! ferris-says: a crab that says what it is told.
//!
//! As a command: `ferris-says [-w WIDTH] [TEXT...]`, or the text on stdin. As a step: parameter `text`,
//! option `width`; the picture is the output parameter `picture`.

mod bubble;
mod json;
mod step;

use std::io::{self, Read, Write};
use std::path::Path;

const FOLDER: &str = "/work";
const TEXT_BYTES_MAX: u64 = 64 << 10;

fn parse_width(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(width) if (8..=200).contains(&width) => Ok(width),
        _ => Err(format!("the width \"{text}\" is no number from 8 to 200")),
    }
}

fn say(text: &str, width: Option<&str>) -> Result<String, String> {
    let width = width.map_or(Ok(bubble::WIDTH_DEFAULT), parse_width)?;
    if text.len() as u64 > TEXT_BYTES_MAX {
        return Err(format!("the text is longer than {TEXT_BYTES_MAX} bytes"));
    }
    Ok(bubble::draw(text, width))
}

fn run_step(folder: &Path) -> Result<(), String> {
    let input = step::read(folder)?;
    let said = input
        .parameter("text")
        .ok_or_else(|| "the parameter \"text\" is missing".to_string())
        .and_then(|text| say(&text, input.option("width").as_deref()));
    step::write(folder, "picture", said)
}

fn run_command(arguments: Vec<String>) -> Result<(), String> {
    let mut words = Vec::new();
    let mut width = None;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-w" => width = Some(arguments.next().ok_or("-w wants a width")?),
            "--" => words.extend(arguments.by_ref()),
            flag if flag.starts_with('-') => {
                return Err("usage: ferris-says [-w WIDTH] [TEXT...]".to_string());
            }
            _ => words.push(argument),
        }
    }
    let mut text = words.join(" ");
    if words.is_empty() {
        io::stdin()
            .take(TEXT_BYTES_MAX + 1)
            .read_to_string(&mut text)
            .map_err(|error| format!("stdin: {error}"))?;
    }
    let picture = say(&text, width.as_deref())?;
    io::stdout().write_all(picture.as_bytes()).map_err(|error| format!("stdout: {error}"))
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(FOLDER);
    let is_step = arguments.is_empty() && folder.join(step::INPUT).exists();
    let outcome = if is_step { run_step(folder) } else { run_command(arguments) };
    if let Err(why) = outcome {
        eprintln!("ferris-says: {why}");
        std::process::exit(1);
    }
}
