"""Downloads everything below a prefix of a bucket by boto3, Amazon's own client, and prints how many files that were.

Arguments: the prefix, and a folder, below which files get the rest of their keys as paths. Standard input: an object in
JSON with `endpoint`, `bucket`, `access_key` and `secret_key`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import boto3

prefix, folder = sys.argv[1:]
server = json.load(sys.stdin)
s3 = boto3.client(
    "s3",
    endpoint_url=server["endpoint"],
    aws_access_key_id=server["access_key"],
    aws_secret_access_key=server["secret_key"],
    region_name="us-east-1",
)
count = 0
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=server["bucket"], Prefix=prefix):
    for found in page.get("Contents", []):
        place = Path(folder) / found["Key"].removeprefix(prefix)
        place.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(server["bucket"], found["Key"], str(place))
        count += 1
print(count)
