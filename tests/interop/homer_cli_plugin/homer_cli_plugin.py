"""A raw AES-256 key from a file, as a wrapping key of aws-encryption-cli.

The command line client supports KMS keys only; this entry point adds

    --wrapping-keys provider=homer namespace=hospitalA key=HomerKey file=homer.key

where the file contains exactly the 32 bytes of the key.
"""

from aws_encryption_sdk.identifiers import EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider

KEY_BYTES = 32


class HomerKeyProvider(RawMasterKeyProvider):
    """Provides the key of one file under any requested name."""

    provider_id = None  # the namespace; set per instance
    raw_key = None

    def _get_raw_key(self, key_id):
        return WrappingKey(
            wrapping_algorithm=WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
            wrapping_key=self.raw_key,
            wrapping_key_type=EncryptionKeyType.SYMMETRIC,
        )


def homer_key_provider(namespace, file, key_ids):
    """Builds the provider; the client passes every argument as a list."""
    if len(namespace) != 1 or len(file) != 1 or len(key_ids) != 1:
        raise ValueError("give exactly one namespace=, one file= and one key=")
    if namespace[0].startswith("aws-kms"):
        raise ValueError("namespaces that begin with aws-kms are reserved for KMS")
    with open(file[0], "rb") as source:
        raw_key = source.read(KEY_BYTES + 1)
    if len(raw_key) != KEY_BYTES:
        raise ValueError("the key file must contain exactly 32 bytes")
    provider = HomerKeyProvider()
    provider.provider_id = namespace[0]
    provider.raw_key = raw_key
    return provider
