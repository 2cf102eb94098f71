#!/usr/bin/python3
"""Renders a second on one core, here and by npm's handlebars: bench/template.py [SECONDS]."""
import json
import pathlib
import subprocess
import sys
import tempfile

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
        rates = []
        for program in ([ROOT / "build" / "bench" / "template"], [node, ROOT / "bench" / "template.js"]):
            said = subprocess.run([*program, template, values, seconds], check=True,
                                  capture_output=True, text=True).stdout.split()
            rates.append((int(said[0]), int(said[1])))
    assert rates[0][1] == rates[1][1], "the two do not render alike"
    ours, theirs = rates[0][0], rates[1][0]
    print(f"{name:14} {ours:>12,} {theirs:>12,} {ours / theirs:>7.1f}")


def main():
    seconds = sys.argv[1] if len(sys.argv) > 1 else "3"
    print(f"{'renders/s':14} {'postamt':>12} {'handlebars':>12} {'ratio':>7}")
    data = {name: f"{name} of {number}" for number, name in enumerate(NAMES)}
    measure("ten variables", LETTER, data, seconds)
    rows = [{"name": f"thing {n}", "price": n % 3 and f"{n}.50"} for n in range(20)]
    measure("twenty rows", ROWS, {"rows": rows}, seconds)


main()
