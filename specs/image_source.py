"""Where the images of jobs come from."""

from typing import Annotated, Literal

from pydantic import Field

ImageSource = Annotated[
    Literal["mirror", "already_mirrored", "mirror_by_deployment", "pull_through"], Field(examples=["already_mirrored"])
]
