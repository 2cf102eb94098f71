"""Templates with data, generated: every construct of Handlebars 4.7, and some that are broken."""
import random

NAMES = ["a", "b", "c", "list", "rows", "user", "name", "none", "zero", "empty", "yes", "no", "text",
         "deep", "long name", "0", "1", "ünï"]
PLAIN = ["a", "b", "c", "list", "rows", "user", "name", "none", "zero", "empty", "yes", "no", "text",
         "deep"]
WORDS = ["", "x", "Ben", "<b>&amp;</b>", "a=b", "`'\"", "line\none\n", "  ", "çé漢🙂", "1", "0", "3.0",
         "true", "{{a}}"]
NUMBERS = [0, 1, -1, 2, 10, 0.5, -0.0, 0.1, 1e21, 1e-7, 123456789.125, 1.5e300, 5e-324, 2 ** 53,
           -2 ** 53 + 1, 9007199254740993, 123456789012345678, 1e20, 1.7976931348623157e308, 100.0]
TEXTS = ["x", " ", "\n", "  \n", "\n  ", "<p>", "text ", " \t", "\r\n", "a\nb", "{", "}", "é ", "\\",
         "--", "&", "\u00a0", "\n\n", "'", "\n\t"]
PARTIALS = ["p", "q", "dir/r", "loop"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, options):
        return self.random.choice(options)

    def chance(self, share):
        return self.random.random() < share

    # data

    def value(self, depth):
        kind = self.random.random()
        if depth > 0 and kind < 0.3:
            return self.object(depth - 1)
        if depth > 0 and kind < 0.55:
            return [self.value(depth - 1) for _ in range(self.pick([0, 1, 2, 3, 4]))]
        return self.pick([self.pick(WORDS), self.pick(WORDS), self.pick(NUMBERS), True, False, None,
                          [], {}])

    def object(self, depth):
        names = self.random.sample(NAMES, self.pick([0, 1, 3, 5, 9]))
        return {name: self.value(depth) for name in names}

    def data(self):
        if self.chance(0.05):
            return self.value(2)
        made = {"list": [{"name": self.pick(WORDS), "a": self.value(1)} for _ in range(3)],
                "user": {"name": self.pick(WORDS), "deep": {"a": self.value(1), "text": "t"}},
                "name": self.pick(WORDS), "yes": True, "no": False, "zero": 0, "empty": "",
                "none": None, "which": self.pick(PARTIALS)}
        made.update(self.object(3))
        return made

    # expressions

    def path(self):
        kind = self.random.random()
        if kind < 0.5:
            start = self.pick(PLAIN)
        elif kind < 0.6:
            return self.pick(["this", ".", "..", "../..", "@index", "@key", "@first", "@last",
                              "@root", "@../index", "@../key", "@none", "../.", "this/a", "./a"])
        elif kind < 0.7:
            start = self.pick(["../", "../../", "./", "this.", "this/", "@root."]) + self.pick(PLAIN)
        elif kind < 0.78:
            start = self.pick(["[long name]", "[0]", "[a]", "[no such]", "[this]", "ünï", "[x\\]y]"])
        elif kind < 0.85:
            start = self.pick(["v", "k", "w"])  # block parameters, where there are some
        else:
            start = self.pick(["athis", "missing", "x-y", "$x", "item:one", "length", "constructor.a"])
        for _ in range(self.pick([0, 0, 0, 1, 1, 2])):
            start += self.pick([".", ".", "/"]) + self.pick(PLAIN + ["[0]", "[1]", "length",
                                                                    "[long name]"])
        return start

    def literal(self):
        return self.pick(['"text"', "'it\\'s'", '"a\\"b"', "1", "0", "-1", "12.50", "true", "false",
                          "null", "undefined", '""', '"a"', '"name"'])

    def operand(self, depth=2):
        kind = self.random.random()
        if kind < 0.6:
            return self.path()
        if kind < 0.85 or depth == 0:
            return self.literal()
        return self.sexpr(depth - 1)

    def sexpr(self, depth):
        kind = self.random.random()
        if kind < 0.75:
            return f"(lookup {self.operand(depth)} {self.operand(depth)})"
        if kind < 0.85:
            return f"(log {self.operand(depth)})"
        if kind < 0.95:
            return f"({self.pick(PLAIN)})"
        return f"({self.pick(PLAIN + ['if', 'each'])} {self.operand(depth)})"

    def pairs(self):
        return "".join(f" {self.pick(PLAIN + ['x', '[0]'])}={self.operand(1)}"
                       for _ in range(self.pick([1, 1, 2, 3])))

    # tags

    def tilde(self):
        return "~" if self.chance(0.12) else ""

    def open(self, mark=""):
        return "{{" + self.tilde() + mark

    def close(self):
        return self.tilde() + "}}"

    def space(self):
        return self.pick(["", "", "", " ", "\n  "])

    def mustache(self):
        kind = self.random.random()
        if kind < 0.5:
            return self.open() + self.space() + self.path() + self.space() + self.close()
        if kind < 0.6:
            return self.open("&") + self.path() + self.close()
        if kind < 0.7:
            return "{{" + self.tilde() + "{" + self.path() + "}" + self.tilde() + "}}"
        if kind < 0.8:
            return self.open() + self.literal() + self.close()
        if kind < 0.95:
            return self.open() + f"lookup {self.operand()} {self.operand()}" + self.close()
        return self.open() + self.pick([
            "log a", "log", "lookup a", "lookup none", "lookup", "if a", "if", "each list",
            "a " + self.operand(), "a b=c", "missing x=1", "missing 1", "none x=1", "helperMissing",
            "blockHelperMissing a", "with", "unless a"]) + self.close()

    def condition(self):
        return self.pick(["if", "if", "unless", "with"]) + " " + self.operand() + \
            (" includeZero=" + self.pick(["true", "false", "yes"]) if self.chance(0.1) else "")

    def parameters(self, share):
        if not self.chance(share):
            return ""
        return self.pick([" as |v|", " as |v k|", " as |w|", " as |k v|", " as |v k w|"])

    def body(self, depth):
        made = self.template(depth - 1)
        if self.chance(0.3):
            made = "\n" + made + "\n"
        return made

    def block(self, depth):
        kind = self.random.random()
        if kind < 0.4:
            head = self.condition()
        elif kind < 0.75:
            head = "each " + self.pick(["list", "rows", "user", "this", "a", "list", self.operand()])
            head += self.parameters(0.4)
        elif kind < 0.95:
            head = self.path()
        else:
            head = self.pick(["if", "if a b", "each", "with", "missing a", "lookup user 'name'",
                              "log a", '"a"', "12", "true", "if no as |v|", "with user as |v k|"])
        name = head.split(" ")[0]
        mark = "^" if self.chance(0.1) else "#"
        made = self.open(mark) + head + self.close() + self.body(depth)
        chain = self.pick([0, 0, 0, 1, 2]) if mark == "#" else 0
        for _ in range(chain):
            made += self.open() + "else " + self.pick([self.condition(), self.path(), "each list"]) \
                + self.close() + self.body(depth)
        if self.chance(0.4):
            made += self.open() + self.pick(["else", "^", " else "]) + self.close() + \
                self.body(depth)
        return made + self.open("/") + name + self.close()

    def partial(self, depth):
        name = self.pick(PARTIALS + PARTIALS + ["in", "in", "missing", "@partial-block", '"p"',
                                                "(lookup @root 'which')", "(lookup . 'name')"])
        arguments = ""
        if self.chance(0.3):
            arguments += " " + self.operand(1)
        if self.chance(0.3):
            arguments += self.pairs()
        if name[0] != "(" and self.chance(0.3):
            inner = self.body(depth)
            if self.chance(0.3):
                inner += '{{#*inline "in2"}}I2{{/inline}}'
            return self.open("#>") + " " + name + arguments + self.close() + inner + \
                self.open("/") + name + self.close()
        return self.open(">") + self.space() + name + arguments + self.close()

    def inline(self, depth):
        name = self.pick(['"in"', '"in2"', "'p'"])
        body = self.body(depth)
        for parameter in ("v", "k", "w"):  # Handlebars loses the block parameters around it
            body = body.replace("{{" + parameter, "{{name")
        return self.open("#*") + "inline " + name + self.close() + body + self.open("/") + \
            "inline" + self.close()

    def rare(self):
        return self.pick([
            "{{! comment }}", "{{!-- a }} --}}", "{{~! c ~}}", "{{!}}", "{{!--~}}--}}",
            "\\{{a}}", "\\\\{{a}}", "\\\\\\{{a}}", "\\{{a}} \\{{b}}\\\\{{name}}", "\\{{#if}}",
            "{{{{raw}}}} {{a}} {{{{/raw}}}}", "{{{{a}}}}\n {{{{b}}}} x {{{{/b}}}}\n{{{{/a}}}}",
            "{{{{yes}}}}{{{{/yes}}}}", "{{{{if yes}}}}\n\n{{x}}{{{{/if}}}}"])

    def statement(self, depth):
        kind = self.random.random()
        if kind < 0.45:
            made = self.mustache()
        elif kind < 0.75 and depth > 0:
            made = self.block(depth)
        elif kind < 0.87 and depth > 0:
            made = self.partial(depth)
        elif kind < 0.91 and depth > 0:
            made = self.inline(depth)
        else:
            made = self.rare()
        if self.chance(0.25):  # alone on its line, perhaps
            made = self.pick(["\n", "", "\r\n", "\n\n"]) + self.pick(["", " ", "\t", "  "]) + made + \
                self.pick(["", " "]) + self.pick(["\n", "", "\r\n"])
        return made

    def template(self, depth):
        made = ""
        for _ in range(self.pick([0, 1, 1, 2, 2, 3, 4])):
            made += self.pick(TEXTS) if self.chance(0.5) else self.statement(depth)
        return made

    def broken(self, source):
        """The same with a few characters lost, doubled, or in the wrong place."""
        for _ in range(self.pick([1, 1, 2])):
            at = self.random.randrange(len(source) + 1)
            source = self.pick([source[:at] + source[at + 1:], source[:at] + self.pick(
                ["{", "}", "{{", "}}", "~", "#", "/", "^", "else", "|", "=", ".", "(", ")", "\\", '"',
                 "&", "!", "@", " ", "{{else}}", "{{/if}}", "as |x|", "*", ">", "1"]) + source[at:]])
        return source

    def case(self):
        options = {}
        if self.chance(0.15):
            options["noEscape"] = True
        if self.chance(0.15):
            options["strict"] = True
        template = self.template(3)
        while not template.strip():
            template = self.template(3)
        partials = {name: self.template(2) for name in ("p", "q", "dir/r")}
        partials["loop"] = self.pick(["{{> loop}}", "{{> p}}", "[{{> @partial-block}}]",
                                      "{{#each list}}{{> @partial-block}}{{/each}}",
                                      "{{#if deep}}{{> loop deep}}{{/if}}{{name}}",
                                      "{{a}}|{{b}}|{{x}}|{{#each this}}{{@key}}={{this}};{{/each}}"])
        if self.chance(0.3):
            partials["q"] = "{{#each .}}{{@key}}={{.}};{{/each}}{{name}}{{a}}{{[0]}}{{length}}"
        if self.chance(0.15):
            template = self.broken(template)
        if self.chance(0.03):
            partials["p"] = self.broken(partials["p"])
        return {"template": template, "data": self.data(), "partials": partials, "options": options}
