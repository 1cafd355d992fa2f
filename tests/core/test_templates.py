"""Templates: each is filled under its path, which is what chapters' keys can follow."""

import ast

import pytest
from jinja2 import UndefinedError

from hlnb.code import PACKAGE, Package
from hlnb.templates import rendered

TEMPLATES = sorted(Package(PACKAGE).templates)


def constants():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.Constant):
                yield node.value


def test_the_path_of_each_template_is_written_out():
    assert TEMPLATES
    assert set(TEMPLATES) <= set(constants())


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_reads_another(name):
    text = (PACKAGE / name).read_text("utf8")
    tags = {tag.lstrip("-+").split()[0] for tag in text.split("{%")[1:]}
    assert not {"include", "extends", "import", "from"} & tags


def test_what_a_template_asks_for_has_to_be_given():
    with pytest.raises(UndefinedError, match="'label' is undefined"):
        rendered("page/templates/ticks.html", n="n", cards=[])
