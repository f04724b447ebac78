//! keep.c in Rust: keep-rust get KEY | put KEY VALUE | delete KEY | list PREFIX | list-long COUNT

#[path = "../../../examples/include/tiphys.rs"]
mod tiphys;

use std::io::Write;

/// Keeps as many keys of 250 bytes each, and counts those that are listed in their order.
fn list_long(count: usize) -> Result<usize, tiphys::Failure> {
    for i in (0..count).rev() {
        tiphys::kv_put(&format!("{i:0250}"), b"")?;
    }
    let keys = tiphys::kv_list("0")?;
    Ok(keys.iter().enumerate().filter(|(i, key)| **key == format!("{i:0250}")).count())
}

fn keep(words: &[&str]) -> Result<(), tiphys::Failure> {
    match words {
        ["get", key] => {
            let value = tiphys::kv_get(key)?;
            std::io::stdout().write_all(&[&value, &b"\n"[..]].concat()).expect("stdout");
        }
        ["put", key, value] => tiphys::kv_put(key, value.as_bytes())?,
        ["delete", key] => tiphys::kv_delete(key)?,
        ["list", prefix] => tiphys::kv_list(prefix)?.iter().for_each(|key| println!("{key}")),
        ["list-long", count] => println!("{}", list_long(count.parse().expect("COUNT"))?),
        _ => std::process::exit(2),
    }
    Ok(())
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
    if let Err(failure) = keep(&words) {
        eprintln!("keep: {failure}");
        std::process::exit(1);
    }
}
