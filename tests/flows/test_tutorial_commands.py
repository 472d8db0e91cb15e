"""The tutorial's own commands and setup_batch leave the same cluster and the same Batch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.eks_cluster import EksCluster
from flows.setup import setup_batch
from sandbox.remote import RemoteSandbox
from specs.mirror import permanent_tag
from specs.platform import PlatformSpec
from tests.control_planes import CONTROL_PLANES
from tests.flows.setup_picture import picture

SCRIPT = Path(__file__).with_name("tutorial.sh")


# The closest to the tutorial's own world that there is.
@pytest.mark.parametrize("sandbox", CONTROL_PLANES[-1:], indirect=True)
@pytest.mark.skipif(not (shutil.which("kubectl") and shutil.which("skopeo")), reason="needs kubectl and skopeo")
def test_the_tutorial_s_commands_leave_what_setup_leaves(
    cluster: EksCluster, platform: PlatformSpec, sandbox: RemoteSandbox
) -> None:
    setup_batch(cluster, platform)
    ours = picture(cluster)
    sandbox.reset()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(SCRIPT)],
        env=os.environ | sandbox.env | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    by_hand = picture(EksCluster(cluster_name=sandbox.env["EKS_CLUSTER"]))
    assert by_hand == ours

    # What was made by hand is what is wanted: nothing is taken over, and only the image gets its permanent tag.
    (digest,) = (digest for digest, tags in ours["images"] if tags)
    (image,) = setup_batch(cluster, platform).changed
    assert [change.field for change in image.changes] == [f"tag {permanent_tag('2', digest)}"]
    assert not setup_batch(cluster, platform).changed
