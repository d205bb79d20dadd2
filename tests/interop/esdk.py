#!/usr/bin/env python3
"""Seals or opens files with the AWS Encryption SDK for Python, as a hospital would do.

Needs requirements-mpl.txt. Streams: files are not held in memory. Opening
writes next to OUT and renames it, so OUT exists only if everything was verified.
All pairs of IN and OUT use the same key and context.
"""

import argparse
import os
import shutil
import sys

import aws_encryption_sdk
import boto3
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import (
    AesWrappingAlg,
    CreateAwsKmsKeyringInput,
    CreateRawAesKeyringInput,
)
from aws_encryption_sdk.identifiers import AlgorithmSuite, CommitmentPolicy

SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
KEY_BYTES = 32
FRAME_LENGTH_BYTES = 1024 * 1024
MAX_ENCRYPTED_DATA_KEYS = 5
CHUNK_BYTES = 4 * 1024 * 1024


def pair(text):
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError("give name=value")
    return name, value


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["seal", "open"])
    parser.add_argument("--key", help="file that contains the 32 bytes of the wrapping key")
    parser.add_argument("--namespace", help="namespace of the wrapping key")
    parser.add_argument("--name", help="name of the wrapping key")
    parser.add_argument("--kms-key", metavar="ARN", help="KMS key, instead of the three above")
    parser.add_argument("--context", nargs="+", type=pair, default=[], metavar="NAME=VALUE",
                        help="encryption context: written by seal, required by open")
    parser.add_argument("--frame-length", type=int, default=FRAME_LENGTH_BYTES,
                        help="plaintext bytes in a frame, for seal (default: %(default)s)")
    parser.add_argument("files", nargs="+", metavar="IN OUT", help="input file and output file; repeatable")
    args = parser.parse_args()
    if len(args.files) % 2:
        parser.error("give an OUT for every IN")
    if not args.kms_key and not (args.key and args.namespace and args.name):
        parser.error("give --kms-key, or --key, --namespace and --name")
    return args


def keyring(args):
    providers = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
    if args.kms_key:
        kms = boto3.client("kms", region_name=args.kms_key.split(":")[3])
        return providers.create_aws_kms_keyring(
            input=CreateAwsKmsKeyringInput(kms_key_id=args.kms_key, kms_client=kms)
        )
    with open(args.key, "rb") as source:
        wrapping_key = source.read(KEY_BYTES + 1)
    if len(wrapping_key) != KEY_BYTES:
        sys.exit("the key file must contain exactly 32 bytes")
    return providers.create_raw_aes_keyring(
        input=CreateRawAesKeyringInput(
            key_namespace=args.namespace,
            key_name=args.name,
            wrapping_key=wrapping_key,
            wrapping_alg=AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
    )


def convert(client, kwargs, source_path, target_path):
    unfinished = target_path + ".part"
    try:
        with open(source_path, "rb") as source, open(unfinished, "wb") as target:
            with client.stream(source=source, **kwargs) as stream:
                shutil.copyfileobj(stream, target, CHUNK_BYTES)
        os.replace(unfinished, target_path)
    finally:
        if os.path.exists(unfinished):
            os.remove(unfinished)


def main():
    args = parse_args()
    client = aws_encryption_sdk.EncryptionSDKClient(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
        max_encrypted_data_keys=MAX_ENCRYPTED_DATA_KEYS,
    )
    kwargs = {"keyring": keyring(args), "encryption_context": dict(args.context)}
    if args.action == "seal":
        kwargs.update(mode="e", algorithm=SUITE, frame_length=args.frame_length)
    else:
        kwargs.update(mode="decrypt-unsigned")
    for source, target in zip(args.files[::2], args.files[1::2]):
        convert(client, kwargs, source, target)


if __name__ == "__main__":
    main()
