"""What the image of the load has in it: `python3 -m unittest discover tests/cluster`."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

import load_image
import registry


class Image(unittest.TestCase):
    """The image of the load."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    @unittest.skipUnless(shutil.which("dpkg-query") and shutil.which("objcopy"), "images are built on Debian")
    def test_a_program_runs_on_the_libraries_of_its_image(self) -> None:
        place = load_image.build(Path(shutil.which("true")).resolve(), self.folder)
        self.assertEqual([file.name for file in self.folder.iterdir()], [place.name], "no part of it is left")
        root = self.folder / "root"
        with tarfile.open(place) as tar:
            archive = registry.Archive(tar)
            self.assertEqual(archive.reference, load_image.REFERENCE)
            listed = json.loads(archive.read("manifest.json"))[0]
            self.assertEqual(listed["RepoTags"], [load_image.REFERENCE])
            configuration = json.loads(archive.read(listed["Config"]))["config"]
            for layer in listed["Layers"]:
                with tarfile.open(fileobj=tar.extractfile(layer)) as files:
                    files.extraction_filter = getattr(tarfile, "data_filter", None)
                    files.extractall(root)
        self.assertEqual(configuration["Entrypoint"], ["/usr/bin/cluster-load"])
        self.assertEqual(configuration["User"], "65532:65532")
        loader = next(root.glob("usr/lib*/ld-linux*"))
        libraries = ":".join(str(folder) for folder in sorted({file.parent for file in root.glob("usr/lib/**/*.so*")}))
        command = [str(loader), "--library-path", libraries, str(root / load_image.PROGRAM)]
        subprocess.run(command, check=True)

    @unittest.skipUnless(shutil.which("dpkg-query") and shutil.which("objcopy"), "images are built on Debian")
    def test_two_builds_of_a_program_give_the_same_image(self) -> None:
        program = Path(shutil.which("true")).resolve()
        one = load_image.build(program, self.folder).read_bytes()
        self.assertEqual(load_image.build(program, self.folder).read_bytes(), one)

    def test_the_port_is_the_one_at_which_the_program_listens(self) -> None:
        arguments = load_image.HERE.parent / "src" / "cluster_load" / "arguments.rs"
        self.assertIn(f'default_value = "0.0.0.0:{load_image.PORT}"', arguments.read_text())

    def test_what_is_no_program_is_refused(self) -> None:
        self.assertRaises(load_image.contents.Failure, load_image.build, Path(__file__), self.folder)


if __name__ == "__main__":
    unittest.main()
