"""A writer among others: whole exchanges about one person, one transaction each.

python -m tests.storage.writing FOLDER URL BSN PREFIX COUNT
"""

import sys
from pathlib import Path

from tests.storage.stores import Place, document, exchange, opened, problem

if __name__ == "__main__":
    folder, url, bsn, prefix, count = sys.argv[1:]
    with opened(Place(Path(folder), url)) as database:
        for number in range(int(count)):
            name = f"{prefix}{number}"
            person = database.pseudonym(bsn)
            with database.write() as transaction:
                exchange(transaction, name, document(person, problem(name), identifier=name))
