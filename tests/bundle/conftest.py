"""A small bundle, and how another tool would zip it."""

import zipfile

import pytest

from fluo_audit.bundle.write import write_bundle

PAYLOAD = {
    "README.txt": b"what is where\n",
    "report/report.json": b'{"verdict": "INCONCLUSIVE"}\n',
    "evidence/kms/0001.json": b"{}",
    "evidence/kms/0002.json": b"{} ",
}


@pytest.fixture
def payload():
    return PAYLOAD


@pytest.fixture
def bundle(tmp_path):
    return write_bundle(tmp_path / "bundle", PAYLOAD, {"Bagging-Date": "2026-03-31"}).path


@pytest.fixture
def plain_zip():
    """Zip all that lies in a folder as any other tool would: folders have entries of their own."""

    def make(folder, target):
        with zipfile.ZipFile(target, "w") as archive:
            for path in [folder, *sorted(folder.rglob("*"))]:
                archive.write(path, path.relative_to(folder.parent))
        return target

    return make
