//! ask: asks a server, a line at a time, what stands in objects of a store, and stores the answers. The
//! same program as ask.c.

#[path = "../include/tiphys.rs"]
mod tiphys;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};

fn ask_object(
    server: &mut BufReader<tiphys::Connection>, bucket: &str, key: &str, answers: &str,
) -> Result<(), Box<dyn Error>> {
    let questions = BufReader::new(tiphys::Object::open(bucket, key)?);
    let mut stored = tiphys::NewObject::create(bucket, answers)?;
    for line in questions.split(b'\n') {
        let mut line = line?;
        line.push(b'\n');
        server.get_mut().write_all(&line)?;
        let mut answer = Vec::new();
        if server.read_until(b'\n', &mut answer)? == 0 {
            return Err("the server hung up".into());
        }
        stored.write_all(&answer)?;
    }
    stored.finish()?;
    Ok(())
}

fn ask_all(words: &[String], deletes: bool) -> Result<(), Box<dyn Error>> {
    let (name, bucket, questions, answers) = (&words[0], &words[1], &words[2], &words[3]);
    let mut server = BufReader::new(tiphys::Connection::find(name)?);
    for key in tiphys::blob_list(bucket, questions)? {
        let to = format!("{}{}", answers, &key[questions.len()..]);
        ask_object(&mut server, bucket, &key, &to).map_err(|error| format!("{key}: {error}"))?;
        println!("{to}");
        if deletes {
            tiphys::blob_delete(bucket, &key)?;
        }
    }
    Ok(())
}

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let deletes = words.first().map_or(false, |word| word == "-d");
    words.drain(..deletes as usize);
    if words.len() != 4 {
        eprintln!("usage: ask [-d] HOST:PORT BUCKET QUESTIONS ANSWERS");
        std::process::exit(2);
    }
    if let Err(error) = ask_all(&words, deletes) {
        eprintln!("ask: {error}");
        std::process::exit(1);
    }
}
