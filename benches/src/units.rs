//! Figures with their units, as people read them.
//!
//! Above: tables, the report, the list of candidates. Below: numbers.

/// Milliseconds, with three digits that say something.
#[must_use]
pub fn ms(ns: u64) -> String {
    let ms = ns as f64 / 1e6;
    match ms {
        0.0..10.0 => format!("{ms:.2}"),
        10.0..100.0 => format!("{ms:.1}"),
        _ => format!("{ms:.0}"),
    }
}

/// Nanoseconds, with as many digits as say something.
#[must_use]
pub fn ns(ns: f64) -> String {
    match ns {
        ..10.0 => format!("{ns:.2}"),
        10.0..100.0 => format!("{ns:.1}"),
        _ => format!("{ns:.0}"),
    }
}

/// Mebibytes, with one or two decimals.
#[must_use]
pub fn mib(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 10.0 { format!("{mib:.2}") } else { format!("{mib:.1}") }
}

/// Bytes in the largest unit that they fill.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let step = (63 - bytes.max(1).leading_zeros() as usize) / 10;
    let step = step.min(units.len() - 1);
    let value = bytes as f64 / (1u64 << (10 * step)) as f64;
    match step {
        0 => format!("{bytes} B"),
        _ if value < 10.0 && value.fract() != 0.0 => format!("{value:.1} {}", units[step]),
        _ => format!("{value:.0} {}", units[step]),
    }
}

/// A date and time in UTC, from seconds since 1970: the calendar repeats every 400 years, which are
/// 146,097 days; counted from a 1 March, the leap day comes last.
#[must_use]
pub fn date(unix_seconds: u64) -> String {
    let (days, seconds) = (unix_seconds / 86_400, unix_seconds % 86_400);
    // From 0000-03-01.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // March is 0; months of 31, 30, 31, 30, 31 days repeat.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + later;
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_well() {
        let texts = [0, 1, 1023, 1024, 1536, 1 << 20, 64 << 20, 5 << 30].map(bytes);
        let expected = ["0 B", "1 B", "1023 B", "1 KiB", "1.5 KiB", "1 MiB", "64 MiB", "5 GiB"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00");
        assert_eq!(date(951_782_400), "2000-02-29 00:00");
        assert_eq!(date(951_868_799), "2000-02-29 23:59");
        assert_eq!(date(951_868_800), "2000-03-01 00:00");
        assert_eq!(date(4_107_542_400), "2100-03-01 00:00");
        assert_eq!(date(1_735_689_599), "2024-12-31 23:59");
    }
}
