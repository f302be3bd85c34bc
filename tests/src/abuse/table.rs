//! The summary of the figures.

/// A figure beside its limit.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) attack: &'static str,
    pub(crate) what: &'static str,
    pub(crate) value: f64,
    pub(crate) limit: f64,
    pub(crate) unit: &'static str,
    /// How long an ordinary call took afterwards, in milliseconds.
    pub(crate) recovered: f64,
}

impl Row {
    fn holds(&self) -> bool {
        self.value <= self.limit
    }
}

/// All figures.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    pub(crate) fn add(&mut self, row: Row) {
        self.0.push(row);
    }

    /// Returns whether every figure is within its limit.
    pub(crate) fn holds(&self) -> bool {
        self.0.iter().all(Row::holds)
    }

    pub(crate) fn print(&self) {
        println!("{:<30} {:<18} {:>14} {:>14}  {:<5} {:>12}", "attack", "figure", "value", "limit", "", "call after");
        for row in &self.0 {
            let verdict = if row.holds() { "ok" } else { "OVER" };
            let value = format!("{:.1} {}", row.value, row.unit);
            let limit = format!("{:.1} {}", row.limit, row.unit);
            let after = format!("{:.1} ms", row.recovered);
            println!("{:<30} {:<18} {value:>14} {limit:>14}  {verdict:<5} {after:>12}", row.attack, row.what);
        }
    }
}
