"""A writer to be killed: stores documents and prints the number of each one that is committed.

    python -m tests.storage.crashing FOLDER URL [stop]

With `stop` it stops in the middle of the first transaction, all rows written, and says "inside".
"""

import sys
import time
from pathlib import Path

from tests.storage.stores import ANNA_BSN, Place, document, exchange, opened, problem

if __name__ == "__main__":
    with opened(Place(Path(sys.argv[1]), sys.argv[2])) as database:
        anna = database.pseudonym(ANNA_BSN)
        with database.read() as transaction:
            number = transaction.log.store.head().size
        while True:
            number += 1
            with database.write() as transaction:
                blocks = [problem(f"{number}-{each}", "x" * 500) for each in range(20)]
                exchange(transaction, f"exchange-{number}", document(anna, *blocks, number=number))
                if "stop" in sys.argv:
                    sys.stdout.write("inside\n")
                    sys.stdout.flush()
                    time.sleep(60)
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
