"""Opens a sealed object with AWS's own Python client, or seals one.

    client.py open SEALED OUT --key-file FILE
    client.py seal PLAIN OUT --key-file FILE --object KEY [--pit PIT]
    client.py analyze SEALED OUT_DIR --key-file FILE

`open` does what a hospital's script would do, streaming. `analyze` is the whole path in
Python: open into a temporary file, then the pandas contender. Key namespace and name
are read from the header (they identify the key and are not secret), so any key file
that `sce key new` created works here.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import aws_encryption_sdk
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import AesWrappingAlg, CreateRawAesKeyringInput
from aws_encryption_sdk.identifiers import AlgorithmSuite

CHUNK = FRAME = 1 << 20
SEALED_AS = ("sce-bench", "HomerKey")  # namespace and name written by `seal`


def keyring(key_file: Path, namespace: str, name: str) -> Any:
    """Return a raw AES keyring over the 32 bytes of `key_file`."""
    providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
    return providers.create_raw_aes_keyring(
        CreateRawAesKeyringInput(
            key_namespace=namespace,
            key_name=name,
            wrapping_key=key_file.read_bytes(),
            wrapping_alg=AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
    )


def header_names(sealed: Path) -> tuple[str, str]:
    """Return key namespace and name of the first encrypted data key in the header."""
    with sealed.open("rb") as source:
        header = source.read(1 << 16)

    def field(at: int) -> tuple[bytes, int]:
        size = int.from_bytes(header[at : at + 2], "big")
        return header[at + 2 : at + 2 + size], at + 2 + size

    _context, at = field(35)  # after version, suite and message id
    namespace, at = field(at + 2)  # after the count of data keys
    info, _ = field(at)
    return namespace.decode(), info[:-20].decode()  # the name, then two lengths and an IV


def copy(mode: str, source: Path, target: Path, **settings: Any) -> None:
    """Stream `source` through the client into `target`, chunk by chunk."""
    client = aws_encryption_sdk.EncryptionSDKClient()
    with (
        source.open("rb") as reading,
        target.open("wb") as writing,
        client.stream(mode=mode, source=reading, **settings) as stream,
    ):
        while chunk := stream.read(CHUNK):
            writing.write(chunk)


def seal(plain: Path, sealed: Path, key_file: Path, context: dict[str, str]) -> None:
    """Seal as `sce seal` does: suite 0478, 1 MiB frames, with the encryption context."""
    copy(
        "e",
        plain,
        sealed,
        keyring=keyring(key_file, *SEALED_AS),
        encryption_context=context,
        algorithm=AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
        frame_length=FRAME,
    )


def main() -> None:
    """Run the chosen command."""
    parser = argparse.ArgumentParser(description="seal and open with AWS's own Python client")
    parser.add_argument("command", choices=("open", "seal", "analyze"))
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--key-file", type=Path, required=True, help="32 bytes, raw")
    parser.add_argument("--object", default="bench", help="object key, for `seal` (default: bench)")
    parser.add_argument("--pit", default="hipaa", help="project identifier tag, for `seal` (default: hipaa)")
    args = parser.parse_args()
    if args.command == "seal":
        seal(args.source, args.out, args.key_file, {"pit": args.pit, "object": args.object})
        return
    ring = keyring(args.key_file, *header_names(args.source))
    if args.command == "open":
        copy("d", args.source, args.out, keyring=ring)
        return
    import with_pandas  # only this command needs it, and its import takes CPU time

    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.out) as folder:
        plain = Path(folder, "plain.csv")
        copy("d", args.source, plain, keyring=ring)
        with_pandas.analyze(plain, args.out)


if __name__ == "__main__":
    main()
