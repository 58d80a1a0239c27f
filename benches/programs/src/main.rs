//! The command line and the tables.
//!
//! Below: `programs::rounds`.

use benches::units::{mib, ms};
use clap::Parser;
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use indicatif::{ProgressBar, ProgressStyle};
use programs::loads::{self, Load};
use programs::rounds::{self, Program, Row};
use std::process::ExitCode;

/// Runs ordinary Rust programs, each with one allocator as its global one, in turn, and compares them.
#[derive(Debug, Parser)]
#[command(name = "programs", version, max_term_width = 100)]
struct Cli {
    /// Which programs: json, json-2, syn, btree, hash, regex, tree [default: all].
    #[arg(value_name = "LOAD")]
    loads: Vec<String>,
    /// How often each runs on each allocator.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Smaller inputs, in hundredths of the whole.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
    scale: u32,
    /// Only these allocators.
    #[arg(long, value_name = "ALLOCATOR", value_delimiter = ',')]
    only: Vec<String>,
    /// Print all figures as JSON instead of the tables.
    #[arg(long)]
    json: bool,
}

/// What the build says when the programs are not there.
const BUILD: &str = "cargo build --release -p programs --bins [--features peers]";

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(text) => {
            use std::io::Write;
            // That nobody reads it is no failure.
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err((code, why)) => {
            eprintln!("error: {why}");
            ExitCode::from(code)
        }
    }
}

fn run(cli: &Cli) -> Result<String, (u8, String)> {
    let loads = chosen_loads(cli)?;
    let programs = chosen_programs(cli)?;
    let bar = ProgressBar::new(u64::from(cli.rounds) * (loads.len() * programs.len()) as u64);
    if let Ok(style) = ProgressStyle::with_template("{elapsed} {wide_bar} {pos}/{len}  {msg}") {
        bar.set_style(style);
    }
    let told = |load: &Load, _: usize, program: &Program| {
        bar.set_message(format!("{} on {}", load.name, program.name));
        bar.inc(1);
    };
    let rows = rounds::run(&loads, &programs, cli.scale as usize, cli.rounds as usize, told);
    bar.finish_and_clear();
    let rows = rows.map_err(|why| (1, why))?;
    if cli.json {
        return serde_json::to_string_pretty(&rows).map_err(|error| (1, error.to_string()));
    }
    Ok(format!("{}\n\n{}", details(&loads, &rows), means(&programs, &rows)))
}

fn chosen_loads(cli: &Cli) -> Result<Vec<&'static Load>, (u8, String)> {
    let of = |name: &String| {
        let known = || loads::ALL.iter().map(|load| load.name).collect::<Vec<_>>().join(", ");
        loads::find(name)
            .ok_or_else(|| (2, format!("there is no `{name}`; there are: {}", known())))
    };
    if cli.loads.is_empty() {
        Ok(loads::ALL.iter().collect())
    } else {
        cli.loads.iter().map(of).collect()
    }
}

fn chosen_programs(cli: &Cli) -> Result<Vec<Program>, (u8, String)> {
    let built = rounds::programs();
    let names: Vec<_> = built.iter().map(|program| program.name.clone()).collect();
    if let Some(name) = cli.only.iter().find(|name| !names.contains(name)) {
        let known = names.join(", ");
        return Err((2, format!("no program is built on `{name}`; there are: {known}\n{BUILD}")));
    }
    let wanted = |p: &Program| cli.only.is_empty() || cli.only.contains(&p.name);
    let chosen: Vec<_> = built.into_iter().filter(wanted).collect();
    if chosen.is_empty() {
        Err((2, format!("no program is built yet\n{BUILD}")))
    } else {
        Ok(chosen)
    }
}

fn plain<const N: usize>(header: [&str; N], left: usize) -> Table {
    let mut table = Table::new();
    let line = LineStyle::none().fill('─').junction('─');
    table.load_style(TableStyle::new().header_separator(line).bottom_border(line));
    table.set_header(header);
    for column in table.column_iter_mut().skip(left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Every figure, and the ratios to the best.
fn details(loads: &[&Load], rows: &[Row]) -> Table {
    let header = [
        "load",
        "allocator",
        "time ms",
        "/ best",
        "CPU ms",
        "sys ms",
        "faults",
        "peak MiB",
        "/ best",
    ];
    let mut table = plain(header, 2);
    for load in loads {
        let of_load: Vec<_> = rows.iter().filter(|row| row.load == load.name).collect();
        let best =
            |of: fn(&Row) -> u64| of_load.iter().map(|row| of(row)).min().unwrap_or(1).max(1);
        let (time, peak) = (best(|row| row.figures.wall_ns), best(|row| row.figures.peak_bytes));
        for (n, row) in of_load.iter().enumerate() {
            let f = row.figures;
            let ratio = |of: u64, to: u64| format!("{:.2}", of as f64 / to as f64);
            table.add_row([
                if n == 0 { load.name.to_owned() } else { String::new() },
                row.allocator.clone(),
                ms(f.wall_ns),
                ratio(f.wall_ns, time),
                ms(f.cpu_ns),
                ms(f.sys_ns),
                f.minor_faults.to_string(),
                mib(f.peak_bytes),
                ratio(f.peak_bytes, peak),
            ]);
        }
    }
    table
}

/// Geometric means over the loads, of the ratios to mimalloc, or to the first there is.
fn means(programs: &[Program], rows: &[Row]) -> Table {
    let reference = programs.iter().find(|program| program.name == "mimalloc");
    let reference = reference.or(programs.first()).map_or("", |program| program.name.as_str());
    let mut table = plain([&format!("to {reference}") as &str, "time", "CPU time", "peak"], 1);
    for program in programs {
        let mean = |of: fn(&Row) -> u64| {
            let own = rows.iter().filter(|row| row.allocator == program.name);
            let pairs = own.filter_map(|row| {
                let same = |other: &&Row| other.load == row.load && other.allocator == reference;
                let base = of(rows.iter().find(same)?).max(1);
                Some((of(row).max(1) as f64 / base as f64).ln())
            });
            let logs: Vec<_> = pairs.collect();
            format!("{:.3}", (logs.iter().sum::<f64>() / logs.len().max(1) as f64).exp())
        };
        let time = mean(|row| row.figures.wall_ns);
        let (cpu, peak) = (mean(|row| row.figures.cpu_ns), mean(|row| row.figures.peak_bytes));
        table.add_row([program.name.clone(), time, cpu, peak]);
    }
    table
}
