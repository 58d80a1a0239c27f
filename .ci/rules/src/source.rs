//! A Rust file as lines, each split into its code and its comment.
//!
//! Above: `shape.rs` and the rules. Below: the text.
//! In the code, the contents of strings and characters are gone, so that a brace or a word in it is
//! always one of the program's. Nothing is parsed: macros and their bodies are code like any other.

/// A file.
pub struct Source {
    /// From the top of the repository.
    pub path: String,
    pub lines: Vec<Line>,
}

#[derive(Default)]
pub struct Line {
    pub code: String,
    /// With its slashes; empty where there is none.
    pub comment: String,
    /// As it stands in the file.
    pub raw: String,
}

impl Line {
    /// Whether it is a comment and nothing else.
    pub fn is_comment(&self) -> bool {
        self.code.trim().is_empty() && !self.comment.is_empty()
    }

    pub fn is_attribute(&self) -> bool {
        self.code.trim_start().starts_with("#[")
    }
}

#[derive(Clone, Copy)]
enum State {
    Code,
    Comment,
    /// Within so many `/*`.
    Block(usize),
    String,
    /// Ends at a quote and so many `#`.
    Raw(usize),
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let mut lines = Vec::new();
        let mut state = State::Code;
        for raw in text.lines() {
            let mut line = Line { raw: raw.to_owned(), ..Line::default() };
            if matches!(state, State::Comment) {
                state = State::Code;
            }
            let chars: Vec<char> = raw.chars().collect();
            let mut at = 0;
            while at < chars.len() {
                (state, at) = step(state, &chars, at, &mut line);
            }
            lines.push(line);
        }
        Self { path: path.to_owned(), lines }
    }

    /// The lines that have code.
    pub fn code_lines(&self) -> usize {
        self.lines.iter().filter(|line| !line.code.trim().is_empty()).count()
    }

    /// Whether it is under a `src` folder.
    pub fn is_src(&self) -> bool {
        self.path.contains("/src/")
    }
}

/// Takes what begins at `at`: the state and the place after it.
fn step(state: State, chars: &[char], at: usize, line: &mut Line) -> (State, usize) {
    let next = chars.get(at + 1).copied();
    match state {
        State::Code => code(chars, at, line),
        State::Comment => {
            line.comment.push(chars[at]);
            (state, at + 1)
        }
        State::Block(depth) => {
            line.comment.push(chars[at]);
            match (chars[at], next) {
                ('*', Some('/')) if depth == 1 => (State::Code, at + 2),
                ('*', Some('/')) => (State::Block(depth - 1), at + 2),
                ('/', Some('*')) => (State::Block(depth + 1), at + 2),
                _ => (state, at + 1),
            }
        }
        State::String => match chars[at] {
            '\\' => (state, at + 2),
            '"' => {
                line.code.push('"');
                (State::Code, at + 1)
            }
            _ => (state, at + 1),
        },
        State::Raw(hashes) => {
            let closes = chars[at] == '"'
                && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
            if closes {
                line.code.push('"');
                return (State::Code, at + 1 + hashes);
            }
            (state, at + 1)
        }
    }
}

/// A step from code.
fn code(chars: &[char], at: usize, line: &mut Line) -> (State, usize) {
    let next = chars.get(at + 1).copied();
    let within_word = at > 0 && is_word(chars[at - 1]);
    match (chars[at], next) {
        ('/', Some('/')) => {
            line.comment.push('/');
            (State::Comment, at + 1)
        }
        ('/', Some('*')) => (State::Block(1), at + 2),
        ('"', _) => {
            line.code.push('"');
            (State::String, at + 1)
        }
        ('r', Some('"' | '#')) if !within_word || chars[at - 1] == 'b' || chars[at - 1] == 'c' => {
            let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
            line.code.push('r');
            if chars.get(at + 1 + hashes) == Some(&'"') {
                line.code.push('"');
                return (State::Raw(hashes), at + 2 + hashes);
            }
            (State::Code, at + 1)
        }
        ('\'', Some('\\')) => {
            let rest = chars.get(at + 3..).unwrap_or_default();
            let length = rest.iter().position(|c| *c == '\'').map_or(chars.len(), |p| p + 4);
            line.code.push_str("' '");
            (State::Code, at + length)
        }
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => {
            line.code.push_str("' '");
            (State::Code, at + 3)
        }
        (c, _) => {
            line.code.push(c);
            (State::Code, at + 1)
        }
    }
}

/// Whether `c` may be part of a name.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The names and keywords in a piece of code.
pub fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(text: &str) -> Vec<String> {
        Source::new("a.rs", text).lines.into_iter().map(|line| line.code).collect()
    }

    #[test]
    fn strings_characters_and_comments_are_not_code() {
        assert_eq!(code_of("let a = \"{ // \\\" }\"; // {"), ["let a = \"\"; "]);
        assert_eq!(code_of("let a = r#\"\"{\"#;"), ["let a = r\"\";"]);
        assert_eq!(
            code_of("let a = '{'; let b: &'a u8 = '\\'';"),
            ["let a = ' '; let b: &'a u8 = ' ';"]
        );
        assert_eq!(code_of("a /* { /* } */ { */ b\n\"x\n{\" c"), ["a  b", "\"", "\" c"]);
        assert_eq!(code_of("matches!(c, '\\u{7f}') { }"), ["matches!(c, ' ') { }"]);
    }

    #[test]
    fn comments_keep_their_text() {
        let source = Source::new("a.rs", "//! A room.\nlet a = 1; // why\n");
        assert_eq!(source.lines[0].comment, "//! A room.");
        assert_eq!(source.lines[1].comment, "// why");
        assert!(source.lines[0].is_comment() && !source.lines[1].is_comment());
        assert_eq!(source.code_lines(), 1);
    }
}
