"""Compares the files that have no validator to install with the schemas beside this file.

    structure.py fly|railway|consul|nomad FILE
"""

import json
import sys
from pathlib import Path

import jsonschema

from files import read_hcl, read_toml

READERS = {"fly": read_toml, "railway": read_toml, "consul": read_hcl, "nomad": read_hcl}


def main(kind, path):
    schema = json.loads((Path(__file__).parent / "schemas" / f"{kind}.schema.json").read_text())
    faults = list(jsonschema.Draft7Validator(schema).iter_errors(READERS[kind](path)))
    for fault in faults:
        print(f"{path}: {'.'.join(map(str, fault.absolute_path))}: {fault.message}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
