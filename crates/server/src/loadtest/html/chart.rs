//! Charts as SVG, drawn with whole numbers.

use super::super::progress::millis;
use super::super::report::{Report, SecondLine};
use std::fmt::Write;

const WIDTH: u64 = 1_000;
const HEIGHT: u64 = 240;
/// Room for the numbers on the left, and for names below.
const LEFT: u64 = 64;
const BELOW: u64 = 24;
const ABOVE: u64 = 18;
/// Lines across.
const LINES: u64 = 4;
/// Points of a line: a longer run shows the worst second of each group.
const POINTS: usize = 600;

/// Arrivals in each second, and those that failed.
pub fn arrivals(report: &Report) -> String {
    let of = |value: fn(&SecondLine) -> u64| points(&report.seconds, value);
    let (requests, failed) = (of(|second| second.requests), of(|second| second.failed));
    let most = round_up(requests.iter().copied().max().unwrap_or(1));
    let mut svg = frame(report, "requests a second", most, |value| value.to_string());
    line(&mut svg, &requests, most, "a");
    if failed.iter().any(|count| *count > 0) {
        line(&mut svg, &failed, most, "b");
        legend(&mut svg, &[("a", "due"), ("b", "failed")]);
    }
    svg + "</svg>\n"
}

/// p50 and p99 of each second.
pub fn latency(report: &Report) -> String {
    let of = |value: fn(&SecondLine) -> u64| points(&report.seconds, value);
    let (p50, p99) = (of(|second| second.p50_micros), of(|second| second.p99_micros));
    let most = round_up(p99.iter().copied().max().unwrap_or(1));
    let mut svg = frame(report, "time to the answer", most, millis);
    line(&mut svg, &p99, most, "b");
    line(&mut svg, &p50, most, "a");
    legend(&mut svg, &[("a", "p50"), ("b", "p99")]);
    svg + "</svg>\n"
}

/// p50, p95 and p99 of each scenario, as bars within one another.
pub fn scenarios(report: &Report) -> String {
    let shown: Vec<_> = report.scenarios.iter().filter(|scenario| scenario.name != "sign-in").collect();
    let most = round_up(shown.iter().map(|scenario| scenario.line.p99_micros).max().unwrap_or(1));
    let height = 30 * u64::try_from(shown.len()).unwrap_or(1) + 8;
    let (left, room) = (120, WIDTH - 120 - 90);
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"p50 and p99 of each scenario\">");
    for (number, scenario) in (0_u64..).zip(shown) {
        let y = 4 + number * 30;
        let width = |micros: u64| micros * room / most;
        let class = if scenario.broken.is_empty() { "bar-b" } else { "bar-bad" };
        let (p50, p99) = (scenario.line.p50_micros, scenario.line.p99_micros);
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect class=\"{class}\" x=\"{left}\" y=\"{y}\" width=\"{}\" \
             height=\"20\" rx=\"3\"/><rect class=\"bar-a\" x=\"{left}\" y=\"{y}\" width=\"{}\" height=\"20\" rx=\"3\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            left - 10,
            y + 15,
            scenario.name,
            width(p99).max(2),
            width(p50).max(2),
            left + width(p99) + 8,
            y + 15,
            millis(p99),
        );
    }
    svg + "</svg>\n<p class=\"note\">To p50, and on to p99. Sign-in is in the table alone.</p>\n"
}

/// The worst of each group of seconds, so that no line has too many points and no peak is lost.
fn points(seconds: &[SecondLine], value: fn(&SecondLine) -> u64) -> Vec<u64> {
    let group = seconds.len().div_ceil(POINTS).max(1);
    seconds.chunks(group).map(|group| group.iter().map(value).max().unwrap_or_default()).collect()
}

/// The next number that divides well.
fn round_up(value: u64) -> u64 {
    let mut step = 1;
    while step * 10 < value.max(1) {
        step *= 10;
    }
    [1, 2, 4, 6, 8, 10].map(|factor| factor * step).into_iter().find(|round| *round >= value).unwrap_or(value.max(1))
}

fn frame(report: &Report, title: &str, most: u64, shown: impl Fn(u64) -> String) -> String {
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">");
    let total = report.phases.iter().map(|phase| phase.seconds).sum::<u64>().max(1);
    let (room, bottom) = (WIDTH - LEFT, HEIGHT - BELOW);
    let mut begun = 0;
    for (number, phase) in report.phases.iter().enumerate() {
        let (x, width) = (LEFT + begun * room / total, phase.seconds * room / total);
        if number.is_multiple_of(2) {
            let height = bottom - ABOVE;
            let _ =
                write!(svg, "<rect class=\"shade\" x=\"{x}\" y=\"{ABOVE}\" width=\"{width}\" height=\"{height}\"/>");
        }
        let _ = write!(svg, "<text x=\"{}\" y=\"{}\">{}</text>", x + 4, HEIGHT - 8, phase.name);
        begun += phase.seconds;
    }
    for number in 0..=LINES {
        let y = bottom - number * (bottom - ABOVE) / LINES;
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/><text x=\"{}\" y=\"{}\" \
             text-anchor=\"end\">{}</text>",
            LEFT - 6,
            y + 4,
            shown(most * number / LINES)
        );
    }
    let _ = write!(svg, "<text x=\"{LEFT}\" y=\"11\">{title}</text>");
    svg
}

fn line(svg: &mut String, values: &[u64], most: u64, class: &str) {
    let (count, bottom) = (u64::try_from(values.len()).unwrap_or(1).max(1), HEIGHT - BELOW);
    let _ = write!(svg, "<polyline class=\"{class}\" points=\"");
    for (number, value) in (0_u64..).zip(values) {
        // The middle of its second.
        let x = LEFT + (2 * number + 1) * (WIDTH - LEFT) / (2 * count);
        let _ = write!(svg, "{x},{} ", bottom - value * (bottom - ABOVE) / most.max(1));
    }
    svg.push_str("\"/>");
}

fn legend(svg: &mut String, names: &[(&str, &str)]) {
    for (number, (class, name)) in (0_u64..).zip(names) {
        let x = WIDTH - 160 + number * 80;
        let _ = write!(svg, "<line class=\"{class}\" x1=\"{x}\" x2=\"{}\" y1=\"7\" y2=\"7\"/>", x + 20);
        let _ = write!(svg, "<text x=\"{}\" y=\"11\">{name}</text>", x + 26);
    }
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn axes_end_at_numbers_that_divide_well() {
        assert_eq!([0, 1, 7, 11, 200, 201, 4_321].map(round_up), [1, 1, 8, 20, 200, 400, 6_000]);
    }
}
