"""Whether the pages say what the files do.

    pages.py DIRECTORY    of the kit, or of a copy of it

- Every link of a page leads to a file or a heading that exists.
- Every row of a table stands below the head of one.
- A table whose first column is `setting` names settings: each stands so in a file that the page links.
- Every file of the kit is linked from a page.
"""

import re
import sys
from pathlib import Path

# What has no page of its own.
UNNAMED = {".gitignore"}


def squeeze(text):
    return re.sub(r"\s+", " ", text)


def anchors(text):
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def settings(text):
    """Returns the first cells of the tables whose first column is `setting`."""
    for table in re.findall(r"^\| setting \|.*\n\|[-| ]+\n((?:\|.*\n?)+)", text, re.M):
        for row in table.splitlines():
            found = re.match(r"\| `([^`]+)` \|", row)
            yield found[1] if found else row


def lost_rows(text):
    """Returns the first rows of what looks like a table and has no head."""
    for table in re.findall(r"(?:^\|.*\n?)+", text, re.M):
        first, _, rest = table.partition("\n")
        if not re.match(r"\|[-:| ]+\|\n", rest):
            yield first


def examine(root):
    linked, faults = set(), []
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    for page in pages:
        text = without_code(page.read_text())
        name = page.relative_to(root)
        files = {}
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            target, _, anchor = link.partition("#")
            if "://" in link:
                continue
            file = (page.parent / target).resolve() if target else page.resolve()
            outside = root.resolve() not in file.parents and file != root.resolve()
            # What lies beside the kit is only there in the repository.
            if outside:
                continue
            if not file.exists():
                faults.append(f"{name}: {link} leads nowhere")
                continue
            linked.add(file)
            if file.suffix == ".md":
                if anchor and anchor not in anchors(without_code(file.read_text())):
                    faults.append(f"{name}: there is no heading for {link}")
            elif file.is_file():
                files[file] = squeeze(file.read_text())
        for row in lost_rows(text):
            faults.append(f"{name}: no table has the row {row}")
        for setting in settings(text):
            if not any(squeeze(setting) in content for content in files.values()):
                faults.append(f"{name}: `{setting}` is in no file that the page links")
    for file in sorted(root.rglob("*")):
        inside = file.relative_to(root)
        if file.is_dir() or file.suffix in (".md", ".pyc") or file.name in UNNAMED or inside.parts[0] == "tests":
            continue
        if file.resolve() not in linked:
            faults.append(f"{inside}: no page links it")
    return faults


if __name__ == "__main__":
    found = examine(Path(sys.argv[1]))
    for fault in found:
        print(fault, file=sys.stderr)
    sys.exit(1 if found else 0)
