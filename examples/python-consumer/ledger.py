"""What was sold, in an SQLite database. A message counts once, however often it is delivered."""

import sqlite3
import time

# Warren may send a message again for 30 days after it was made; what is remembered for longer can't count twice.
REMEMBERED_SECONDS = 35 * 24 * 3600

SCHEMA = """
CREATE TABLE IF NOT EXISTS handled (
  source TEXT NOT NULL,
  id TEXT NOT NULL,
  handled_at INTEGER NOT NULL,
  PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS handled_by_time ON handled (handled_at);
CREATE TABLE IF NOT EXISTS sales (
  sku TEXT NOT NULL,
  currency TEXT NOT NULL,
  pieces INTEGER NOT NULL,
  revenue INTEGER NOT NULL,
  PRIMARY KEY (sku, currency)
);
"""


class Ledger:
    def __init__(self, path):
        self._db = sqlite3.connect(path, timeout=5)
        self._db.executescript(SCHEMA)

    def record(self, envelope):
        """
        Adds the lines of an order.placed.v1 to the sales. Returns False when the message had its effect before.

        Its key and its effect are committed together: neither is there without the other.
        """
        now = int(time.time())
        with self._db:
            self._db.execute("DELETE FROM handled WHERE handled_at < ?", (now - REMEMBERED_SECONDS,))
            claimed = self._db.execute(
                "INSERT INTO handled (source, id, handled_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (envelope["source"], envelope["id"], now),
            )
            if claimed.rowcount == 0:
                return False
            for line in envelope["data"]["lines"]:
                quantity, price = int(line["quantity"]), line["unitPrice"]
                self._db.execute(
                    "INSERT INTO sales (sku, currency, pieces, revenue) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET pieces = pieces + excluded.pieces, revenue = revenue + excluded.revenue",
                    (line["sku"], price["currency"], quantity, quantity * int(price["amount"])),
                )
        return True

    def report(self):
        """One dictionary for each SKU and currency; revenue is in minor units of the currency."""
        rows = self._db.execute("SELECT sku, currency, pieces, revenue FROM sales ORDER BY sku, currency")
        return [dict(zip(("sku", "currency", "pieces", "revenue"), row)) for row in rows]

    def close(self):
        self._db.close()
