"""Where the images of jobs come from."""

from typing import Literal

ImageSource = Literal["mirror", "already_mirrored", "mirror_by_deployment", "pull_through"]
