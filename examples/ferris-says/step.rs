//! The contract of a workflow step: FOLDER/input.json in, FOLDER/result.json out.

use crate::json::{self, Json};
use std::fs;
use std::path::Path;

pub const INPUT: &str = "input.json";
const RESULT: &str = "result.json";

pub struct Input(Json);

impl Input {
    fn find(&self, list: &str, name: &str) -> Option<String> {
        let items = self.0.get(list)?.items();
        let is_named = |item: &&Json| item.get("name").and_then(Json::text).as_deref() == Some(name);
        items.iter().find(is_named)?.get("value")?.text()
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        self.find("parameters", name)
    }

    pub fn option(&self, name: &str) -> Option<String> {
        self.find("plugin_options", name)
    }
}

pub fn read(folder: &Path) -> Result<Input, String> {
    let path = folder.join(INPUT);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    json::parse(&text).map(Input).map_err(|why| format!("{}: {why}", path.display()))
}

/// Succeeded with one output parameter, or Failed with the message.
pub fn write(folder: &Path, name: &str, outcome: Result<String, String>) -> Result<(), String> {
    let (phase, message, parameters) = match outcome {
        Ok(value) => {
            let parameter =
                format!("{{\"name\":{},\"value\":{}}}", json::quote(name), json::quote(&value));
            ("Succeeded", String::new(), parameter)
        }
        Err(why) => ("Failed", why, String::new()),
    };
    let result = format!(
        "{{\"phase\":\"{phase}\",\"message\":{},\"outputs\":{{\"artifacts\":[],\"parameters\":[{parameters}]}}}}\n",
        json::quote(&message)
    );
    let path = folder.join(RESULT);
    fs::write(&path, result).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_contract() {
        let folder = std::env::temp_dir().join(format!("tiphys-ferris-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join(INPUT),
            r#"{"workflow_name":"w","plugin_options":[{"name":"width","value":20}],
               "parameters":[{"name":"text","value":"a\nb"}],"artifacts":[]}"#,
        )
        .unwrap();
        let input = read(&folder).unwrap();
        assert_eq!(input.parameter("text").unwrap(), "a\nb");
        assert_eq!(input.option("width").unwrap(), "20");
        assert_eq!(input.parameter("width"), None);
        write(&folder, "picture", Err("so \"it\" is".into())).unwrap();
        let result = json::parse(&fs::read_to_string(folder.join(RESULT)).unwrap()).unwrap();
        assert_eq!(result.get("phase").unwrap().text().unwrap(), "Failed");
        assert_eq!(result.get("message").unwrap().text().unwrap(), "so \"it\" is");
        write(&folder, "picture", Ok("x\ny".into())).unwrap();
        let result = json::parse(&fs::read_to_string(folder.join(RESULT)).unwrap()).unwrap();
        let parameters = result.get("outputs").unwrap().get("parameters").unwrap();
        assert_eq!(parameters.items()[0].get("value").unwrap().text().unwrap(), "x\ny");
        fs::remove_dir_all(&folder).unwrap();
        assert!(read(&folder).is_err());
    }
}
