"""Checks the files below terraform/ without OpenTofu and without providers: what they name exists, versions are pinned,
rights are narrow, what is stored is encrypted, no secret is in a state, and the formatting is canonical.

tools.py checks with OpenTofu what needs no provider. What does is in terraform/README.md.
"""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "terraform"
TOKEN = re.compile(
    r"(?P<space>[ \t]+)|(?P<comment>#[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<newline>\n)|(?P<heredoc><<)"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|(?P<string>\")"
    r"|(?P<sign>=>|==|!=|<=|>=|&&|\|\||\.\.\.|[-=+*/%<>!?:.,(){}\[\]])",
    re.DOTALL,
)
OPENING, CLOSING = "([{", ")]}"


class Token:
    """A name, a number, a sign, or a text. A text keeps its source, and the tokens of its interpolations."""

    def __init__(self, kind, text, line, inner=()):
        self.kind, self.text, self.line, self.inner = kind, text, line, list(inner)


class Block:
    """A block: its type, its labels, its attributes as lists of tokens, and its blocks."""

    def __init__(self, kind, labels, line):
        self.kind, self.labels, self.line = kind, labels, line
        self.attributes, self.blocks = {}, []

    def find(self, path):
        """Returns the tokens of the attribute at a dotted path, of each block that has the path."""
        first, _, rest = path.partition(".")
        if not rest:
            return [self.attributes[first]] if first in self.attributes else []
        return [found for block in self.blocks if block.kind == first for found in block.find(rest)]

    def walk(self):
        yield self
        for block in self.blocks:
            yield from block.walk()


def text_end(source, start):
    """Returns the position after a text that begins at `start`, and where its interpolations are."""
    position, inner = start + 1, []
    while source[position] != '"':
        if source[position] == "\\":
            position += 2
        elif source.startswith(("$${", "%%{"), position):
            position += 3
        elif source.startswith(("${", "%{"), position):
            depth, begin = 1, position + 2
            position = begin
            while depth:
                if source[position] == '"':
                    position, _ = text_end(source, position)
                    continue
                depth += {"{": 1, "}": -1}.get(source[position], 0)
                position += 1
            inner.append((begin, position - 1))
        else:
            position += 1
    return position + 1, inner


def tokens_of(source, line=1, comments=None):
    """Splits a source into tokens. Comments go to the list `comments`, if there is one."""
    position, found = 0, []
    while position < len(source):
        match = TOKEN.match(source, position)
        if match is None:
            raise ValueError(f"line {line}: unknown character {source[position]!r}")
        kind, text = match.lastgroup, match.group()
        if kind == "heredoc":
            raise ValueError(f"line {line}: a heredoc; use jsonencode or a text")
        if kind == "string":
            end, inner = text_end(source, position)
            parts = [token for begin, stop in inner for token in tokens_of(source[begin:stop], line)]
            found.append(Token(kind, source[position + 1 : end - 1], line, parts))
            position = end
            continue
        if kind == "comment" and comments is not None:
            comments.append((line, text))
        if kind not in ("space", "comment"):
            found.append(Token(kind, text, line))
        position = match.end()
        line += text.count("\n")
    return found


def parse(tokens):
    """Builds the blocks of a file."""
    root = Block("file", [], 1)
    stack, position = [root], 0
    while position < len(tokens):
        token = tokens[position]
        if token.kind == "newline":
            position += 1
        elif token.text == "}" and token.kind == "sign":
            stack.pop()
            position += 1
        elif token.kind == "name" and tokens[position + 1].text == "=":
            end, depth = position + 2, 0
            while end < len(tokens) and (depth or (tokens[end].kind != "newline" and tokens[end].text != "}")):
                if tokens[end].kind == "sign":
                    depth += (tokens[end].text in OPENING) - (tokens[end].text in CLOSING)
                end += 1
            value = [each for each in tokens[position + 2 : end] if each.kind != "newline"]
            if token.text in stack[-1].attributes:
                raise ValueError(f"line {token.line}: {token.text} is given twice")
            stack[-1].attributes[token.text] = value
            position = end
        elif token.kind == "name":
            labels = []
            position += 1
            while tokens[position].text != "{" or tokens[position].kind == "string":
                labels.append(tokens[position].text)
                position += 1
            block = Block(token.text, labels, token.line)
            stack[-1].blocks.append(block)
            stack.append(block)
            position += 1
        else:
            raise ValueError(f"line {token.line}: unexpected {token.text!r}")
    if len(stack) != 1:
        raise ValueError(f"the block in line {stack[-1].line} has no end")
    return root


def flat(tokens):
    """Yields tokens with those of interpolations. A text counts as one token before its interpolations."""
    for token in tokens:
        yield token
        if token.inner:
            yield Token("border", "", token.line)
            yield from flat(token.inner)
            yield Token("border", "", token.line)


def references(tokens):
    """Yields what is referred to, as a list of names: ["var", "name"]. Indexes are left out."""
    listed = list(flat(tokens))
    for position, token in enumerate(listed):
        before = listed[position - 1] if position else token
        if token.kind != "name" or (before.text == "." and before.kind == "sign"):
            continue
        names, at = [token.text], position + 1
        while at + 1 < len(listed):
            if listed[at].text == "[" and listed[at].kind == "sign":
                depth = 1
                while depth:
                    at += 1
                    if listed[at].kind == "sign":
                        depth += (listed[at].text == "[") - (listed[at].text == "]")
                at += 1
            elif listed[at].text == "." and listed[at].kind == "sign" and listed[at + 1].kind in ("name", "sign"):
                names.append(listed[at + 1].text)
                at += 2
            else:
                break
        yield names, token.line


def objects(tokens):
    """Yields the objects of an expression, each as its entries by name."""
    listed = list(tokens)
    for start, token in enumerate(listed):
        if token.kind != "sign" or token.text != "{":
            continue
        entries, depth, at, name = {}, 1, start + 1, None
        while depth and at < len(listed):
            here = listed[at]
            if here.kind == "sign" and here.text in OPENING + CLOSING:
                depth += 1 if here.text in OPENING else -1
            after = listed[at + 1] if at + 1 < len(listed) else here
            if depth == 1 and here.kind in ("name", "string") and (after.kind, after.text) == ("sign", "="):
                name = here.text
                entries[name] = []
                at += 1
            elif name is not None and depth:
                entries[name].append(here)
            at += 1
        yield entries


class File:
    def __init__(self, path):
        self.path, self.name = path, str(path.relative_to(ROOT))
        self.source = path.read_text(encoding="utf-8")
        self.lines = self.source.split("\n")
        self.comments = []
        try:
            self.root = parse(tokens_of(self.source, comments=self.comments))
        except (ValueError, IndexError) as error:
            raise AssertionError(f"{self.name}: {error}") from error


class Module:
    """The .tf files of a folder, and its tests."""

    def __init__(self, folder):
        self.folder, self.name = folder, str(folder.relative_to(TERRAFORM))
        self.files = [File(path) for path in sorted(folder.glob("*.tf"))]
        self.tests = [File(path) for path in sorted((folder / "tests").glob("*.tftest.hcl"))]
        self.blocks = [(file, block) for file in self.files for block in file.root.blocks]
        self.variables = self.labelled("variable")
        self.outputs = self.labelled("output")
        self.locals = {name for _, block in self.blocks if block.kind == "locals" for name in block.attributes}
        self.calls = self.labelled("module")
        self.things = {
            kind: {tuple(block.labels): block for _, block in self.blocks if block.kind == kind}
            for kind in ("resource", "data", "ephemeral")
        }

    def labelled(self, kind):
        return {block.labels[0]: block for _, block in self.blocks if block.kind == kind}

    def declares(self, names):
        """Returns whether what a reference names exists. Names of Terraform itself and of loops always do."""
        first, second, third = (names + ["", ""])[:3]
        if first == "module" and second in self.calls:
            called = (self.folder / only_text(self.calls[second].attributes["source"])).resolve()
            return third in BY_FOLDER[called].outputs
        if first in ("data", "ephemeral"):
            return (second, third) in self.things[first]
        if re.match(r"(aws|helm|kubernetes)_", first):
            return (first, second) in self.things["resource"]
        known = {"var": self.variables, "local": self.locals, "output": self.outputs, "module": self.calls}
        return second in known.get(first, [second])

    def expressions(self):
        """Yields the tokens of every attribute, with the file and the block at its top."""
        for file, block in self.blocks:
            for part in block.walk():
                for tokens in part.attributes.values():
                    yield file, block, tokens

    def references(self):
        """Yields references with file and line, and with the variable in whose block they are, if any."""
        for file, block, tokens in self.expressions():
            for names, line in references(tokens):
                yield names, f"{file.name}:{line}", block.labels[0] if block.kind == "variable" else None


FOLDERS = sorted({path.parent for path in TERRAFORM.rglob("*.tf") if ".terraform" not in path.parts})
MODULES = [Module(folder) for folder in FOLDERS]
BY_FOLDER = dict(zip(FOLDERS, MODULES))


def required(block):
    return "default" not in block.attributes


def only_text(tokens):
    return tokens[0].text if len(tokens) == 1 and tokens[0].kind == "string" else None


def texts_of(tokens):
    return [token.text for token in tokens]


class Names(unittest.TestCase):
    def test_every_module_has_its_files(self):
        self.assertGreaterEqual(len(MODULES), 8, "modules are missing")
        for module in MODULES:
            files = {file.path.name for file in module.files}
            self.assertLessEqual({"versions.tf", "variables.tf", "main.tf", "outputs.tf"}, files, module.name)
            self.assertTrue(module.tests, f"{module.name} has no tests/*.tftest.hcl")
            self.assertTrue((module.folder / "README.md").is_file(), f"{module.name} has no README.md")

    def test_what_is_used_is_declared(self):
        for module in MODULES:
            for names, place, _ in module.references():
                self.assertTrue(module.declares(names), f"{place}: {'.'.join(names[:3])} does not exist")

    def test_what_is_declared_is_used(self):
        for module in MODULES:
            used = {tuple(names[:2]) for names, _, owner in module.references() if names[:2] != ["var", owner]}
            for name in module.variables:
                self.assertTrue(("var", name) in used, f"{module.name}: variable {name} is not used")
            for name in module.locals:
                self.assertTrue(("local", name) in used, f"{module.name}: local {name} is not used")
            data = {tuple(names[1:3]) for names, _, _ in module.references() if names[0] == "data"}
            for labels in module.things["data"]:
                self.assertIn(labels, data, f"{module.name}: data {'.'.join(labels)} is not used")

    def test_calls_give_inputs_that_exist_and_those_that_are_required(self):
        meta = {"source", "count", "for_each", "depends_on", "providers", "version"}
        for module in MODULES:
            for name, call in module.calls.items():
                source = only_text(call.attributes["source"])
                called = BY_FOLDER.get((module.folder / source).resolve())
                self.assertIsNotNone(called, f"{module.name}: module {name} names no module of this folder")
                given = set(call.attributes) - meta
                self.assertLessEqual(given, set(called.variables), f"{module.name}: module {name}")
                needed = {key for key, block in called.variables.items() if required(block)}
                self.assertLessEqual(needed, given, f"{module.name}: module {name} lacks an input")

    def test_tests_name_what_exists(self):
        for module in MODULES:
            for file in module.tests:
                shared = [block for block in file.root.blocks if block.kind == "variables"]
                runs = [block for block in file.root.blocks if block.kind == "run"]
                self.assertTrue(runs, f"{file.name} has no run")
                for run in runs:
                    blocks = [block for block in shared + run.blocks if block.kind == "variables"]
                    given = {name for block in blocks for name in block.attributes}
                    self.assertLessEqual(given, set(module.variables), f"{file.name}: {run.labels}")
                    needed = {name for name, block in module.variables.items() if required(block)}
                    self.assertLessEqual(needed, given, f"{file.name}: {run.labels} lacks a variable")
                    self.assertRegex(run.labels[0], r"^[a-z0-9]+(_[a-z0-9]+)+$", "the name of a run is a sentence")
                    for part in run.walk():
                        for tokens in part.attributes.values():
                            for names, line in references(tokens):
                                self.assertTrue(module.declares(names), f"{file.name}:{line}: {'.'.join(names)}")

    def test_each_validation_is_shown_to_refuse_something(self):
        for module in MODULES:
            refused = {
                names[1]
                for file in module.tests
                for run in file.root.blocks
                for names, _ in references(run.attributes.get("expect_failures", []))
            }
            for name, block in module.variables.items():
                if any(part.kind == "validation" for part in block.blocks):
                    self.assertIn(name, refused, f"{module.name}: no test shows what variable {name} refuses")


class Descriptions(unittest.TestCase):
    def test_variables_and_outputs_say_what_they_are(self):
        for module in MODULES:
            for name, block in {**module.variables, **module.outputs}.items():
                text = only_text(block.attributes.get("description", [])) or ""
                self.assertRegex(text, r"^[A-Za-z\"`].+[.)]$", f"{module.name}: {name} has no description")
            for name, block in module.variables.items():
                self.assertIn("type", block.attributes, f"{module.name}: variable {name} has no type")
                for part in block.blocks:
                    self.assertEqual(set(part.attributes), {"condition", "error_message"}, f"{module.name}: {name}")
                    message = only_text(part.attributes["error_message"]) or ""
                    self.assertRegex(message, r"^[A-Za-z].{15,}[.]$", f"{module.name}: {name}")
                self.assert_decides_about_null(module, name, block)

    def assert_decides_about_null(self, module, name, block):
        """A variable that may be null has null as its default. The others refuse it."""
        default, nullable = (texts_of(block.attributes.get(key, [])) for key in ("default", "nullable"))
        self.assertTrue(default == ["null"] or nullable == ["false"], f"{module.name}: {name} may be null")

    def test_comments_and_names_are_in_order(self):
        for module in MODULES:
            for file in module.files + module.tests:
                for line, text in file.comments:
                    self.assertLessEqual(len(file.lines[line - 1]), 100, f"{file.name}:{line}: the comment is too long")
                    self.assertRegex(text, r"^# +\S", f"{file.name}:{line}: a comment begins with '# '")


class Versions(unittest.TestCase):
    def test_versions_have_a_lower_and_an_upper_bound(self):
        bounds = r"^>= \d+\.\d+\.\d+, < \d+\.\d+\.\d+$"
        for module in MODULES:
            (terraform,) = [block for _, block in module.blocks if block.kind == "terraform"]
            floor = only_text(terraform.attributes["required_version"])
            self.assertRegex(floor, bounds, module.name)
            self.assertRegex(floor, r"^>= 1\.(1[1-9]|[2-9]\d)\.", f"{module.name}: write-only arguments need 1.11")
            declared = set()
            for block in terraform.blocks:
                for name, tokens in block.attributes.items():
                    entries = next(objects(tokens))
                    self.assertEqual(only_text(entries["source"]), f"hashicorp/{name}", module.name)
                    self.assertRegex(only_text(entries["version"]), bounds, f"{module.name}: {name}")
                    declared.add(name)
            used = {labels[0].split("_")[0] for things in module.things.values() for labels in things}
            if module.name != "environments/demo":
                self.assertEqual(used, declared, f"{module.name}: providers that are declared and used")


class Rights(unittest.TestCase):
    def test_a_wildcard_in_a_policy_has_a_reason(self):
        for module in MODULES:
            for file, _, tokens in module.expressions():
                for entries in objects(tokens):
                    if {"Effect", "Principal", "Action"} & set(entries):
                        self.check_statement(file, entries)

    def check_statement(self, file, entries):
        self.assertIn(only_text(entries.get("Effect", [])), ("Allow", "Deny"), f"{file.name}: no effect")
        self.assertFalse({"NotAction", "NotResource", "NotPrincipal"} & set(entries), file.name)
        wild = [
            token
            for key in ("Action", "Resource", "Principal")
            for token in entries.get(key, [])
            if token.kind == "string" and (token.text == "*" or (key == "Action" and "*" in token.text))
        ]
        for token in wild:
            above = " ".join(text for line, text in file.comments if token.line - 10 <= line < token.line)
            is_denial = only_text(entries["Effect"]) == "Deny"
            reason = "denial|As above" if is_denial else "narrower"
            self.assertRegex(above, reason, f"{file.name}:{token.line}: a wildcard without a comment that says why")
            if not is_denial and "Condition" not in entries:
                self.assertEqual(only_text(entries["Sid"]), "Owner", f"{file.name}:{token.line}: a wildcard")

    def test_no_action_is_a_wildcard_elsewhere(self):
        for module in (module for module in MODULES if module.name != "modules/key"):
            for file, block, tokens in module.expressions():
                for token in tokens if block.labels[:1] != ["aws_s3_bucket_policy"] else []:
                    is_action = token.kind == "string" and re.match(r"^[a-z0-9-]+:[A-Za-z]*\*", token.text)
                    self.assertFalse(is_action, f"{file.name}:{token.line}: {token.text}")

    def test_roles_are_taken_by_one_service_or_one_account(self):
        for module in MODULES:
            for (kind, name), block in module.things["resource"].items():
                if kind != "aws_iam_role":
                    continue
                (statement,) = [e for e in objects(block.attributes["assume_role_policy"]) if "Principal" in e]
                principal = {token.text for token in statement["Principal"]}
                if "Federated" in principal:
                    texts = " ".join(token.text for token in statement["Condition"])
                    self.assertIn("StringEquals", texts, f"{module.name}: {name}")
                    self.assertTrue(":aud" in texts and ":sub" in texts, f"{module.name}: {name}")
                else:
                    self.assertIn("Service", principal, f"{module.name}: {name}")

    def test_the_keys_of_objects_are_those_of_the_code(self):
        rights = (TERRAFORM / "modules/fleet/access/main.tf").read_text(encoding="utf-8")
        wanted = [
            ("services/trainer/src/queue.rs", r'const RUNS: &str = "([^"]+)"', "{}/*"),
            ("services/trainer/src/queue.rs", r'const CANCELLATIONS: &str = "([^"]+)"', "{}/*"),
            ("services/trainer/src/service.rs", r'const LEASE: &str = "([^"]+)"', "{}"),
            ("services/controller/src/service.rs", r'const LEASE: &str = "([^"]+)"', "{}"),
            ("services/controller/src/store.rs", r'const FOLDER: &str = "([^"]+)"', "{}/*"),
            ("services/lib/archive/src/lib.rs", r'const FOLDER: &str = "([^"]+)"', "{}/*"),
            ("services/lib/model/src/store.rs", r'key\("([a-z]+)"\)', "{}/*"),
            ("services/inference/src/routing/table.rs", r'object_key\("([a-z]+)"\)', "{}/*"),
        ]
        for path, pattern, form in wanted:
            found = re.search(pattern, (ROOT / path).read_text(encoding="utf-8"))
            self.assertIsNotNone(found, f"{path} does not say where its objects are")
            self.assertIn(f'"{form.format(found.group(1))}"', rights, path)


# What each resource must have: paths of arguments, with their values where these matter.
NEEDS = """
aws_cloudwatch_log_group kms_key_id retention_in_days
aws_ecr_repository encryption_configuration.kms_key image_scanning_configuration.scan_on_push=true
aws_ecr_repository image_tag_mutability=IMMUTABLE
aws_eks_cluster encryption_config.provider.key_arn vpc_config.endpoint_private_access=true
aws_elasticache_replication_group at_rest_encryption_enabled=true kms_key_id auth_token_wo
aws_elasticache_replication_group transit_encryption_enabled=true transit_encryption_mode=required
aws_kms_key enable_key_rotation=true policy
aws_launch_template block_device_mappings.ebs.encrypted=true metadata_options.http_tokens=required
aws_launch_template metadata_options.http_put_response_hop_limit=1
aws_msk_cluster client_authentication.sasl.iam=false client_authentication.sasl.scram=true
aws_msk_cluster client_authentication.unauthenticated=false encryption_info.encryption_at_rest_kms_key_arn
aws_msk_cluster encryption_info.encryption_in_transit.client_broker=TLS
aws_msk_cluster encryption_info.encryption_in_transit.in_cluster=true
aws_prometheus_workspace kms_key_arn
aws_s3_bucket_public_access_block block_public_acls=true block_public_policy=true
aws_s3_bucket_public_access_block ignore_public_acls=true restrict_public_buckets=true
aws_s3_bucket_versioning versioning_configuration.status=Enabled
aws_secretsmanager_secret kms_key_id
aws_sns_topic kms_master_key_id
aws_sqs_queue kms_master_key_id
helm_release version atomic=true
"""
# What each bucket must have beside it.
BUCKET = "lifecycle_configuration ownership_controls policy public_access_block versioning"
BUCKET += " server_side_encryption_configuration"


class Storage(unittest.TestCase):
    def test_what_is_stored_is_encrypted(self):
        for module in MODULES:
            for (kind, name), block in module.things["resource"].items():
                for need in re.findall(rf"(?m)^{kind} (.+)$", NEEDS):
                    self.check_arguments(f"{module.name}: {kind}.{name}", block, need.split())
                if kind == "aws_s3_bucket":
                    there = {labels[0] for labels in module.things["resource"]}
                    self.assertLessEqual({f"aws_s3_bucket_{part}" for part in BUCKET.split()}, there, module.name)
                if kind == "kubernetes_storage_class_v1":
                    entries = next(objects(block.attributes["parameters"]))
                    self.assertEqual(only_text(entries["encrypted"]), "true", f"{module.name}: {name}")

    def check_arguments(self, place, block, arguments):
        for path, _, value in (argument.partition("=") for argument in arguments):
            found = block.find(path)
            self.assertTrue(found, f"{place} lacks {path}")
            for tokens in found if value else []:
                self.assertEqual(texts_of(tokens), [value], f"{place}.{path}")

    def test_no_secret_is_in_a_state(self):
        stored = {"auth_token", "passwords", "password", "secret_string", "secret_binary", "set_sensitive"}
        for module in MODULES:
            for (kind, name), block in module.things["resource"].items():
                given = {key for part in block.walk() for key in part.attributes}
                self.assertFalse(given & stored, f"{module.name}: {kind}.{name} would store a secret in the state")
                if kind == "kubernetes_secret_v1":
                    self.assertFalse(given & {"data", "binary_data"}, f"{module.name}: {name} would store its data")
                    self.assertIn("data_wo_revision", given, f"{module.name}: {name}")
            for name, block in module.variables.items():
                if re.search(r"(password|token|signing_key)$", name):
                    for mark in ("ephemeral", "sensitive"):
                        texts = texts_of(block.attributes.get(mark, []))
                        self.assertEqual(texts, ["true"], f"{module.name}: variable {name} is not {mark}")
            for name in module.things["data"]:
                self.assertNotIn("secret", name[0], f"{module.name}: data {name} would store what it reads")

    def test_topics_are_as_the_program_checks_them(self):
        kafka = (TERRAFORM / "modules/data/kafka.tf").read_text(encoding="utf-8")
        settings = (ROOT / "services/lib/kafka/src/settings.rs").read_text(encoding="utf-8")
        for name in ("replication", "min_insync_replicas"):
            default = re.search(rf"\b{name}: (\d+),", settings).group(1)
            self.assertRegex(kafka, rf"(?m)^  {name} *= {default}$")
        record = (ROOT / "services/lib/ports/src/log.rs").read_text(encoding="utf-8")
        value, shift = re.search(r"MAX_VALUE: usize = (\d+) << (\d+)", record).groups()
        self.assertRegex(kafka, rf'"message.max.bytes" *= {(int(value) << int(shift)) + (256 << 10)}\n')
        self.assertRegex(kafka, r'"unclean.leader.election.enable" *= "false"')


class Formatting(unittest.TestCase):
    def test_lines_are_formatted_as_tofu_fmt_does(self):
        for module in MODULES:
            for file in module.files + module.tests:
                self.assertTrue(file.source.endswith("\n") and not file.source.endswith("\n\n"), f"{file.name}: end")
                self.assertNotIn("\n\n\n", file.source, f"{file.name}: two empty lines in a row")
                self.check_lines(file)

    def check_lines(self, file):
        indents, group, comments = [], [], dict(file.comments)
        for number, line in enumerate(file.lines[:-1], 1):
            place = f"{file.name}:{number}"
            self.assertEqual(line, line.rstrip(), f"{place}: blanks at the end")
            self.assertLessEqual(len(line), 120, f"{place}: the line is too long")
            signs = [] if number in comments else [token for token in tokens_of(line) if token.kind == "sign"]
            change = sum((token.text in OPENING) - (token.text in CLOSING) for token in signs)
            closed = -change
            while closed > 0 and indents:
                closed, left = closed - indents[-1], indents[-1] - closed
                indents[-1:] = [left] if left > 0 else []
            if line:
                blanks = len(line) - len(line.lstrip(" "))
                self.assertEqual(blanks, 2 * len(indents), f"{place}: indentation")
            if change > 0:
                indents.append(change)
            assigned = re.match(r'^( *)([A-Za-z_][\w-]*|"[^"]*")( *)= ', line)
            is_whole = assigned and change == 0 and not line.strip().startswith(tuple(CLOSING))
            if assigned and not is_whole:
                self.assertEqual(assigned.group(3), " ", f"{place}: one blank before =")
            if not is_whole or (group and group[-1][1] != len(assigned.group(1))):
                self.check_group(file, group)
                group = []
            if is_whole:
                group.append((number, *(len(part) for part in assigned.groups())))
        self.check_group(file, group)
        self.assertEqual(indents, [], f"{file.name}: brackets")

    def check_group(self, file, group):
        """The signs `=` of consecutive lines are below each other."""
        widest = max((name for _, _, name, _ in group), default=0)
        for number, _, name, blanks in group:
            self.assertEqual(blanks, widest - name + 1, f"{file.name}:{number}: = is not aligned")


class Chart(unittest.TestCase):
    def test_values_have_the_names_of_the_chart(self):
        values = (ROOT / "charts/marquee/values.yaml").read_text(encoding="utf-8")
        main = (TERRAFORM / "modules/fleet/values/main.tf").read_text(encoding="utf-8")
        names = "fullnameOverride profile monitoring networkPolicy secrets roles embedded operator"
        for name in names.split():
            self.assertRegex(values, rf"(?m)^{name}:", f"charts/marquee/values.yaml has no {name}")
            self.assertRegex(main, rf"\b{name}\b", f"modules/fleet/values does not set {name}")
        names = "podMonitor rules dashboards existingSecret storageClassName serviceAccount prometheus"
        for name in names.split():
            self.assertRegex(values, rf"(?m)^ +{name}:", f"charts/marquee/values.yaml has no {name}")
        secrets = BY_FOLDER[TERRAFORM / "modules/fleet/values"].variables["secrets"].attributes["type"]
        for name in next(objects(secrets)):
            self.assertRegex(values, rf"(?m)^  {name}:\n", f"charts/marquee/values.yaml has no secrets.{name}")

    def test_the_demo_runs_on_one_small_node_without_managed_back_ends(self):
        demo = BY_FOLDER[TERRAFORM / "environments/demo"]
        self.assertEqual(only_text(demo.variables["instance_type"].attributes["default"]), "m5.large")
        self.assertEqual(only_text(demo.variables["profile"].attributes["default"]), "embedded")
        for name in ("kafka_enabled", "redis_enabled", "bucket_enabled"):
            self.assertEqual(texts_of(demo.calls["data"].attributes[name]), ["local", ".", "is_split"], name)


if __name__ == "__main__":
    unittest.main()
