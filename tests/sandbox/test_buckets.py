"""S3 buckets: made where asked for, closed to the public, and with settings that read back as they were written."""

from __future__ import annotations

import json

import pytest

BUCKET = "fluo-cloudtrail-test-123456789012"
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudtrail.amazonaws.com"},
    "Action": "s3:GetBucketAcl",
    "Resource": f"arn:aws:s3:::{BUCKET}",
}


@pytest.fixture
def s3(aws):
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def policy(**changed):
    return json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT | changed]})


def test_a_bucket_lies_in_the_region_of_its_constraint(aws, s3, refused):
    west = aws("s3", region="eu-west-1")
    here = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    west.create_bucket(Bucket="fluo-in-europe", **here)

    assert west.head_bucket(Bucket="fluo-in-europe")["BucketRegion"] == "eu-west-1"
    assert s3.head_bucket(Bucket=BUCKET)["BucketRegion"] == "us-east-1"
    with refused("IllegalLocationConstraintException"):
        west.create_bucket(Bucket="fluo-elsewhere")
    with refused("InvalidLocationConstraint"):
        s3.create_bucket(Bucket="fluo-elsewhere", CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    with refused("BucketAlreadyOwnedByYou"):
        west.create_bucket(Bucket="fluo-in-europe", **here)
    with refused("404"):
        s3.head_bucket(Bucket="fluo-elsewhere")


def test_a_new_bucket_is_closed_encrypted_and_not_versioned(s3, refused):
    closed = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    (owner,) = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"]

    assert (len(closed), set(closed.values())) == (4, {True})
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert owner == {"ObjectOwnership": "BucketOwnerEnforced"}
    assert "Status" not in s3.get_bucket_versioning(Bucket=BUCKET)
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=BUCKET)
    for name in ("encryption", "versioning", "policy"):
        with refused("NoSuchBucket"):
            getattr(s3, f"get_bucket_{name}")(Bucket="fluo-none")


def test_making_ones_own_bucket_again_in_us_east_1_changes_nothing(s3):
    open_to_all = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False
    )
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=open_to_all)
    s3.create_bucket(Bucket=BUCKET)
    assert s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"] == open_to_all


def test_settings_read_back_as_written(aws, s3):
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy())

    assert s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"] == rules
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert s3.get_bucket_policy(Bucket=BUCKET)["Policy"] == policy()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "invalid Json"),
        ("[]", "invalid Json"),
        ('{"Statement": [{"Effect": "Allow"}]}', "invalid Json"),
        (policy(Resource="arn:aws:s3:::another"), "invalid resource"),
        (policy(Resource=[f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}-2/*"]), "invalid resource"),
    ],
)
def test_a_policy_is_json_about_this_bucket(s3, refused, text, message):
    with refused("MalformedPolicy", message):
        s3.put_bucket_policy(Bucket=BUCKET, Policy=text)
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=BUCKET)
