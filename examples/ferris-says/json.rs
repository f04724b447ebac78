//! JSON with the standard library alone: strict (RFC 8259), for the few kilobytes of a step's input.

use std::fmt::Write;

const DEPTH_MAX: usize = 64;

#[derive(Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The object's member of that name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, v)| v),
            _ => None,
        }
    }

    pub fn items(&self) -> &[Json] {
        match self {
            Json::Array(items) => items,
            _ => &[],
        }
    }

    /// A plain value as text; Argo gives parameters as strings, numbers or booleans.
    pub fn text(&self) -> Option<String> {
        match self {
            Json::Bool(value) => Some(value.to_string()),
            Json::Number(text) | Json::String(text) => Some(text.clone()),
            _ => None,
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, &'static str>;

/// The value, or what is wrong and at which byte.
pub fn parse(text: &str) -> Result<Json, String> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let parsed = parser.value().and_then(|value| {
        parser.skip_space();
        if parser.at == text.len() { Ok(value) } else { Err("text behind the value") }
    });
    parsed.map_err(|why| format!("byte {}: {why}", parser.at))
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += is_there as usize;
        is_there
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Parsed<Json> {
        if !self.text[self.at..].starts_with(word) {
            return Err("a value is due");
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self) -> Parsed<Json> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err("a value is due"),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Parsed<Json>) -> Parsed<Json> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("nested too deeply");
        }
        self.skip_space();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Parsed<Json> {
        let mut items = Vec::new();
        while !self.take(b']') {
            self.separator(items.is_empty())?;
            items.push(self.value()?);
            self.skip_space();
        }
        Ok(Json::Array(items))
    }

    fn object(&mut self) -> Parsed<Json> {
        let mut members: Vec<(String, Json)> = Vec::new();
        while !self.take(b'}') {
            self.separator(members.is_empty())?;
            self.skip_space();
            let key = self.string()?;
            if members.iter().any(|(other, _)| *other == key) {
                return Err("a name that the object has already");
            }
            self.skip_space();
            if !self.take(b':') {
                return Err("a colon is due");
            }
            let value = self.value()?;
            members.push((key, value));
            self.skip_space();
        }
        Ok(Json::Object(members))
    }

    fn separator(&mut self, is_first: bool) -> Parsed<()> {
        if is_first || self.take(b',') { Ok(()) } else { Err("a comma or the end is due") }
    }

    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err("a digit is due") }
    }

    fn number(&mut self) -> Parsed<Json> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(Json::Number(self.text[start..self.at].to_string()))
    }

    fn string(&mut self) -> Parsed<String> {
        if !self.take(b'"') {
            return Err("a string is due");
        }
        let mut out = String::new();
        loop {
            match self.text[self.at..].chars().next() {
                None => return Err("a string without its closing quote"),
                Some('"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some('\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(c) if c < ' ' => return Err("a control character in a string"),
                Some(c) => {
                    self.at += c.len_utf8();
                    out.push(c);
                }
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code();
            }
            _ => return Err("an unknown escape"),
        };
        self.at += 1;
        Ok(c)
    }

    fn hex(&mut self) -> Parsed<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let mut value = 0;
        for &digit in digits.ok_or("\\u wants four hexadecimal digits")? {
            let digit = (digit as char).to_digit(16).ok_or("\\u wants four hexadecimal digits")?;
            value = value << 4 | digit;
        }
        self.at += 4;
        Ok(value)
    }

    fn code(&mut self) -> Parsed<char> {
        let mut code = self.hex()?;
        if (0xd800..0xdc00).contains(&code) && self.take(b'\\') && self.take(b'u') {
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            }
        }
        char::from_u32(code).ok_or("a surrogate without its pair")
    }
}

/// The text as a JSON string, with its quotes.
pub fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => write!(out, "\\u{:04x}", c as u32).unwrap(),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values() {
        let json = parse(" {\"a\": [1.5e3, true, null, {}], \"b\": \"\\ud83e\\udd80\\n\\u00e9\"} ").unwrap();
        assert_eq!(json.get("a").unwrap().items().len(), 4);
        assert_eq!(json.get("a").unwrap().items()[0].text().unwrap(), "1.5e3");
        assert_eq!(json.get("b").unwrap().text().unwrap(), "🦀\né");
        assert_eq!(json.get("c"), None);
    }

    #[test]
    fn refuses_what_is_no_json() {
        for (text, why) in [
            ("", "byte 0: a value is due"),
            ("nul", "byte 0: a value is due"),
            ("01", "byte 1: text behind the value"),
            ("1.", "byte 2: a digit is due"),
            ("[1,]", "byte 3: a value is due"),
            ("[1 2]", "byte 3: a comma or the end is due"),
            ("{\"a\":1,}", "byte 7: a string is due"),
            ("{\"a\":1,\"a\":2}", "byte 10: a name that the object has already"),
            ("{\"a\" 1}", "byte 5: a colon is due"),
            ("\"a", "byte 2: a string without its closing quote"),
            ("\"\n\"", "byte 1: a control character in a string"),
            ("\"\\x\"", "byte 2: an unknown escape"),
            ("\"\\u12\"", "byte 3: \\u wants four hexadecimal digits"),
            ("\"\\u+123\"", "byte 3: \\u wants four hexadecimal digits"),
            ("\"\\ud800\"", "byte 7: a surrogate without its pair"),
            ("\"\\ud800\\u0041\"", "byte 13: a surrogate without its pair"),
        ] {
            assert_eq!(parse(text), Err(why.to_string()), "{text}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(DEPTH_MAX)).is_ok());
        assert!(parse(&nested(DEPTH_MAX + 1)).unwrap_err().ends_with("nested too deeply"));
    }

    #[test]
    fn quotes() {
        assert_eq!(quote("a\"\\\n\t\u{1}é🦀"), "\"a\\\"\\\\\\n\\t\\u0001é🦀\"");
        assert_eq!(parse(&quote("\u{0}\u{1f}\"")).unwrap().text().unwrap(), "\u{0}\u{1f}\"");
    }
}
