"""Write a report as CSV, and keep it."""

import csv
import io
from statistics import mean

from luajobs_kit import Data


async def csv_report(job):
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=["product", "sold", "average"])
    writer.writeheader()
    for product, sales in sorted(job.metadata["sales"].items()):
        writer.writerow({"product": product, "sold": sum(sales), "average": f"{mean(sales):.1f}"})
    await Data.create("reports", {"csv": out.getvalue()})
    return out.getvalue()
