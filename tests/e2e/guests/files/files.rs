//! The same steps as files.c and files.go, by Rust's std.
use std::collections::HashMap;
use std::fs;
use std::io::{stdin, Write};
use std::process::exit;
use std::thread::sleep;
use std::time::{Duration, Instant};

fn reached<T, E>(result: Result<T, E>) -> &'static str {
    if result.is_ok() {
        "reached"
    } else {
        "refused"
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    println!("args: {}", args.join(" "));
    println!("env: {}", std::env::var("COLOUR").unwrap());
    let mut line = String::new();
    stdin().read_line(&mut line).unwrap();
    println!("stdin: {}", line);
    if fs::write("/work/new.txt", "hello").is_err() {
        println!("write: refused");
        exit(3);
    }
    let mut file = fs::OpenOptions::new().append(true).open("/work/new.txt").unwrap();
    file.write_all(b" world").unwrap();
    drop(file);
    println!("read: {}", fs::read_to_string("/work/new.txt").unwrap());
    fs::create_dir_all("/work/dir/sub").unwrap();
    fs::rename("/work/new.txt", "/work/dir/sub/moved.txt").unwrap();
    println!("read: {}", fs::read_to_string("/work/dir/sub/moved.txt").unwrap());
    for entry in fs::read_dir("/work/dir").unwrap() {
        println!("entry: {}", entry.unwrap().file_name().to_str().unwrap());
    }
    println!("size: {}", fs::metadata("/work/dir/sub/moved.txt").unwrap().len());
    let start = Instant::now();
    sleep(Duration::from_millis(10));
    println!("slept: {}", start.elapsed() >= Duration::from_millis(10));
    // A HashMap's hasher draws its keys from random_get and fails without.
    let map: HashMap<u32, u32> = [(1, 2)].into_iter().collect();
    println!("random: {}", map[&1] == 2);
    println!("outside: {}", reached(fs::read("/work/../secret")));
    println!("elsewhere: {}", reached(fs::read("/etc/passwd")));
    fs::remove_dir_all("/work/dir").unwrap();
    fs::write("/work/kept.txt", "kept").unwrap();
    eprintln!("to stderr");
    exit(7);
}
