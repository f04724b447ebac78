//! head: what a server says of a URL, by one HEAD request: the status, and the headers sorted.

#[path = "../include/tiphys.rs"]
mod tiphys;

fn head(url: &str) -> Result<(), tiphys::Failure> {
    let mut request = tiphys::Request::open("HEAD", url, "", tiphys::Body::None)?;
    println!("{}", request.answer()?);
    let headers = request.headers()?;
    let mut lines: Vec<&str> = headers.lines().collect();
    lines.sort_unstable();
    for line in lines {
        println!("{line}");
    }
    Ok(())
}

fn main() {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    if urls.is_empty() {
        eprintln!("usage: head URL...");
        std::process::exit(2);
    }
    for url in urls {
        if let Err(failure) = head(&url) {
            eprintln!("head: {url}: {failure}");
            std::process::exit(1);
        }
    }
}
