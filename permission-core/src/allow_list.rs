//! What the configuration allows without asking.

/// Entries `tool` or `tool:action`.
#[derive(Debug, Default)]
pub(crate) struct AllowList {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    tool: Box<str>,
    action: Option<Box<str>>,
}

impl AllowList {
    pub(crate) fn insert(&mut self, entry: &str) {
        let (tool, action) = match entry.split_once(':') {
            Some((tool, action)) => (tool, Some(action.into())),
            None => (entry, None),
        };
        let tool = tool.into();
        self.entries.push(Entry { tool, action });
    }

    /// Whether the list allows `tool` to do `action`.
    ///
    /// Both halves are compared on their own: a tool that calls itself `bash:execute` is not what
    /// the entry `bash:execute` allows.
    pub(crate) fn covers(&self, tool: &str, action: &str) -> bool {
        self.entries.iter().any(|entry| {
            *entry.tool == *tool && entry.action.as_deref().is_none_or(|it| it == action)
        })
    }
}
