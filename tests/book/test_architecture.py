"""The arrows of the architecture: who may import whom."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "hlnb"
MODULES = sorted(p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py"))
ANYWHERE = {"errors", "files"}

# part → the parts of hlnb that it may import
MAY_IMPORT = {
    "errors": set(),
    "files": {"errors"},
    "seeding": {"errors"},
    "data": {"data", "seeding", *ANYWHERE},
    "models": {"errors"},
    "schedules": {"models", "errors"},
    "metrics": {"data", "metrics", "errors"},
    "archives": ANYWHERE,
    "results": {"archives", *ANYWHERE},
    "lanes": set(),
    "blank_windows": {"lanes", "models"},
    "gradients": {"models", "blank_windows", "lanes", "errors"},
    "executors": {"errors"},
    "code": set(),
    "kept": {"archives", "code", *ANYWHERE},
    "training": {
        *("data", "models", "schedules", "gradients", "kept", "metrics", "results"),
        *("seeding", "executors"),
        *ANYWHERE,
    },
    "table1": {
        "data",
        "metrics",
        "models",
        "results",
        "schedules",
        "training",
        "errors",
    },
    "table1_claims": {"table1", "claims", "metrics", "seeding"},
    "table1_tests": {"table1", "metrics", "models", "seeding"},
    "table1_variants": {
        *("table1", "data", "metrics", "models", "results", "schedules", "training"),
        *("gradients", "seeding"),
    },
    "image_filters": {"data", "metrics", "models", "results", "seeding"},
    "image_layerwise": {
        *("image_filters", "data", "metrics", "models", "results", "schedules"),
        *("seeding", "training", "errors"),
    },
    "image_claims": {"claims", "metrics"},
    "boolean_networks": {"models", "errors"},
    "gf2": {"errors"},
    "parity": {
        *("data", "metrics", "models", "boolean_networks", "seeding"),
        *("training", "results", "schedules", "errors"),
    },
    "mean_field": {
        *("data", "metrics", "models", "results", "schedules", "seeding", "training"),
        "errors",
    },
    "staircases": {
        *("data", "metrics", "models", "boolean_networks", "results", "schedules"),
        *("seeding", "training", "errors"),
    },
    "hierarchy_networks": {"models", "errors"},
    "random_hierarchy": {
        *("data", "metrics", "models", "hierarchy_networks", "boolean_networks"),
        *("results", "schedules", "seeding", "training", "errors"),
    },
    "shallow_to_deep": {
        *("data", "metrics", "models", "hierarchy_networks", "boolean_networks"),
        *("results", "schedules", "seeding", "training", "errors"),
    },
    "chaining_conditions": {
        *("data", "metrics", "models", "hierarchy_networks", "boolean_networks"),
        *("shallow_to_deep", "results", "schedules", "seeding", "training", "errors"),
    },
    "feature_correction": {
        *("data", "metrics", "models", "results", "schedules", "seeding", "training"),
        "errors",
    },
    "related_works": {
        *("data", "metrics", "models", "results", "schedules", "seeding", "training"),
        *("boolean_networks", "errors"),
    },
    "related_pruning": {"seeding", "errors"},
    "linear_regression": {"data", "metrics", "seeding", "errors"},
    "deep_linear": {
        *("data", "metrics", "models", "results", "schedules", "seeding", "training"),
        "errors",
    },
    "moments": {"errors"},
    "simplicity": {
        *("data", "metrics", "models", "results", "schedules", "seeding", "training"),
        "errors",
    },
    "pitfalls": {
        *("data", "metrics", "models", "results", "schedules", "seeding", "training"),
        "errors",
    },
    "layers_over_time": {
        *("data", "metrics", "models", "results", "schedules", "seeding", "training"),
        "errors",
    },
    "specialization": {
        *("data", "metrics", "models", "results", "schedules", "seeding", "training"),
        "errors",
    },
    "mode_connectivity": {
        *("data", "metrics", "models", "results", "schedules", "seeding", "training"),
        "errors",
    },
    "explorer": {
        *("data", "metrics", "models", "schedules", "table1", "training"),
    },
    "specialization_claims": {"claims"},
    "simplicity_claims": {"claims", "simplicity"},
    "claims": {"metrics", "errors"},
    "plotting": {"metrics", "results", "errors"},
    "plotting_images": {"plotting", "metrics", "results"},
    "plotting_boolean": {"plotting", "metrics", "results"},
    "plotting_parity": {"plotting", "plotting_boolean", "metrics", "results"},
    "plotting_leap": {"plotting", "plotting_boolean", "metrics", "results"},
    "plotting_hierarchy": {"plotting", "metrics", "results", "errors"},
    "plotting_chaining": {"plotting", "plotting_hierarchy", "metrics", "results"},
    "plotting_correction": {"plotting", "metrics", "results"},
    "plotting_related": {"plotting", "metrics", "results"},
    "plotting_regression": {"plotting", "metrics", "results"},
    "plotting_deep_linear": {"plotting", "metrics", "results"},
    "plotting_simplicity": {"plotting", "metrics", "results"},
    "plotting_pitfalls": {"plotting", "metrics", "results"},
    "plotting_layers": {"plotting", "metrics", "results"},
    "plotting_specialization": {"plotting", "metrics", "results"},
    "plotting_explorer": {"plotting", "metrics"},
    "publishing": {"publishing", "code", *ANYWHERE},
    "publishing/record.py": {"publishing", "code", "archives", *ANYWHERE},
    "publishing/execute.py": {"publishing", "code", "executors", *ANYWHERE},
    "publishing/choices.py": {"plotting", *ANYWHERE},
    "publishing/page.py": {"claims", "plotting", *ANYWHERE},
    "publishing/cli.py": {"publishing", "data", *ANYWHERE},
}

# experiments of which a part computes long by itself, not in a sweep
for _name in (
    *("table1_tests", "table1_variants", "image_filters", "image_layerwise"),
    *("parity", "mean_field", "staircases", "shallow_to_deep", "chaining_conditions"),
    *("feature_correction", "simplicity", "deep_linear", "layers_over_time"),
    *("related_works", "related_pruning"),
):
    MAY_IMPORT[_name].add("kept")


def imports(module):
    """Dotted names of everything a module imports, lazily imported names included."""
    for node in ast.walk(ast.parse((PACKAGE / module).read_text("utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            if node.module == "hlnb":
                yield from (f"hlnb.{alias.name}" for alias in node.names)


def part(module):
    return module.split("/")[0].removesuffix(".py")


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_arrows(module):
    if part(module) == "__init__":
        return
    allowed = MAY_IMPORT.get(module, MAY_IMPORT[part(module)])
    parts = {name.split(".")[1] for name in imports(module) if name.startswith("hlnb.")}
    assert parts <= allowed


@pytest.mark.parametrize("module", [m for m in MODULES if part(m) == "publishing"])
def test_publishing_knows_no_science_library(module):
    assert not {n.split(".")[0] for n in imports(module)} & {"torch", "numpy"}


def test_training_knows_no_measure_by_name():
    text = (PACKAGE / "training.py").read_text("utf8")
    names = {
        node.name
        for node in ast.parse((PACKAGE / "metrics/measures.py").read_text()).body
        if isinstance(node, ast.ClassDef) and node.name != "Measure"
    }
    assert names
    assert not {name for name in names if f" {name}(" in text}


@pytest.mark.parametrize("module", MODULES)
def test_no_global_seed_and_no_pickle(module):
    text = (PACKAGE / module).read_text("utf8")
    for forbidden in ("torch.manual_seed", "np.random.seed", "import pickle"):
        assert forbidden not in text
