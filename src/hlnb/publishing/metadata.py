"""What machines read of a release: for Zenodo, as a research object, and as software.

All of it follows from CITATION.cff, pyproject.toml and the chapters' provenance.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

CRATE = "ro-crate-metadata.json"
CODEMETA = "codemeta.json"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"  # one program, one run each
LICENCES = "https://spdx.org/licenses/"


def zenodo(citation: Json, *, description: str) -> Json:
    """The metadata that Zenodo asks for, from what CITATION.cff says."""
    code = citation.get("repository-code")
    link = {"identifier": code, "relation": "isSupplementTo", "scheme": "url"}
    about = {
        "title": citation["title"],
        "upload_type": "software",
        "version": str(citation["version"]),
        "license": citation["license"],
        "creators": [_person(author) for author in citation["authors"]],
        "description": description,
        "keywords": citation.get("keywords"),
        "related_identifiers": [link] if code else None,
        "references": [_reference(work) for work in citation.get("references", [])],
    }
    return _without_gaps(about)


def codemeta(citation: Json, project: Json) -> Json:
    """The package as CodeMeta 3.0, from CITATION.cff and pyproject's [project]."""
    needs = project.get("dependencies", [])
    return _without_gaps(
        {
            "@context": "https://w3id.org/codemeta/3.0",
            "@type": "SoftwareSourceCode",
            "name": project["name"],
            "description": project["description"],
            "version": project["version"],
            "license": LICENCES + citation["license"],
            "codeRepository": citation.get("repository-code"),
            "author": [_author(author) for author in citation["authors"]],
            "programmingLanguage": f"Python {project.get('requires-python', '')}",
            "softwareRequirements": sorted(needs),
            "referencePublication": [
                _reference(work) for work in citation.get("references", [])
            ],
        }
    )


def crate(
    citation: Json,
    *,
    description: str,
    date: str,
    executed: Mapping[str, Json],
    files: Iterable[str],
) -> Json:
    """The release as an RO-Crate 1.1 with one run for each chapter.

    `date`: of the release. `executed`: the provenance of each chapter, by its name.
    `files`: what the archive holds. A run has the notebook as its instrument, the
    executed copy as its result, and says on which machine and with which versions.
    """
    listed = sorted(files)
    root: Json = {
        "@id": "./",
        "@type": "Dataset",
        "name": citation["title"],
        "description": description,
        "datePublished": date,
        "license": {"@id": LICENCES + citation["license"]},
        "conformsTo": {"@id": PROFILE},
        "author": [{"@id": _id(a)} for a in citation["authors"]],
        "hasPart": [{"@id": name} for name in listed],
        "mentions": [{"@id": f"#run-{name}"} for name in executed],
    }
    about = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }
    graph = [about, root, {"@id": PROFILE, "@type": "CreativeWork"}]
    graph += [{"@id": _id(a), **_author(a)} for a in citation["authors"]]
    licence = {"@id": LICENCES + citation["license"], "name": citation["license"]}
    graph.append(licence | {"@type": "CreativeWork"})
    graph += _software(executed.values())
    for name, provenance in executed.items():
        graph += _run(name, provenance)
    described = {each["@id"] for each in graph}
    graph += [{"@id": n, "@type": "File"} for n in listed if n not in described]
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}


def _run(name: str, provenance: Json) -> list[Json]:
    """A chapter's notebook, its executed copy, and the run between them."""
    notebook, copy = f"notebooks/{name}.ipynb", f"book/chapters/{name}.ipynb"
    machine = (
        f"{provenance['cpu']}, {provenance['cores']} cores, {provenance['system']}"
    )
    return [
        {
            "@id": notebook,
            "@type": ["File", "SoftwareSourceCode", "SoftwareApplication"],
            "name": name,
            "programmingLanguage": f"Python {provenance['python']}",
            "softwareRequirements": [
                {"@id": _package(*each)} for each in provenance["packages"].items()
            ],
        },
        {
            "@id": copy,
            "@type": "File",
            "name": f"{name}, executed",
            "encodingFormat": "application/x-ipynb+json",
        },
        {
            "@id": f"#run-{name}",
            "@type": "CreateAction",
            "name": f"Execution of {name}",
            "description": f"On {machine}; key {provenance['key']}",
            "endTime": provenance["date"],
            "instrument": {"@id": notebook},
            "result": {"@id": copy},
        },
    ]


def _software(executed: Iterable[Json]) -> list[Json]:
    """The packages of all runs, each version once."""
    used = {each for found in executed for each in found["packages"].items()}
    return [
        {
            "@id": _package(name, version),
            "@type": "SoftwareApplication",
            "name": name,
            "version": version,
        }
        for name, version in sorted(used)
    ]


def _package(name: str, version: str) -> str:
    return f"#{name}-{version}"


def _without_gaps(about: Json) -> Json:
    return {key: value for key, value in about.items() if value}


def _id(author: Mapping[str, str]) -> str:
    return author.get("orcid") or f"#{_person(author)['name'].replace(' ', '-')}"


def _author(author: Mapping[str, str]) -> Json:
    """An author as schema.org has it: an organization has a name alone."""
    if "name" in author:
        return {"@type": "Organization", "name": author["name"]}
    known = {"@type": "Person", "affiliation": author.get("affiliation", "")}
    known |= {"givenName": author["given-names"], "familyName": author["family-names"]}
    return _without_gaps(known | {"name": _person(author)["name"]})


def _person(author: Mapping[str, str]) -> Json:
    if "name" in author:
        return {"name": author["name"]}
    name = f"{author['family-names']}, {author['given-names']}"
    known = {"name": name, "affiliation": author.get("affiliation")}
    return _without_gaps(known | {"orcid": author.get("orcid", "").rpartition("/")[2]})


def _reference(work: Mapping[str, Any]) -> str:
    """A cited work as a line of text."""
    authors: Sequence[Mapping[str, str]] = work["authors"]
    names = "; ".join(_person(author)["name"] for author in authors)
    place = work.get("institution", {}).get("name", "")
    parts = [names, work["title"], place, str(work.get("year", ""))]
    return ". ".join(part for part in parts if part) + "."
