"""The environments of the peers that need one of their own, made of what is pinned here.

    python environments.py NAME FOLDER

Prints the interpreter of FOLDER/NAME, which is made if it is not there.
"""

import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = {
    "meltano": [
        "singer-sdk[msgspec]==0.54.9",
        "target-duckdb==0.8.0",
        "meltanolabs-target-postgres==0.8.1",
        # 2.x writes files that the benchmark's own 1.x cannot open
        "duckdb==1.5.6",
        "msgspec==0.22.0",
        "psycopg[binary]==3.3.6",
        "sqlalchemy==2.1.9",
    ],
    "airbyte": [
        "airbyte==0.71.3",
        "airbyte-cdk==7.39.1",
        "duckdb==1.4.3",
        "pandas==2.3.3",
        "psycopg2-binary==2.9.13",
        "sqlalchemy==2.0.43",
    ],
}


def python_of(name: str, folder: Path) -> Path:
    """The interpreter of the environment; a half made one is not taken for one."""
    home = folder.absolute() / name
    python = home / "bin" / "python"
    made = home / "requirements.txt"
    wanted = "\n".join(REQUIREMENTS[name])
    if not made.exists() or made.read_text() != wanted:
        venv.create(home, clear=True, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *REQUIREMENTS[name]],
            check=True,
            stdout=sys.stderr,
        )
        made.write_text(wanted)
    return python


if __name__ == "__main__":
    print(python_of(sys.argv[1], Path(sys.argv[2])))
