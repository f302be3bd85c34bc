"""The certificates and keys of a cluster, made by `openssl`."""

from __future__ import annotations

from pathlib import Path

from processes import run

# Longer than a node lives.
DAYS = "7"
CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
# Without it, strict programs refuse what the authority signs.
SIGNS = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
SERVER = """basicConstraints=CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


def write_keys(folder: Path, names: list[str]) -> None:
    """Writes an authority, the certificate of a server that has these names, and the pair for tokens of accounts.

    Names are written as `DNS:NAME` or `IP:ADDRESS`. The files are `authority`, `server` and `accounts`, each with the
    endings `.key` for the private key and `.pem` for the certificate.
    """
    for name in ("authority", "accounts"):
        files = ["-subj", f"/CN=marquee-{name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        run(["openssl", "req", "-x509", *CURVE, "-days", DAYS, *SIGNS, *files], cwd=folder)
    files = ["-keyout", "server.key", "-out", "server.csr"]
    run(["openssl", "req", "-new", *CURVE, "-subj", "/CN=marquee-server", *files], cwd=folder)
    (folder / "names").write_text(f"subjectAltName={','.join(names)}\n{SERVER}")
    authority = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial"]
    files = ["-in", "server.csr", "-extfile", "names", "-out", "server.pem"]
    run(["openssl", "x509", "-req", *authority, "-days", DAYS, *files], cwd=folder)
