//! The speech bubble and the crab below it.

pub const WIDTH_DEFAULT: usize = 40;

const CRAB: &str = r"        \
         \
      _          _
     (\\        //)
      \\\_.--._///
      ( \o    o/ )
    --(    __    )--
    --(  '----'  )--
     /\_/\  /\_/\
";

/// Columns that a character takes on a terminal: two for East Asian wide ones and pictures, none for
/// marks that combine with the one before.
fn columns(c: char) -> usize {
    match c as u32 {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

fn width_of(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Breaks a word that is wider than a line into pieces that are not.
fn split_word(word: &str, width: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in word.chars() {
        if used + columns(c) > width {
            pieces.push(String::new());
            used = 0;
        }
        used += columns(c);
        pieces.last_mut().unwrap().push(c);
    }
    pieces
}

/// Wraps at white space; line breaks of the text stay, and so do empty lines between paragraphs.
/// Characters that would move the cursor are left out.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.trim_end().lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let word: String = word.chars().filter(|c| !c.is_control()).collect();
            for piece in split_word(&word, width) {
                if !line.is_empty() && width_of(&line) + 1 + width_of(&piece) > width {
                    lines.push(std::mem::take(&mut line));
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&piece);
            }
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

pub fn draw(text: &str, width: usize) -> String {
    let lines = wrap(text, width);
    let widest = lines.iter().map(|line| width_of(line)).max().unwrap_or(0);
    let mut picture = format!(" {}\n", "_".repeat(widest + 2));
    for (i, line) in lines.iter().enumerate() {
        let (left, right) = match (i, lines.len()) {
            (_, 1) => ('<', '>'),
            (0, _) => ('/', '\\'),
            (i, count) if i + 1 == count => ('\\', '/'),
            _ => ('|', '|'),
        };
        let padding = " ".repeat(widest - width_of(line));
        picture.push_str(&format!("{left} {line}{padding} {right}\n"));
    }
    picture.push_str(&format!(" {}\n{CRAB}", "-".repeat(widest + 2)));
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_between_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("one two", 7), ["one two"]);
        assert_eq!(wrap("one two", 6), ["one", "two"]);
    }

    #[test]
    fn keeps_paragraphs() {
        assert_eq!(wrap("a\n\nb\n\n", 9), ["a", "", "b"]);
        assert_eq!(wrap("", 9), [""]);
    }

    #[test]
    fn breaks_long_words() {
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("x abcd", 3), ["x", "abc", "d"]);
    }

    #[test]
    fn counts_columns() {
        assert_eq!(width_of("a\u{301}"), 1);
        assert_eq!(width_of("蟹🦀"), 4);
        assert_eq!(wrap("蟹蟹蟹", 4), ["蟹蟹", "蟹"]);
    }

    #[test]
    fn leaves_control_characters_out() {
        assert_eq!(wrap("a\u{1b}[2Jb", 20), ["a[2Jb"]);
    }

    #[test]
    fn draws_one_line_and_more() {
        assert!(draw("hi", 40).starts_with(" ____\n< hi >\n ----\n"));
        assert!(draw("a\nbcd\ne", 40).starts_with(" _____\n/ a   \\\n| bcd |\n\\ e   /\n -----\n"));
    }
}
