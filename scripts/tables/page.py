"""The page of a table: each row beside the paper's, with its interval and its comparison, its failures' films and its hashes."""

import html
import json
import os
import subprocess

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#e3e6ea, #3a3d42); --faint: light-dark(#6b7280, #9aa0a6); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.faint { color: var(--faint); } code { white-space: pre-wrap; overflow-wrap: anywhere; } video { max-width: 24rem; }
"""
FILMS = 2  # of failures, a row


def summary_of(plan, row):
    """What the row came to, counted anew from its episodes; None where the plan has not finished it."""
    if not plan.is_done(row.steps[-1]):
        return None
    summary = json.loads((row.evaluation / "summary.json").read_text())
    records = [json.loads(line) for line in (row.evaluation / "episodes.jsonl").read_text().splitlines()]
    successes = sum(record["success"] for record in records if not record.get("infrastructure_error"))
    if successes != summary["successes"]:
        raise ValueError(f"{row.evaluation}: episodes.jsonl has {successes} successes, and summary.json {summary['successes']}")
    return {**summary, "records": records}


def compared(physgen, row, rows, summaries):
    """The row beside the one that it is compared with: physgen report's counts; None where one of them is not done."""
    beside = next((other for other in rows if other.name == row.beside), None)
    if beside is None or not summaries[row.name] or not summaries[beside.name]:
        return None
    command = [physgen, "report", str(row.evaluation), str(beside.evaluation), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["comparison"]


def percent(share):
    return f"{100 * share:.1f} %"


def result_cells(physgen, row, rows, summaries):
    summary = summaries[row.name]
    if summary is None:
        return "<td colspan=3 class=faint>not done"
    low, high = summary["interval_95"]
    cells = f"<td><b>{summary['successes']} of {summary['finished']}</b><td>{percent(low)} to {percent(high)}"
    paired = compared(physgen, row, rows, summaries)
    if paired is None:
        return cells + "<td>"
    text = f"both {paired['both']}, it alone {paired['first']}, {row.beside} alone {paired['second']}: p = {paired['p_value']:.2g}"
    return cells + "<td>" + html.escape(text)


def details(row, summary, folder):
    """How the row is made, and films of its failures."""
    text = f"<h3>{html.escape(row.name)}</h3>\n<p class=faint>{html.escape(row.note)}"
    if summary:
        text += f" checkpoint {json.loads((row.evaluation / 'rollout.json').read_text())['checkpoint_sha256']}"
    text += "</p>\n"
    text += "".join(f"<code>{html.escape(step.text())}</code><br>\n" for step in row.steps)
    failures = [record for record in (summary or {"records": []})["records"] if not record["success"] and record.get("video")]
    for record in failures[:FILMS]:
        film = os.path.relpath(record["video"], folder)
        text += f'<figure><video controls muted loop src="{html.escape(film)}"></video><figcaption>seed {record["seed"]}</figcaption></figure>\n'
    return text


def write_page(table, rows, plan, physgen):
    """report.html in the plan's folder, as far as the rows are done. @param plan  of the steps of all rows"""
    folder = plan.folder
    summaries = {row.name: summary_of(plan, row) for row in rows}
    head = "<tr><th>row<th>paper<th>here<th>95 % interval<th>compared, McNemar's exact test</tr>\n"
    lines = "".join(
        f"<tr><td>{html.escape(row.name)}<td>{'' if row.paper is None else f'{row.paper} %'}{result_cells(physgen, row, rows, summaries)}</tr>\n" for row in rows
    )
    body = f"<h1>{table}</h1>\n<table>{head}{lines}</table>\n<h2>How</h2>\n" + "".join(details(row, summaries[row.name], folder) for row in rows)
    page = folder / "report.html"
    folder.mkdir(parents=True, exist_ok=True)
    page.write_text(f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{table}</title><style>{STYLE}</style>{body}</html>')
    return page
