#!/usr/bin/python3
"""Renders a second on one core, here and by npm's handlebars, in turns, the middle of the rounds:
bench/template.py [SECONDS of a round]."""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROUNDS = 7
ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMES = ["firstName", "lastName", "company", "order", "date", "total", "street", "city", "country",
         "unsubscribe"]
LETTER = ("<html><body>\n<p>Dear {{firstName}} {{lastName}},</p>\n<p>thank you for your order {{order}} of"
          " {{date}} at {{company}}. The total is {{total}}.</p>\n<p>It is on its way to:</p>\n"
          "<address>{{street}}<br>{{city}}<br>{{country}}</address>\n"
          "<p><a href=\"{{{unsubscribe}}}\">No more of these letters</a></p>\n</body></html>\n")
ROWS = ("<table>\n{{#each rows}}\n  <tr><td>{{@index}}</td><td>{{name}}</td>"
        "<td>{{#if price}}{{price}}{{else}}free{{/if}}</td></tr>\n{{/each}}\n</table>\n")


def measure(name, source, data, seconds):
    with tempfile.TemporaryDirectory() as folder:
        template, values = pathlib.Path(folder, "letter.hbs"), pathlib.Path(folder, "data.json")
        template.write_text(source)
        values.write_text(json.dumps(data))
        node = ROOT / "test" / "node" / "node_modules" / "node" / "bin" / "node"
        programs = ([ROOT / "build" / "bench" / "template"], [node, ROOT / "bench" / "template.js"])
        rates, sizes = ([], []), set()
        for _ in range(ROUNDS):
            for program, own in zip(programs, rates):
                said = subprocess.run([*program, template, values, seconds], check=True,
                                      capture_output=True, text=True).stdout.split()
                own.append(int(said[0]))
                sizes.add(said[1])
    assert len(sizes) == 1, "the two do not render alike"
    ours, theirs = map(statistics.median, rates)
    ratios = sorted(a / b for a, b in zip(*rates))
    print(f"{name:14} {ours:>12,} {theirs:>12,} {ours / theirs:>7.1f} ({ratios[0]:.1f} to"
          f" {ratios[-1]:.1f})", flush=True)


def main():
    seconds = sys.argv[1] if len(sys.argv) > 1 else "1"
    print(f"{'renders/s':14} {'postamt':>12} {'handlebars':>12} {'ratio':>7}")
    data = {name: f"{name} of {number}" for number, name in enumerate(NAMES)}
    measure("ten variables", LETTER, data, seconds)
    rows = [{"name": f"thing {n}", "price": n % 3 and f"{n}.50"} for n in range(20)]
    measure("twenty rows", ROWS, {"rows": rows}, seconds)


main()
